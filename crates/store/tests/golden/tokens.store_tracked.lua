-- tokens.store_tracked
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZCARD', KEYS[2])
  -- 0 Put
  redis.call('SET', KEYS[1], ARGV[1], 'PXAT', now + ARGV[2])
  -- 1 RankPut
  local rank1 = now + ARGV[4]
  local ttl1 = redis.call('PTTL', KEYS[2])
  redis.call('ZADD', KEYS[2], rank1, ARGV[3])
  if ttl1 ~= -1 and ttl1 < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[2], ARGV[5]) end
  -- 2 RankTake
  local r2 = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[6])
  if #r2 > 0 then redis.call('ZREM', KEYS[2], unpack(r2)) end
  return {now, 1}
else
  -- 3 Get
  local r3 = redis.call('GET', KEYS[1])
  return {now, 0, r3}
end
