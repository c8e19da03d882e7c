-- RankPut
local call = redis.call
local time = call('TIME')
local ms = time[1] .. string.sub('00000' .. time[2], -6, -4)
local now = tonumber(ms)
call('ZCARD', KEYS[1])
-- 0 RankPut
local top0 = call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local rank0 = top0 and math.min(top0 + 1, 2^53) or 1
local text0 = string.format('%.0f', rank0)
local r0 = ''
local before1 = ARGV[1] - 1
local old0 = call('ZMSCORE', KEYS[1], unpack(ARGV, ARGV[1], ARGV[2]))
local space0 = tonumber(ARGV[3]) - call('ZCOUNT', KEYS[1], '(' .. ms, '+inf')
local args0, count0 = {}, 0
local done0 = {}
local written = {rank0}
for i = 1, ARGV[2] - ARGV[1] + 1 do
  local member = ARGV[before1 + i]
  local old = done0[member] or old0[i]
  if not old and space0 > 0 then
    if rank0 > now then space0 = space0 - 1 end
    done0[member] = rank0
    count0 = count0 + 1
    args0[2 * count0 - 1], args0[2 * count0] = text0, member
    written[count0 + 1] = member
  end
end
if count0 > 0 then
  local ttl0 = call('PTTL', KEYS[1])
  for i = 1, 2 * count0, 1000 do
    call('ZADD', KEYS[1], unpack(args0, i, math.min(i + 999, 2 * count0)))
  end
  r0 = written
  if ttl0 ~= -1 and ttl0 < tonumber(ARGV[4]) then call('PEXPIRE', KEYS[1], ARGV[4]) end
else
  call('ZADD', KEYS[1], old0[1] and 'NX' or 'XX', 0, ARGV[ARGV[1] + 0])
end
return {r0}
