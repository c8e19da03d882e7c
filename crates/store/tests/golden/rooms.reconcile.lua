-- rooms.reconcile
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZCOUNT', KEYS[1], now + 1, '+inf') < tonumber(ARGV[1]) then
  -- 0 Get
  local r0 = redis.call('GET', KEYS[2])
  -- 1 Delete
  local r1 = redis.call('UNLINK', KEYS[2])
  return {now, 1, r0, r1}
else
  -- 2 Get
  local r2 = redis.call('GET', KEYS[2])
  -- 3 RankCount
  local r3 = redis.call('ZCOUNT', KEYS[1], now + 1, '+inf')
  -- 4 Put
  local ttl4 = redis.call('PTTL', KEYS[2])
  redis.call('SET', KEYS[2], string.format('%.0f', r3), 'KEEPTTL')
  if ttl4 ~= -1 and ttl4 < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
  return {now, 0, r2, r3, 1}
end
