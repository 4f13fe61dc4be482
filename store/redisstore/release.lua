-- ARGV: stamp, failed (1 or 0), lease (ms)
-- Reply: 1 if the lease or claim was there, else 0
local stamp, failed, lease = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
local r = read()
if r.stamp ~= stamp then
  return 0
end
if r.kind == 'L' then
  clear(r.probation)
  wake(r, failed and '0' or '1')
  return 1
end
if number(r.head, 34, 2) == 0 then
  return 0 -- filled meanwhile, and not claimed
end
local claimed = 0
if failed then
  local held = math.max(0, now - number(stamp, 8, 8)) / 1000 + lease
  claimed = math.min(65535, math.ceil(held / 10))
end
redis.call('SETRANGE', key, 34, bytes(claimed, 2))
return 1
