-- KEYS: lock, queue. ARGV: owner, ms for which others are still kept out, sharded. Returns 1, or 0 if it was not held.
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
local state = string.sub(v, 1, 1)
if state == 'r' or string.sub(v, 19) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '0' then -- nobody's, so that a renewal under way does not lengthen it
  redis.call('SET', KEYS[1], string.sub(v, 1, 18), 'PX', ARGV[2])
  if state ~= '0' then publish('0  ') end
elseif state == '0' then
  redis.call('DEL', KEYS[1])
else
  next(v)
end
return 1
