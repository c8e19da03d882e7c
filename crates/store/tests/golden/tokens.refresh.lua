-- tokens.refresh
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] and redis.call('HGET', KEYS[2], ARGV[3]) == ARGV[4] and redis.call('HGET', KEYS[3], ARGV[5]) == ARGV[6] then
  -- 0 Put
  redis.call('SET', KEYS[4], ARGV[7], 'PXAT', now + ARGV[8])
  -- 1 MapPut
  local r1 = redis.call('HSET', KEYS[1], unpack(ARGV, ARGV[9], ARGV[10]))
  redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[11], tonumber(ARGV[12])))
  -- 2 Put
  local at2 = math.min(now + ARGV[14], tonumber(ARGV[15]))
  redis.call('SET', KEYS[5], ARGV[13], 'PXAT', at2)
  local num2 = at2 >= now and at2
  -- 3 MapPut
  local r3 = false
  if num2 then
    local ttl3 = redis.call('PTTL', KEYS[2])
    r3 = redis.call('HSET', KEYS[2], ARGV[16], string.format('%.0f', num2))
    if ttl3 ~= -1 and ttl3 < tonumber(ARGV[17]) then redis.call('PEXPIRE', KEYS[2], ARGV[17]) end
  end
  return {now, 1, 1, r1, 1, r3}
else
  -- 4 MapGet
  local r4 = redis.call('HMGET', KEYS[1], unpack(ARGV, ARGV[18], ARGV[19]))
  -- 5 Get
  local r5 = redis.call('GET', KEYS[4])
  -- 6 MapGet
  local r6 = redis.call('HMGET', KEYS[2], ARGV[20])
  return {now, 0, r4, r5, r6}
end
