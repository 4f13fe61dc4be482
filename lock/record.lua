-- KEYS: lock, record. ARGV: owner, result, ms to keep it. Returns 1, or 0 if the lock is not held.
local v = redis.call('GET', KEYS[1])
if not v or string.sub(v, 1, 1) == 'r' or string.sub(v, 19) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
