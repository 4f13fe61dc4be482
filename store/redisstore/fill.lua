-- ARGV: stamp, ttl (µs from the grant), record
-- Reply: 1 if the stamp was that of the record, else 0
local stamp, ttl, record = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local r = read()
if r.stamp ~= stamp then
  redis.pcall(PUBLISH, key, '1') -- who waited for the lease that an invalidation took away
  return 0
end

local left = math.floor((ttl - math.max(0, now - number(stamp, 8, 8))) / 1000)
-- The server keeps a key until the millisecond after its deadline, and on probation nothing may live longer than that.
local rest = r.probation and math.floor((r.probation - now) / 1000) - 1
if left < 1 or rest and left < rest then
  -- A key has one deadline. A value that is to go before the probation is over would take that with it, so it is
  -- not kept and the probation is.
  clear(r.probation)
elseif rest and rest < 1 then
  clear()
else
  local stored = redis.pcall('SET', key, record, 'PX', px(rest or left))
  if type(stored) == 'table' and stored.err then
    if r.kind == 'L' and not r.probation then
      redis.call('DEL', key) -- out of memory: let the next in
      wake(r, '1')
    end
    return stored
  end
  if rest then
    redis.call('SETRANGE', key, 2, string.char(string.byte(record, 3) + PROBATION))
  end
end
wake(r, '1')
return 1
