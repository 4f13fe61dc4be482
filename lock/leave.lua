-- KEYS: lock, queue. ARGV: process, unused, sharded. Nobody in that process waits any more.
redis.call('ZREM', KEYS[2], ARGV[1])
local v = redis.call('GET', KEYS[1])
if v and string.sub(v, 1, 1) == 'r' and string.sub(v, 19) == ARGV[1] then next(v) end
return 1
