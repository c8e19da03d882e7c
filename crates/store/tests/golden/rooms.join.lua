-- rooms.join
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
local r0, list0, fork2, fork3, r10, num18
local score1 = call('ZSCORE', KEYS[1], ARGV[1])
local fork0 = score1 and tonumber(score1) <= now
local fork1 = score1 and tonumber(score1) > now
if fork1 then
  fork2 = call('ZSCORE', KEYS[4], ARGV[1]) ~= false
else
  local count2 = call('ZCOUNT', KEYS[1], '(' .. ms, '+inf')
  local bound3 = call('HGET', KEYS[5], ARGV[9]) or ARGV[10]
  if bound3 ~= '0' and not (string.find(bound3, '^%-?[1-9]%d*$') and (#bound3 < 19
    or #bound3 == 19 and (string.byte(bound3) == 45 or bound3 <= '9223372036854775807')
    or #bound3 == 20 and string.byte(bound3) == 45 and bound3 <= '-9223372036854775808')) then
    return 'NotANumber'
  end
  fork3 = count2 < tonumber(bound3) and call('ZCOUNT', KEYS[6], '(' .. ms, '+inf') < tonumber(ARGV[11])
end
local fork4 = call('EXISTS', KEYS[5]) == 1
call('HLEN', KEYS[2])
call('ZCARD', KEYS[4])
call('XLEN', KEYS[3])
call('ZCARD', KEYS[7])
if fork4 then
  call('ZCARD', KEYS[8])
else
  call('ZCARD', KEYS[8])
end
if fork0 then
  -- 0 MapGet
  r0 = call('HMGET', KEYS[2], ARGV[1])
  list0 = {}
  for i, value in ipairs(r0) do list0[i] = value or '' end
  -- 1 RankRemove
  call('ZREM', KEYS[1], ARGV[1])
  -- 2 Append
  if #list0 > 0 then
    local ttl2 = call('PTTL', KEYS[3])
    for i = 1, #list0 do
      call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'k', ARGV[2], 'm', ARGV[1], 'i', list0[i])
    end
    if ttl2 ~= -1 and ttl2 < tonumber(ARGV[4]) then call('PEXPIRE', KEYS[3], ARGV[4]) end
  end
end
if fork1 then
  -- 3 RankPut
  if not fork0 then call('ZREMRANGEBYRANK', KEYS[1], 1, 0) end
  local rank3 = now + ARGV[5]
  local old3 = call('ZSCORE', KEYS[1], ARGV[1])
  local live3 = old3 and tonumber(old3) > now
  if live3 then
    local ttl3 = call('PTTL', KEYS[1])
    call('ZADD', KEYS[1], string.format('%d%07d', rank3 / 1e7, rank3 % 1e7), ARGV[1])
    if ttl3 ~= -1 and ttl3 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[1], ARGV[6]) end
  end
  -- 4 MapPut
  local ttl4 = call('PTTL', KEYS[2])
  call('HSET', KEYS[2], ARGV[1], ARGV[7])
  if ttl4 ~= -1 and ttl4 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[2], ARGV[6]) end
  if fork2 then
    -- 5 RankRemove
    call('ZREM', KEYS[4], ARGV[1])
    -- 6 Append
    local ttl6 = call('PTTL', KEYS[3])
    call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'k', ARGV[8], 'm', ARGV[1], 'i', ARGV[7])
    if ttl6 ~= -1 and ttl6 < tonumber(ARGV[4]) then call('PEXPIRE', KEYS[3], ARGV[4]) end
  end
else
  if fork3 then
    -- 7 RankPut
    local rank7 = now + ARGV[5]
    local ttl7 = call('PTTL', KEYS[1])
    call('ZADD', KEYS[1], string.format('%d%07d', rank7 / 1e7, rank7 % 1e7), ARGV[1])
    if ttl7 ~= -1 and ttl7 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[1], ARGV[6]) end
    -- 8 MapPut
    local ttl8 = call('PTTL', KEYS[2])
    call('HSET', KEYS[2], ARGV[1], ARGV[7])
    if ttl8 ~= -1 and ttl8 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[2], ARGV[6]) end
    -- 9 Append
    local ttl9 = call('PTTL', KEYS[3])
    call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'k', ARGV[8], 'm', ARGV[1], 'i', ARGV[7])
    if ttl9 ~= -1 and ttl9 < tonumber(ARGV[4]) then call('PEXPIRE', KEYS[3], ARGV[4]) end
  else
    -- 10 RankCount
    r10 = call('ZCOUNT', KEYS[1], '(' .. ms, '+inf')
  end
end
-- 11 RankTake
if not (fork0 or fork1 or fork3) then call('ZREMRANGEBYRANK', KEYS[1], 1, 0) end
local r11 = call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, ARGV[12])
if #r11 > 0 then call('ZREM', KEYS[1], unpack(r11)) end
-- 12 MapGet
local r12 = false
local list12 = {}
if #r11 > 0 then
  r12 = call('HMGET', KEYS[2], unpack(r11))
  for i, value in ipairs(r12) do list12[i] = value or '' end
end
-- 13 MapRemove
if #r11 > 0 then call('HDEL', KEYS[2], unpack(r11)) end
-- 14 RankRemove
if #r11 > 0 then call('ZREM', KEYS[4], unpack(r11)) end
-- 15 Append
if #r11 > 0 and #list12 > 0 then
  local ttl15 = call('PTTL', KEYS[3])
  for i = 1, math.min(#r11, #list12) do
    call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'k', ARGV[2], 'm', r11[i], 'i', list12[i])
  end
  if ttl15 ~= -1 and ttl15 < tonumber(ARGV[4]) then call('PEXPIRE', KEYS[3], ARGV[4]) end
end
-- 16 RankRange
local r16 = call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[13])
-- 17 RankPut
if r16[2] then
  local rank17 = r16[2]
  local ttl17 = call('PTTL', KEYS[7])
  call('ZADD', KEYS[7], rank17, ARGV[14])
  if ttl17 ~= -1 and ttl17 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[7], ARGV[6]) end
end
if fork4 then
  -- 18 Expire
  local ttl18 = call('PTTL', KEYS[5])
  num18 = ttl18 >= 0 and now + ttl18
  if ttl18 >= 0 and ttl18 < tonumber(ARGV[6]) then
    call('PEXPIRE', KEYS[5], ARGV[6])
    num18 = now + ARGV[6]
  end
  -- 19 RankPut
  if num18 then
    local rank19 = math.max(-2^53, math.min(2^53, tonumber(num18)))
    local ttl19 = call('PTTL', KEYS[8])
    call('ZADD', KEYS[8], rank19, ARGV[14])
    if ttl19 ~= -1 and ttl19 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[8], ARGV[6]) end
  end
else
  -- 20 RankPut
  local rank20 = now + ARGV[4]
  local ttl20 = call('PTTL', KEYS[8])
  call('ZADD', KEYS[8], string.format('%d%07d', rank20 / 1e7, rank20 % 1e7), ARGV[14])
  if ttl20 ~= -1 and ttl20 < tonumber(ARGV[6]) then call('PEXPIRE', KEYS[8], ARGV[6]) end
end
return {now, fork0 and 1 or 0, fork1 and 1 or 0, fork2 and 1 or 0, fork3 and 1 or 0, r10 or false, fork4 and 1 or 0}
