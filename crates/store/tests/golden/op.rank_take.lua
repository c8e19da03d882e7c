-- RankTake
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
-- 0 RankTake
local r0 = call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, ARGV[1])
if #r0 > 0 then call('ZREM', KEYS[1], unpack(r0)) end
return {r0}
