-- rooms.leased_join
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
local score1 = call('ZSCORE', KEYS[1], ARGV[1])
if score1 and tonumber(score1) > now then
  -- 0 RankPut
  call('ZREMRANGEBYRANK', KEYS[1], 1, 0)
  local rank0 = now + ARGV[2]
  local live0 = score1 and tonumber(score1) > now
  local r0 = ''
  if live0 then
    local ttl0 = call('PTTL', KEYS[1])
    call('ZADD', KEYS[1], string.format('%d%07d', rank0 / 1e7, rank0 % 1e7), ARGV[1])
    r0 = rank0
    if ttl0 ~= -1 and ttl0 < tonumber(ARGV[2]) then call('PEXPIRE', KEYS[1], ARGV[2]) end
  end
  return {now, 1, r0}
else
  if call('ZCOUNT', KEYS[1], '(' .. ms, '+inf') < tonumber(ARGV[3]) then
    -- 1 RankPut
    local rank1 = now + ARGV[2]
    local ttl1 = call('PTTL', KEYS[1])
    call('ZADD', KEYS[1], string.format('%d%07d', rank1 / 1e7, rank1 % 1e7), ARGV[1])
    local r1 = rank1
    if ttl1 ~= -1 and ttl1 < tonumber(ARGV[2]) then call('PEXPIRE', KEYS[1], ARGV[2]) end
    return {now, 0, 1, r1}
  else
    -- 2 RankCount
    local r2 = call('ZCOUNT', KEYS[1], '(' .. ms, '+inf')
    return {now, 0, 0, r2}
  end
end
