-- Push
local call = redis.call
call('LLEN', KEYS[1])
-- 0 Push
local r0 = call('RPUSH', KEYS[1], unpack(ARGV, ARGV[1], ARGV[2]))
call('PEXPIRE', KEYS[1], ARGV[3])
return {r0}
