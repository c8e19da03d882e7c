-- A member joins a configured room in which nobody waits: the steps of `rooms.join`. ARGV besides: the terms that the
-- room should have, the lease in milliseconds. Returns {1, 0} seated, {2, taken} full, {0, 0} for a room with other terms.
local settings = redis.call('HMGET', config, 't', 'l', 'q')
if settings[1] ~= ARGV[6] then return {0, 0} end
local lease = tonumber(ARGV[7])
local function seat()
  rank(seats, now + lease, member, life)
  local left = redis.call('PTTL', records)
  redis.call('HSET', records, member, record)
  lengthen(records, left, life)
end

local verdict = {1, 0}
local deadline = redis.call('ZSCORE', seats, member)
local live = deadline and tonumber(deadline) > now
if live then
  seat()
  if redis.call('ZSCORE', held, member) then
    redis.call('ZREM', held, member)
    event('j', member, record)
  end
else
  if deadline then
    local old = redis.call('HGET', records, member)
    redis.call('ZREM', seats, member)
    redis.call('ZREM', held, member)
    redis.call('HDEL', records, member)
    event('x', member, old or '')
  end
  local ticket = redis.call('ZSCORE', tickets, member)
  if ticket and tonumber(ticket) <= now then
    redis.call('ZREM', tickets, member)
    redis.call('ZREM', queue, member)
    redis.call('HDEL', records, member)
  end
  local taken = redis.call('ZCOUNT', seats, '(' .. now, '+inf')
  local waiting = redis.call('ZCOUNT', tickets, '(' .. now, '+inf')
  if taken < tonumber(settings[2]) and waiting == 0 then
    seat()
    event('j', member, record)
  elseif waiting < tonumber(settings[3]) or redis.call('EXISTS', queue) == 1 then
    return redis.error_reply('this script knows no queue')
  else
    verdict = {2, taken}
  end
end
tidy()
return verdict
