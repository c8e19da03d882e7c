-- Push
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('LLEN', KEYS[1])
-- 0 Push
local r0 = redis.call('RPUSH', KEYS[1], unpack(ARGV, ARGV[1], ARGV[2]))
redis.call('PEXPIREAT', KEYS[1], now + ARGV[3])
return {r0}
