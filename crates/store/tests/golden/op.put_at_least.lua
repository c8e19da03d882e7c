-- Put
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- 0 Put
local ttl0 = redis.call('PTTL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
if ttl0 ~= -1 and ttl0 < tonumber(ARGV[2]) then redis.call('PEXPIREAT', KEYS[1], now + ARGV[2]) end
return {1}
