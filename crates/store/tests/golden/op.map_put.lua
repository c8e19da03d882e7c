-- MapPut
local call = redis.call
call('HLEN', KEYS[1])
-- 0 MapPut
local ttl0 = call('PTTL', KEYS[1])
local r0 = call('HSET', KEYS[1], unpack(ARGV, ARGV[1], ARGV[2]))
if ttl0 ~= -1 and ttl0 < tonumber(ARGV[3]) then call('PEXPIRE', KEYS[1], ARGV[3]) end
return {r0}
