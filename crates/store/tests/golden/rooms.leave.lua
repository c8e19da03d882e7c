-- rooms.leave
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
local r0, list0, r1, list1, r2, r3, r4, r5, r6, r7
local r8, r9, r10, r11, list11, limit12, r12, list12, r13, r14
local r15, r16, list16, r17, r18, r19, list19, r23, num25
local fork0 = call('EXISTS', KEYS[5]) == 1
local fork1 = call('EXISTS', KEYS[7]) == 1
call('HLEN', KEYS[1])
call('ZCARD', KEYS[2])
call('ZCARD', KEYS[3])
call('ZCARD', KEYS[4])
call('ZCARD', KEYS[5])
call('XLEN', KEYS[6])
if fork0 then
  limit12 = call('HGET', KEYS[7], ARGV[9]) or ARGV[10]
  if limit12 ~= '0' and not (string.find(limit12, '^%-?[1-9]%d*$') and (#limit12 < 19
    or #limit12 == 19 and (string.byte(limit12) == 45 or limit12 <= '9223372036854775807')
    or #limit12 == 20 and string.byte(limit12) == 45 and limit12 <= '-9223372036854775808')) then
    return 'NotANumber'
  end
end
call('ZCARD', KEYS[8])
call('ZCARD', KEYS[9])
-- 0 MapMatch
do
  r0 = call('HMGET', KEYS[1], unpack(ARGV, ARGV[1], ARGV[2]))
  list0 = {}
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
end
-- 1 MapGet
do
  r1 = false
  list1 = {}
  if #list0 > 0 then
    r1 = call('HMGET', KEYS[1], unpack(list0))
    for i, value in ipairs(r1) do list1[i] = value or '' end
  end
end
-- 2 RankRemove
do
  call('ZREMRANGEBYRANK', KEYS[2], 1, 0)
  r2 = false
  if #list0 > 0 then r2 = call('ZREM', KEYS[2], unpack(list0)) end
end
-- 3 RankRemove
do
  r3 = false
  if #list0 > 0 then r3 = call('ZREM', KEYS[3], unpack(list0)) end
end
-- 4 RankRemove
do
  r4 = false
  if #list0 > 0 then r4 = call('ZREM', KEYS[4], unpack(list0)) end
end
-- 5 RankRemove
do
  r5 = false
  if #list0 > 0 then r5 = call('ZREM', KEYS[5], unpack(list0)) end
end
-- 6 MapRemove
do
  r6 = false
  if #list0 > 0 then r6 = call('HDEL', KEYS[1], unpack(list0)) end
end
-- 7 Append
do
  r7 = false
  if #list0 > 0 and #list1 > 0 then
    local ttl7 = call('PTTL', KEYS[6])
    r7 = {}
    for i = 1, math.min(#list0, #list1) do
      r7[i] = call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[5], '*', 'k', ARGV[4], 'm', list0[i], 'i', list1[i])
    end
    if ttl7 ~= -1 and ttl7 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[6], ARGV[6]) end
  end
end
if fork0 then
  -- 8 RankTake
  do
    r8 = call('ZRANGEBYSCORE', KEYS[4], '-inf', ms, 'LIMIT', 0, ARGV[5])
    if #r8 > 0 then call('ZREM', KEYS[4], unpack(r8)) end
  end
  -- 9 RankRemove
  do
    r9 = false
    if #r8 > 0 then r9 = call('ZREM', KEYS[5], unpack(r8)) end
  end
  -- 10 MapRemove
  do
    r10 = false
    if #r8 > 0 then r10 = call('HDEL', KEYS[1], unpack(r8)) end
  end
  -- 11 RankRange
  do
    r11 = call('ZRANGEBYSCORE', KEYS[5], '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[7])
    list11 = {}
    for i = 1, #r11, 2 do list11[#list11 + 1] = r11[i] end
  end
  -- 12 RankPut
  do
    r12 = false
    list12 = {}
    if #list11 > 0 then
      local rank12 = now + ARGV[8]
      local text12 = string.format('%d%07d', rank12 / 1e7, rank12 % 1e7)
      r12 = ''
      local old12 = call('ZMSCORE', KEYS[2], unpack(list11))
      local space12 = tonumber(limit12) - call('ZCOUNT', KEYS[2], '(' .. ms, '+inf')
      local args12, count12 = {}, 0
      local written = {rank12}
      for i = 1, #list11 do
        local member = list11[i]
        local old = old12[i]
        if space12 > 0 and not (old and old + 0 > now) then
          if rank12 > now then space12 = space12 - 1 end
          count12 = count12 + 1
          args12[2 * count12 - 1], args12[2 * count12] = text12, member
          written[count12 + 1] = member
          list12[count12] = member
        end
      end
      if count12 > 0 then
        local ttl12 = call('PTTL', KEYS[2])
        for i = 1, 2 * count12, 1000 do
          call('ZADD', KEYS[2], unpack(args12, i, math.min(i + 999, 2 * count12)))
        end
        r12 = written
        if ttl12 ~= -1 and ttl12 < tonumber(ARGV[11]) then call('PEXPIRE', KEYS[2], ARGV[11]) end
      end
    end
  end
  -- 13 RankPut
  do
    r13 = false
    if #list12 > 0 then
      local rank13 = now + ARGV[8]
      local text13 = string.format('%d%07d', rank13 / 1e7, rank13 % 1e7)
      r13 = ''
      local args13, count13 = {}, 0
      local written = {rank13}
      for i = 1, #list12 do
        local member = list12[i]
        count13 = count13 + 1
        args13[2 * count13 - 1], args13[2 * count13] = text13, member
        written[count13 + 1] = member
      end
      local ttl13 = call('PTTL', KEYS[3])
      for i = 1, 2 * count13, 1000 do
        call('ZADD', KEYS[3], unpack(args13, i, math.min(i + 999, 2 * count13)))
      end
      r13 = written
      if ttl13 ~= -1 and ttl13 < tonumber(ARGV[11]) then call('PEXPIRE', KEYS[3], ARGV[11]) end
    end
  end
  -- 14 RankRemove
  do
    r14 = false
    if #list12 > 0 then r14 = call('ZREM', KEYS[5], unpack(list12)) end
  end
  -- 15 RankRemove
  do
    r15 = false
    if #list12 > 0 then r15 = call('ZREM', KEYS[4], unpack(list12)) end
  end
  -- 16 MapGet
  do
    r16 = false
    list16 = {}
    if #list12 > 0 then
      r16 = call('HMGET', KEYS[1], unpack(list12))
      for i, value in ipairs(r16) do list16[i] = value or '' end
    end
  end
  -- 17 Append
  do
    r17 = false
    if #list12 > 0 and #list16 > 0 then
      local ttl17 = call('PTTL', KEYS[6])
      r17 = {}
      for i = 1, math.min(#list12, #list16) do
        r17[i] = call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[5], '*', 'k', ARGV[12], 'm', list12[i], 'i', list16[i])
      end
      if ttl17 ~= -1 and ttl17 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[6], ARGV[6]) end
    end
  end
end
-- 18 RankTake
do
  r18 = call('ZRANGEBYSCORE', KEYS[2], '-inf', ms, 'LIMIT', 0, ARGV[7])
  if #r18 > 0 then call('ZREM', KEYS[2], unpack(r18)) end
end
-- 19 MapGet
do
  r19 = false
  list19 = {}
  if #r18 > 0 then
    r19 = call('HMGET', KEYS[1], unpack(r18))
    for i, value in ipairs(r19) do list19[i] = value or '' end
  end
end
-- 20 MapRemove
do
  if #r18 > 0 then call('HDEL', KEYS[1], unpack(r18)) end
end
-- 21 RankRemove
do
  if #r18 > 0 then call('ZREM', KEYS[3], unpack(r18)) end
end
-- 22 Append
do
  if #r18 > 0 and #list19 > 0 then
    local ttl22 = call('PTTL', KEYS[6])
    for i = 1, math.min(#r18, #list19) do
      call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[5], '*', 'k', ARGV[13], 'm', r18[i], 'i', list19[i])
    end
    if ttl22 ~= -1 and ttl22 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[6], ARGV[6]) end
  end
