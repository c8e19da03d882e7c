-- Expire
local call = redis.call
-- 0 Expire
local ttl0 = call('PTTL', KEYS[1])
local r0 = ttl0 == -2 and 0 or 1
if ttl0 >= 0 and ttl0 < tonumber(ARGV[1]) then call('PEXPIRE', KEYS[1], ARGV[1]) end
return {r0}
