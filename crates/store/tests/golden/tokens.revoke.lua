-- tokens.revoke
local call = redis.call
call('HLEN', KEYS[2])
call('ZCARD', KEYS[3])
-- 0 Delete
local r0 = call('UNLINK', KEYS[1])
-- 1 MapRemove
local r1 = call('HDEL', KEYS[2], ARGV[1])
-- 2 RankRemove
call('ZREM', KEYS[3], ARGV[1])
return {r0, r1}
