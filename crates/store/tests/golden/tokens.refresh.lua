-- tokens.refresh
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
if call('HGET', KEYS[1], ARGV[1]) == ARGV[2] and call('HGET', KEYS[2], ARGV[3]) == ARGV[4] and call('HGET', KEYS[3], ARGV[5]) == ARGV[6] then
  -- 0 Put
  call('SET', KEYS[4], ARGV[7], 'PXAT', now + ARGV[8])
  -- 1 MapPut
  local r1 = call('HSET', KEYS[1], unpack(ARGV, ARGV[9], ARGV[10]))
  call('PEXPIREAT', KEYS[1], math.min(now + ARGV[11], tonumber(ARGV[12])))
  -- 2 Put
  local at2 = math.min(now + ARGV[11], tonumber(ARGV[14]))
  call('SET', KEYS[5], ARGV[13], 'PXAT', at2)
  local num2 = at2 >= now and at2
  -- 3 MapPut
  local r3 = false
  if num2 then
    local ttl3 = call('PTTL', KEYS[2])
    r3 = call('HSET', KEYS[2], ARGV[15], string.format('%.0f', num2))
    if ttl3 ~= -1 and ttl3 < tonumber(ARGV[11]) then call('PEXPIRE', KEYS[2], ARGV[11]) end
  end
  return {now, 1, 1, r1, 1, r3}
else
  -- 4 MapGet
  local r4 = call('HMGET', KEYS[1], unpack(ARGV, ARGV[16], ARGV[17]))
  -- 5 Get
  local r5 = call('GET', KEYS[4])
  -- 6 MapGet
  local r6 = call('HMGET', KEYS[2], ARGV[18])
  return {now, 0, r4, r5, r6}
end
