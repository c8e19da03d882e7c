-- tokens.revoke
redis.call('HLEN', KEYS[2])
redis.call('ZCARD', KEYS[3])
-- 0 Delete
local r0 = redis.call('UNLINK', KEYS[1])
-- 1 MapRemove
local r1 = redis.call('HDEL', KEYS[2], ARGV[1])
-- 2 RankRemove
redis.call('ZREM', KEYS[3], ARGV[1])
return {r0, r1}
