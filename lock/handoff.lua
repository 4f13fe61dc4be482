-- KEYS: lock, queue. ARGV: owner, next owner, sharded, lease in ms. Returns state and fence, or 0 if it was not held.
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
local state, last, owner = string.sub(v, 1, 1), string.sub(v, 2, 17), string.sub(v, 19)
if state == 'r' then return 0 end
if owner == ARGV[2] then return state .. last end -- the reply to an earlier copy of this was lost
if owner ~= ARGV[1] then return 0 end
if state == '2' then -- somebody waits for the end of this holder only
  publish(last .. '  ')
  state = tostring(redis.call('EXISTS', KEYS[2]))
end
local t = redis.call('TIME')
local fence = t[1] .. string.sub('00000' .. t[2], -6)
if fence <= last then fence = string.format('%.0f', last + 1) end
redis.call('SET', KEYS[1], state .. fence .. ':' .. ARGV[2], 'PX', ARGV[4])
return state .. fence