end
-- 23 RankRange
do
  r23 = call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[14])
end
-- 24 RankPut
do
  if r23[2] then
    local rank24 = r23[2]
    local ttl24 = call('PTTL', KEYS[8])
    call('ZADD', KEYS[8], rank24, ARGV[15])
    if ttl24 ~= -1 and ttl24 < tonumber(ARGV[11]) then call('PEXPIRE', KEYS[8], ARGV[11]) end
  end
end
if fork1 then
  -- 25 Expire
  do
    local ttl25 = call('PTTL', KEYS[7])
    num25 = ttl25 >= 0 and now + ttl25
    if ttl25 >= 0 and ttl25 < tonumber(ARGV[11]) then
      call('PEXPIRE', KEYS[7], ARGV[11])
      num25 = now + ARGV[11]
    end
  end
  -- 26 RankPut
  do
    if num25 then
      local rank26 = math.max(-2^53, math.min(2^53, tonumber(num25)))
      local ttl26 = call('PTTL', KEYS[9])
      call('ZADD', KEYS[9], rank26, ARGV[15])
      if ttl26 ~= -1 and ttl26 < tonumber(ARGV[11]) then call('PEXPIRE', KEYS[9], ARGV[11]) end
    end
  end
else
  -- 27 RankPut
  do
    local rank27 = now + ARGV[6]
    local ttl27 = call('PTTL', KEYS[9])
    call('ZADD', KEYS[9], string.format('%d%07d', rank27 / 1e7, rank27 % 1e7), ARGV[15])
    if ttl27 ~= -1 and ttl27 < tonumber(ARGV[11]) then call('PEXPIRE', KEYS[9], ARGV[11]) end
  end
end
return {now, r0, r1, r2, r3, r4, r5, r6, r7, fork0 and 1 or 0, r8 or false, r9 or false, r10 or false, r11 or false, r12 or false, r13 or false, r14 or false, r15 or false, r16 or false, r17 or false, fork1 and 1 or 0}
