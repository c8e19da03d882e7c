-- Expire
-- 0 Expire
local r0 = redis.call('EXISTS', KEYS[1])
redis.call('PERSIST', KEYS[1])
return {r0}
