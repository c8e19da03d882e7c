-- tokens.store
local call = redis.call
if call('EXISTS', KEYS[1]) == 0 then
  -- 0 Put
  call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
else
  -- 1 Get
  local r1 = call('GET', KEYS[1])
  return {0, r1}
end
