-- KEYS: mark. ARGV: call, window in ms. Returns 1 to the call that set the mark, however often it is repeated, or 0.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
