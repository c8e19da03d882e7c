-- Expire
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- 0 Expire
local ttl0 = redis.call('PTTL', KEYS[1])
local r0 = ttl0 == -2 and 0 or 1
if r0 == 1 and (ttl0 ~= -1 and ttl0 < tonumber(ARGV[1])) then redis.call('PEXPIREAT', KEYS[1], now + ARGV[1]) end
return {r0}
