-- Counts one more member of a room while its size stays within the limit: `check_and_increment` by hand.
-- KEYS[1] size, ARGV[1] limit, ARGV[2] milliseconds that the key lives at least. Returns the new size, or false.
local size = tonumber(redis.call('GET', KEYS[1]) or 0)
if size >= tonumber(ARGV[1]) then return false end
-- From before the write: a new key (-2) gets the life, no expiry (-1) stays.
local left = redis.call('PTTL', KEYS[1])
size = redis.call('INCR', KEYS[1])
if left ~= -1 and left < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return size
