-- KEYS: lock. ARGV: owner, lease in ms. Returns 1, or 0 if it is not held.
local v = redis.call('GET', KEYS[1])
if not v or string.sub(v, 1, 1) == 'r' or string.sub(v, 19) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
