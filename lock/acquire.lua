-- KEYS: lock, queue. ARGV: owner (its first 13 bytes name the process), lease in ms, mode (0 try, 1 queue up if it is
-- taken, 2 the same and may stand in the queue already). Returns state and fence, or -1 minus the ms that are left.
local t = redis.call('TIME')
local fence = t[1] .. string.sub('00000' .. t[2], -6)
if redis.call('SET', KEYS[1], '0' .. fence .. ':' .. ARGV[1], 'NX', 'PX', ARGV[2]) then
  local state = '0'
  if ARGV[3] == '2' then
    redis.call('ZREM', KEYS[2], string.sub(ARGV[1], 1, 13))
    if redis.call('EXISTS', KEYS[2]) == 1 then
      state = '1'
      redis.call('SETRANGE', KEYS[1], 0, state)
    end
  end
  return state .. fence
end
local v, process = redis.call('GET', KEYS[1]), string.sub(ARGV[1], 1, 13)
local state, last, owner = string.sub(v, 1, 1), string.sub(v, 2, 17), string.sub(v, 19)
if state ~= 'r' and owner == ARGV[1] then return state .. last end -- the reply to an earlier copy of this was lost
if state ~= 'r' or owner ~= process then
  if ARGV[3] ~= '0' then
    redis.call('ZADD', KEYS[2], 'NX', fence, process)
    redis.call('PEXPIRE', KEYS[2], 60000)
    if state == '0' then redis.call('SETRANGE', KEYS[1], 0, '1') end -- keeps the lease
  end
  return -1 - redis.call('PTTL', KEYS[1])
end
if fence <= last then fence = string.format('%.0f', last + 1) end
redis.call('ZREM', KEYS[2], process)
state = tostring(redis.call('EXISTS', KEYS[2]))
redis.call('SET', KEYS[1], state .. fence .. ':' .. ARGV[1], 'PX', ARGV[2])
return state .. fence
