-- ARGV: mode (0 if missing, 1 refresh, 2 discard), nonce, over (a stamp), hold (units of 10 ms), lease (ms)
-- Reply: kind in the way or '' · stamp granted, or record in the way · ms that the lease or fence lasts · 1 if on probation
local mode, nonce, over, hold, lease = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local r = read()
local mine = r.stamp and string.sub(r.stamp, 1, 8) == nonce -- the client library repeated the request
local onProbation = r.probation and 1 or 0
local left = r.ends and math.ceil((r.ends - now) / 1000)

if r.kind == 'F' then
  return {'F', '', left, 0}
end
if r.kind == 'L' then
  if mine then
    return {'', r.stamp, left, onProbation}
  end
  if not has(r.flags, WAITED) then
    redis.pcall('SETRANGE', key, 2, string.char(r.flags + WAITED)) -- out of memory: the waiter polls
  end
  return {'L', '', left, 0}
end

local stamp = nonce .. bytes(now, 8)
if r.kind == 'V' then
  local claimed = number(r.stamp, 8, 8) + number(r.head, 34, 2) * 10000
  if mode == '1' and mine and claimed > now then
    return {'', r.stamp, math.ceil((claimed - now) / 1000), onProbation}
  end
  if mode == '1' and not mine and claimed <= now and (over == r.stamp or over == string.rep('\0', 16)) then
    redis.call('SETRANGE', key, 4, stamp .. string.sub(r.head, 21, 34) .. bytes(hold, 2))
    return {'', stamp, hold * 10, onProbation}
  end
  if mode ~= '2' or over ~= r.stamp then
    return {'V', redis.call('GET', key), 0, 0}
  end
end

if r.probation then
  local ends = now + lease * 1000
  local record = '\193L' .. string.char(PROBATION) .. '\0' .. stamp .. bytes(r.probation, 8) .. bytes(ends, 8)
  redis.call('SET', key, record, 'PX', pxUntil(math.max(r.probation, ends)))
else
  redis.call('SET', key, '\193L\0\0' .. stamp, 'PX', px(lease))
end
return {'', stamp, lease, onProbation}
