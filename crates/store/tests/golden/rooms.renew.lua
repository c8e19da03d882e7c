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
for i, value in ipairs(r0) do
  local prefix = ARGV[ARGV[3] + i - 1]
  r0[i] = value and (string.sub(value, 1, #prefix) == prefix and 1 or 0)
  if r0[i] == 1 then list0[#list0 + 1] = ARGV[ARGV[1] + i - 1] end
end
-- 1 RankPut
call('ZREMRANGEBYRANK', KEYS[2], 1, 0)
local r1 = false
if #list0 > 0 then
  local rank1 = now + ARGV[4]
  local old1 = call('ZMSCORE', KEYS[2], unpack(list0))
  r1 = ''
  local args1, written = {}, {rank1}
  local done1 = {}
  for i = 1, #list0 do
    local member = list0[i]
    local old = done1[member] or old1[i]
    local live = old and tonumber(old) > now
    if live then
      done1[member] = rank1
      args1[#args1 + 1], args1[#args1 + 2] = rank1, member
      written[#written + 1] = member
    end
  end
  if #args1 > 0 then
    local ttl1 = call('PTTL', KEYS[2])
    for i = 1, #args1, 1000 do
      call('ZADD', KEYS[2], unpack(args1, i, math.min(i + 999, #args1)))
    end
    r1 = written
    if ttl1 ~= -1 and ttl1 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[2], ARGV[5]) end
  end
end
-- 2 RankPut
local r2 = false
if #list0 > 0 then
  local rank2 = now + ARGV[6]
  local old2 = call('ZMSCORE', KEYS[3], unpack(list0))
  r2 = ''
  local args2, written = {}, {rank2}
  local done2 = {}
  for i = 1, #list0 do
    local member = list0[i]
    local old = done2[member] or old2[i]
    local live = old and tonumber(old) > now
    if live then
      done2[member] = rank2
      args2[#args2 + 1], args2[#args2 + 2] = rank2, member
      written[#written + 1] = member
    end
  end
  if #args2 > 0 then
    local ttl2 = call('PTTL', KEYS[3])
    for i = 1, #args2, 1000 do
      call('ZADD', KEYS[3], unpack(args2, i, math.min(i + 999, #args2)))
    end
    r2 = written
    if ttl2 ~= -1 and ttl2 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[3], ARGV[5]) end
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
  call('ZADD', KEYS[6], rank8, ARGV[8])
  if ttl8 ~= -1 and ttl8 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[6], ARGV[5]) end
end
return {now, r0, r1, r2, r3, fork0 and 1 or 0}
