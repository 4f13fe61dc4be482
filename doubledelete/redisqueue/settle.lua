-- KEYS: claimed · ARGV: when the claim lapses (µs), pause (µs; -1: done), keys
-- Reply: 1
local pause = tonumber(ARGV[2])
local clock = redis.call('TIME')
local again = clock[1] * 1000000 + clock[2] + pause
for i = 3, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[1]) then
    if pause < 0 then
      redis.call('ZREM', KEYS[1], ARGV[i])
    else
      redis.call('ZADD', KEYS[1], string.format('%.0f', again), ARGV[i])
    end
  end
end
return 1
