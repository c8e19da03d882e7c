-- tokens.store
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 0 then
  -- 0 Put
  redis.call('SET', KEYS[1], ARGV[1], 'PXAT', now + ARGV[2])
  return {now, 1, 1}
else
  -- 1 Get
  local r1 = redis.call('GET', KEYS[1])
  return {now, 0, r1}
end
