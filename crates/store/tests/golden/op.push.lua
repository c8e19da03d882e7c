-- Push
redis.call('LLEN', KEYS[1])
-- 0 Push
local r0 = redis.call('RPUSH', KEYS[1], unpack(ARGV, ARGV[1], ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {r0}
