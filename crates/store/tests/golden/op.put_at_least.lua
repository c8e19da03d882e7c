-- Put
local call = redis.call
-- 0 Put
local ttl0 = call('PTTL', KEYS[1])
call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
if ttl0 ~= -1 and ttl0 < tonumber(ARGV[2]) then call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
