-- tokens.store_tracked
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
if call('EXISTS', KEYS[1]) == 0 then
  call('ZCARD', KEYS[2])
  -- 0 Put
  call('SET', KEYS[1], ARGV[1], 'PXAT', now + ARGV[2])
  -- 1 RankPut
  local rank1 = now + ARGV[2]
  local ttl1 = call('PTTL', KEYS[2])
  call('ZADD', KEYS[2], string.format('%d%07d', rank1 / 1e7, rank1 % 1e7), ARGV[3])
  if ttl1 ~= -1 and ttl1 < tonumber(ARGV[2]) then call('PEXPIRE', KEYS[2], ARGV[2]) end
  -- 2 RankTake
  local r2 = call('ZRANGEBYSCORE', KEYS[2], '-inf', ms, 'LIMIT', 0, ARGV[4])
  if #r2 > 0 then call('ZREM', KEYS[2], unpack(r2)) end
  return {now, 1}
else
  -- 3 Get
  local r3 = call('GET', KEYS[1])
  return {now, 0, r3}
end
