-- Append
local call = redis.call
call('XLEN', KEYS[1])
-- 0 Append
local ttl0 = call('PTTL', KEYS[1])
local r0 = {}
local before2 = ARGV[2] - 1
for i = 1, ARGV[3] - ARGV[2] + 1 do
  r0[i] = call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'kind', ARGV[1], 'who', ARGV[before2 + i])
end
if ttl0 ~= -1 and ttl0 < tonumber(ARGV[5]) then call('PEXPIRE', KEYS[1], ARGV[5]) end
return {r0}
