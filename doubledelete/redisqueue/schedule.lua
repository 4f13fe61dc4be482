-- KEYS: due · ARGV: delay (µs), keys
-- Reply: 1
local clock = redis.call('TIME')
local at = clock[1] * 1000000 + clock[2] + tonumber(ARGV[1])
for i = 2, #ARGV do
  local before = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if not before or tonumber(before) < at then
    redis.call('ZADD', KEYS[1], string.format('%.0f', at), ARGV[i])
  end
end
return 1
