-- rooms.reconcile
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
if call('ZCOUNT', KEYS[1], '(' .. ms, '+inf') < tonumber(ARGV[1]) then
  -- 0 Get
  local r0 = call('GET', KEYS[2])
  -- 1 Delete
  local r1 = call('UNLINK', KEYS[2])
  return {now, 1, r0, r1}
else
  -- 2 Get
  local r2 = call('GET', KEYS[2])
  -- 3 RankCount
  local r3 = call('ZCOUNT', KEYS[1], '(' .. ms, '+inf')
  -- 4 Put
  local ttl4 = call('PTTL', KEYS[2])
  call('SET', KEYS[2], string.format('%.0f', r3), 'KEEPTTL')
  if ttl4 ~= -1 and ttl4 < tonumber(ARGV[2]) then call('PEXPIRE', KEYS[2], ARGV[2]) end
  return {now, 0, r2, r3, 1}
end
