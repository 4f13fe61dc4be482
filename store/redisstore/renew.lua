-- ARGV: stamp, lease (ms)
-- Reply: 1 if the lease was there, else 0
local stamp, lease = ARGV[1], tonumber(ARGV[2])
local r = read()
if r.kind ~= 'L' or r.stamp ~= stamp then
  return 0
end
if r.probation then
  local ends = now + lease * 1000
  redis.call('SETRANGE', key, 28, bytes(ends, 8))
  redis.call('PEXPIRE', key, pxUntil(math.max(r.probation, ends)))
else
  redis.call('PEXPIRE', key, px(lease))
end
return 1
