-- rooms.check_and_increment
local call = redis.call
local number1 = call('GET', KEYS[1]) or '0'
if number1 ~= '0' and not (string.find(number1, '^%-?[1-9]%d*$') and (#number1 < 19
  or #number1 == 19 and (string.byte(number1) == 45 or number1 <= '9223372036854775807')
  or #number1 == 20 and string.byte(number1) == 45 and number1 <= '-9223372036854775808')) then
  return 'NotANumber'
end
if tonumber(number1) <= tonumber(ARGV[1]) then
  -- 0 Add
  local ttl0 = call('PTTL', KEYS[1])
  call('INCRBY', KEYS[1], ARGV[2])
  if ttl0 ~= -1 and ttl0 < tonumber(ARGV[3]) then call('PEXPIRE', KEYS[1], ARGV[3]) end
  return 1
else
  return 0
end
