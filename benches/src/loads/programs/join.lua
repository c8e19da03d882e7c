-- A member takes a seat in a room for the length of a lease, or renews it: the steps of `join.rs`, as somebody would
-- write them by hand. KEYS and ARGV as in `ByHand::join`. Returns {1, 0} admitted, {2, 0} renewed, {3, occupied} full.
local seats, records, held, log, settings, due, registry = unpack(KEYS)
local member, record, room = ARGV[1], ARGV[2], ARGV[3]
local lease, life, registered, limit = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- `left` is the remaining time from before the write: a new key (-2) gets the life, no expiry (-1) stays.
local function lengthen(key, left)
  if left ~= -1 and left < life then redis.call('PEXPIRE', key, life) end
end
local function event(kind, who, what)
  local left = redis.call('PTTL', log)
  redis.call('XADD', log, 'MAXLEN', '~', 1000, '*', 'k', kind, 'm', who, 'i', what)
  lengthen(log, left)
end
local function rank(key, score, who)
  local left = redis.call('PTTL', key)
  redis.call('ZADD', key, score, who)
  lengthen(key, left)
end

local deadline = redis.call('ZSCORE', seats, member)
local live = deadline and tonumber(deadline) > now
local admitted = not live and redis.call('ZCOUNT', seats, '(' .. now, '+inf') < limit
local returned = live and redis.call('ZSCORE', held, member)

if deadline and not live then
  local old = redis.call('HGET', records, member)
  redis.call('ZREM', seats, member)
  event('expired', member, old or '')
end
local verdict = {3, 0}
if live or admitted then
  verdict[1] = live and 2 or 1
  rank(seats, now + lease, member)
  local left = redis.call('PTTL', records)
  redis.call('HSET', records, member, record)
  lengthen(records, left)
  if returned then redis.call('ZREM', held, member) end
  event('joined', member, record)
else
  verdict[2] = redis.call('ZCOUNT', seats, '(' .. now, '+inf')
end

local dead = redis.call('ZRANGEBYSCORE', seats, '-inf', now, 'LIMIT', 0, 64)
if #dead > 0 then
  redis.call('ZREM', seats, unpack(dead))
  local old = redis.call('HMGET', records, unpack(dead))
  redis.call('HDEL', records, unpack(dead))
  redis.call('ZREM', held, unpack(dead))
  for i = 1, #dead do event('expired', dead[i], old[i] or '') end
end

local first = redis.call('ZRANGEBYSCORE', seats, '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if first[2] then rank(due, first[2], room) end
rank(registry, now + registered, room)
local left = redis.call('PTTL', settings)
if left >= 0 then lengthen(settings, left) end
return verdict
