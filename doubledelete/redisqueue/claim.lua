-- KEYS: due, claimed · ARGV: term (µs), most
-- Reply: when the claim lapses (µs), µs until there may be more, keys
local due, claimed, most = KEYS[1], KEYS[2], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local lapse = now + tonumber(ARGV[1])
local reply = {lapse, 0}

local function first(set, n)
  return redis.call('ZRANGEBYSCORE', set, '-inf', string.format('%.0f', now), 'LIMIT', 0, n)
end

-- The two sets are apart because a key may be scheduled for later while a delete of it is being made, and what ends
-- that delete must not end the later one.
for _, key in ipairs(first(claimed, most)) do
  if redis.call('ZSCORE', due, key) then
    redis.call('ZREM', claimed, key) -- the later time counts
  else
    reply[#reply + 1] = key
  end
end
for _, key in ipairs(first(due, most - (#reply - 2))) do
  redis.call('ZREM', due, key)
  reply[#reply + 1] = key
end
for i = 3, #reply do
  redis.call('ZADD', claimed, string.format('%.0f', lapse), reply[i])
end

local wait = 1000000
for _, set in ipairs({due, claimed}) do
  local next = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
  if next[2] then
    wait = math.min(wait, math.max(0, tonumber(next[2]) - now))
  end
end
reply[2] = wait
return reply
