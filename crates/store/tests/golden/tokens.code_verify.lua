-- tokens.code_verify
local call = redis.call
local function at_most(a, b)
  local x, y = tonumber(a), tonumber(b)
  if x ~= y then return x < y end
  if #a ~= #b then return (#a < #b) == (x > 0) end
  return a == b or (a < b) == (x > 0)
end
local fork0 = call('EXISTS', KEYS[1]) == 1
if fork0 then
  local number1 = call('GET', KEYS[2]) or '0'
  if number1 ~= '0' and not (string.find(number1, '^%-?[1-9]%d*$') and (#number1 < 19
    or #number1 == 19 and (string.byte(number1) == 45 or number1 <= '9223372036854775807')
    or #number1 == 20 and string.byte(number1) == 45 and number1 <= '-9223372036854775808')) then
    return 'NotANumber'
  end
  fork0 = tonumber(number1) <= tonumber(ARGV[1])
end
if fork0 then
  local value2 = call('GET', KEYS[1])
  if value2 and string.sub(value2, 1, #ARGV[2]) == ARGV[2] then
    -- 0 Take
    local r0 = call('GETDEL', KEYS[1])
    -- 1 Delete
    local r1 = call('UNLINK', KEYS[2])
    return {1, 1, r0, r1}
  else
    local r3
    local number3 = call('GET', KEYS[2]) or '0'
    if number3 ~= '0' and not (string.find(number3, '^%-?[1-9]%d*$') and (#number3 < 19
      or #number3 == 19 and (string.byte(number3) == 45 or number3 <= '9223372036854775807')
      or #number3 == 20 and string.byte(number3) == 45 and number3 <= '-9223372036854775808')) then
      return 'NotANumber'
    end
    local fork2 = tonumber(number3) >= tonumber(ARGV[5]) and at_most(number3, ARGV[6])
    -- 2 Add
    local ttl2 = call('PTTL', KEYS[2])
    local r2 = call('INCRBY', KEYS[2], ARGV[3])
    if r2 >= 2^53 or r2 <= -2^53 then r2 = call('GET', KEYS[2]) end
    if ttl2 ~= -1 and ttl2 < tonumber(ARGV[4]) then call('PEXPIRE', KEYS[2], ARGV[4]) end
    if fork2 then
      -- 3 Delete
      r3 = call('UNLINK', KEYS[1])
    end
    return {1, 0, r2, fork2 and 1 or 0, r3 or false}
  end
else
  return 0
end
