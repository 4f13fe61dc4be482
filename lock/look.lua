-- KEYS: lock. Returns the fence of who holds it and the ms that are left, and asks for word of its end; or 0.
local v = redis.call('GET', KEYS[1])
if not v or string.sub(v, 1, 1) == 'r' then return 0 end
redis.call('SETRANGE', KEYS[1], 0, '2') -- keeps the lease
return {string.sub(v, 2, 17), redis.call('PTTL', KEYS[1])}
