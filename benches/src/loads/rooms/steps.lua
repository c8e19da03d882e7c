-- What the scripts of rooms share; in front of each of them.
-- KEYS: see the first line. ARGV: member, its record or what that begins with, the room in indexes, milliseconds that
-- what belongs to members lives at least, and what belongs to the room.
local seats, records, held, tickets, queue, events, config, due, list = unpack(KEYS)
local member, record, room, life, listed = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- `left` is the remaining time from before the write: a new key (-2) gets the life, no expiry (-1) stays.
local function lengthen(key, left, to)
  if left ~= -1 and left < to then redis.call('PEXPIRE', key, to) end
end
local function event(kind, who, what)
  local left = redis.call('PTTL', events)
  redis.call('XADD', events, 'MAXLEN', '~', 1000, '*', 'k', kind, 'm', who, 'i', what)
  lengthen(events, left, life)
end
local function rank(key, score, who, to)
  local left = redis.call('PTTL', key)
  redis.call('ZADD', key, score, who)
  lengthen(key, left, to)
end
-- What every change ends with: some seats that ended are cleared away, and the indexes are written.
local function tidy()
  local dead = redis.call('ZRANGEBYSCORE', seats, '-inf', now, 'LIMIT', 0, 64)
  if #dead > 0 then
    redis.call('ZREM', seats, unpack(dead))
    local old = redis.call('HMGET', records, unpack(dead))
    redis.call('HDEL', records, unpack(dead))
    redis.call('ZREM', held, unpack(dead))
    for i = 1, #dead do event('x', dead[i], old[i] or '') end
  end
  local first = redis.call('ZRANGEBYSCORE', seats, '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] then rank(due, first[2], room, life) end
  rank(list, now + listed, room, listed)
  local left = redis.call('PTTL', config)
  if left >= 0 then lengthen(config, left, listed) end
end

