-- Shared by the scripts that let go of a lock. ARGV[3]: 1 where messages stay in their shard.
local function publish(message)
  local sharded = ARGV[3] == '1' and redis.REDIS_VERSION_NUM -- which servers before 7.0 do not have
  redis.call(sharded and 'SPUBLISH' or 'PUBLISH', KEYS[1], message)
end
-- next reserves the lock for the process that is first in line, and tells it so.
local function next(v)
  local first = redis.call('ZPOPMIN', KEYS[2])[1]
  if not first then
    redis.call('DEL', KEYS[1])
    publish(string.sub(v, 2, 17) .. '  ')
    return
  end
  redis.call('SET', KEYS[1], 'r' .. string.sub(v, 2, 18) .. first, 'PX', 30)
  local second = redis.call('ZRANGE', KEYS[2], 0, 0)[1] or ''
  publish(string.sub(v, 2, 17) .. ' ' .. first .. ' ' .. second)
end
