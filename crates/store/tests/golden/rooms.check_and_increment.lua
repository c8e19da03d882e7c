-- rooms.check_and_increment
local function integer(s)
  if s == '0' then return true end
  if not string.find(s, '^%-?[1-9]%d*$') then return false end
  if #s < 19 then return true end
  local most = string.byte(s) == 45 and '-9223372036854775808' or '9223372036854775807'
  return #s < #most or (#s == #most and s <= most)
end
local number1 = redis.call('GET', KEYS[1]) or '0'
if not integer(number1) then return 'NotANumber' end
if tonumber(number1) <= tonumber(ARGV[1]) then
  -- 0 Add
  local ttl0 = redis.call('PTTL', KEYS[1])
  redis.call('INCRBY', KEYS[1], ARGV[2])
  if ttl0 ~= -1 and ttl0 < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return {1}
else
  return {0}
end
