-- rooms.renew
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
local num6
local fork0 = call('EXISTS', KEYS[5]) == 1
call('ZCARD', KEYS[2])
call('ZCARD', KEYS[3])
call('ZCARD', KEYS[4])
if fork0 then
  call('ZCARD', KEYS[6])
else
  call('ZCARD', KEYS[6])
end
-- 0 MapMatch
local r0 = call('HMGET', KEYS[1], unpack(ARGV, ARGV[1], ARGV[2]))
local list0 = {}
local count0 = 0
local before1 = ARGV[1] - 1
local before3 = ARGV[3] - 1
local sub0 = string.sub
for i = 1, #r0 do
  local value, prefix = r0[i], ARGV[before3 + i]
  if value and sub0(value, 1, #prefix) == prefix then
    r0[i] = 1
    count0 = count0 + 1
    list0[count0] = ARGV[before1 + i]
  elseif value then
    r0[i] = 0
  end
end
-- 1 RankPut
call('ZREMRANGEBYRANK', KEYS[2], 1, 0)
local r1 = false
if #list0 > 0 then
  local rank1 = now + ARGV[4]
  local text1 = string.format('%d%07d', rank1 / 1e7, rank1 % 1e7)
  r1 = ''
  local all1, args1, count1 = #list0, {}, 0
  if call('ZCARD', KEYS[2]) >= all1 and call('ZCOUNT', KEYS[2], '-inf', ms) == 0 then
    for i = 1, all1 do args1[2 * i - 1], args1[2 * i] = text1, list0[i] end
    for i = 1, 2 * all1, 1000 do
      count1 = count1 + call('ZADD', KEYS[2], 'XX', 'CH', unpack(args1, i, math.min(i + 999, 2 * all1)))
    end
  end
  if count1 == all1 then
    r1 = rank1
    local ttl1 = call('PTTL', KEYS[2])
    if ttl1 ~= -1 and ttl1 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[2], ARGV[5]) end
  else
    local old1 = call('ZMSCORE', KEYS[2], unpack(list0))
    local args1, count1 = {}, 0
    local written = {rank1}
    for i = 1, #list0 do
      local member = list0[i]
      local old = old1[i]
      if old and old + 0 > now then
        count1 = count1 + 1
        args1[2 * count1 - 1], args1[2 * count1] = text1, member
        written[count1 + 1] = member
      end
    end
    if count1 > 0 then
      local ttl1 = call('PTTL', KEYS[2])
      for i = 1, 2 * count1, 1000 do
        call('ZADD', KEYS[2], unpack(args1, i, math.min(i + 999, 2 * count1)))
      end
      r1 = written
      if ttl1 ~= -1 and ttl1 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[2], ARGV[5]) end
    end
  end
end
-- 2 RankPut
local r2 = false
if #list0 > 0 then
  local rank2 = now + ARGV[6]
  local text2 = string.format('%d%07d', rank2 / 1e7, rank2 % 1e7)
  r2 = ''
  local all2, args2, count2 = #list0, {}, 0
  if call('ZCARD', KEYS[3]) >= all2 and call('ZCOUNT', KEYS[3], '-inf', ms) == 0 then
    for i = 1, all2 do args2[2 * i - 1], args2[2 * i] = text2, list0[i] end
    for i = 1, 2 * all2, 1000 do
      count2 = count2 + call('ZADD', KEYS[3], 'XX', 'CH', unpack(args2, i, math.min(i + 999, 2 * all2)))
    end
  end
  if count2 == all2 then
    r2 = rank2
    local ttl2 = call('PTTL', KEYS[3])
    if ttl2 ~= -1 and ttl2 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[3], ARGV[5]) end
  else
    local old2 = call('ZMSCORE', KEYS[3], unpack(list0))
    local args2, count2 = {}, 0
    local written = {rank2}
    for i = 1, #list0 do
      local member = list0[i]
      local old = old2[i]
      if old and old + 0 > now then
        count2 = count2 + 1
        args2[2 * count2 - 1], args2[2 * count2] = text2, member
        written[count2 + 1] = member
      end
    end
    if count2 > 0 then
      local ttl2 = call('PTTL', KEYS[3])
      for i = 1, 2 * count2, 1000 do
        call('ZADD', KEYS[3], unpack(args2, i, math.min(i + 999, 2 * count2)))
      end
      r2 = written
      if ttl2 ~= -1 and ttl2 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[3], ARGV[5]) end
    end
  end
end
-- 3 Expire
local ttl3 = call('PTTL', KEYS[1])
local r3 = ttl3 == -2 and 0 or 1
if ttl3 >= 0 and ttl3 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[1], ARGV[5]) end
-- 4 RankRange
local r4 = call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[7])
-- 5 RankPut
if r4[2] then
  local rank5 = r4[2]
  local ttl5 = call('PTTL', KEYS[4])
  call('ZADD', KEYS[4], rank5, ARGV[8])
  if ttl5 ~= -1 and ttl5 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[4], ARGV[5]) end
end
if fork0 then
  -- 6 Expire
  local ttl6 = call('PTTL', KEYS[5])
  num6 = ttl6 >= 0 and now + ttl6
  if ttl6 >= 0 and ttl6 < tonumber(ARGV[5]) then
    call('PEXPIRE', KEYS[5], ARGV[5])
    num6 = now + ARGV[5]
  end
  -- 7 RankPut
  if num6 then
    local rank7 = math.max(-2^53, math.min(2^53, tonumber(num6)))
    local ttl7 = call('PTTL', KEYS[6])
    call('ZADD', KEYS[6], rank7, ARGV[8])
    if ttl7 ~= -1 and ttl7 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[6], ARGV[5]) end
  end
else
  -- 8 RankPut
  local rank8 = now + ARGV[9]
  local ttl8 = call('PTTL', KEYS[6])
  call('ZADD', KEYS[6], string.format('%d%07d', rank8 / 1e7, rank8 % 1e7), ARGV[8])
  if ttl8 ~= -1 and ttl8 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[6], ARGV[5]) end
end
return {now, r0, r1, r2, r3, fork0 and 1 or 0}
