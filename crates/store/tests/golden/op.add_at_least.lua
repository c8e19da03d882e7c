-- Add
local call = redis.call
local function at_most(a, b)
  local x, y = tonumber(a), tonumber(b)
  if x ~= y then return x < y end
  if #a ~= #b then return (#a < #b) == (x > 0) end
  return a == b or (a < b) == (x > 0)
end
local number1 = call('GET', KEYS[1]) or '0'
if number1 ~= '0' and not (string.find(number1, '^%-?[1-9]%d*$') and (#number1 < 19
  or #number1 == 19 and (string.byte(number1) == 45 or number1 <= '9223372036854775807')
  or #number1 == 20 and string.byte(number1) == 45 and number1 <= '-9223372036854775808')) then
  return 'NotANumber'
end
if not at_most(number1, ARGV[2]) then return 'Overflow' end
-- 0 Add
local ttl0 = call('PTTL', KEYS[1])
local r0 = call('INCRBY', KEYS[1], ARGV[1])
if r0 >= 2^53 or r0 <= -2^53 then r0 = call('GET', KEYS[1]) end
if ttl0 ~= -1 and ttl0 < tonumber(ARGV[3]) then call('PEXPIRE', KEYS[1], ARGV[3]) end
return {r0}
