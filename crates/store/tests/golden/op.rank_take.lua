-- RankTake
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- 0 RankTake
local r0 = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
if #r0 > 0 then redis.call('ZREM', KEYS[1], unpack(r0)) end
return {r0}
