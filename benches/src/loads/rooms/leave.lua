-- A member leaves a room in which nobody waits, if its record begins so: the steps of `rooms.leave`. Returns whether it did.
local left = 0
local old = redis.call('HGET', records, member)
if old and string.sub(old, 1, #record) == record then
  redis.call('ZREM', seats, member)
  redis.call('ZREM', held, member)
  redis.call('ZREM', tickets, member)
  redis.call('ZREM', queue, member)
  redis.call('HDEL', records, member)
  event('l', member, old)
  left = 1
end
if redis.call('EXISTS', queue) == 1 then return redis.error_reply('this script knows no queue') end
tidy()
return left
