-- Expire
local call = redis.call
-- 0 Expire
local r0 = call('EXISTS', KEYS[1])
call('PERSIST', KEYS[1])
return {r0}
