-- Precedes every script, after PUBLISH, the command that publishes: the record of KEYS[1] as it stands now, and what can be put in its place.
-- The layout is that of package internal/record, whose offsets count from 0. Stamps and tokens are compared as
-- strings of bytes, for a Lua number holds only 53 bits; times in µs are below 2^53 and may be numbers.
local key = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local WAITED, PROBATION = 2, 4 -- flags
local NOBODY = string.rep('\0', 8) -- the token under which a fence keeps the probation below it

local function has(flags, flag)
  return flags % (2 * flag) >= flag
end

-- number reads n bytes at an offset, most significant first.
local function number(s, at, n)
  return (struct.unpack('>I' .. n, s, at + 1))
end

-- bytes is the inverse of number.
local function bytes(x, n)
  return struct.pack('>I' .. n, x)
end

-- px is a number of milliseconds as PX takes it.
local function px(ms)
  return string.format('%.0f', math.max(1, ms))
end

-- pxUntil rounds up, and allows for PX counting from the millisecond that now is in: a fence or a probation must
-- not end before its time.
local function pxUntil(ends)
  return px(math.ceil((ends - now) / 1000) + 1)
end

-- lasting is when a key ends that has ttl ms left. The clock is asked again: it may have gone on between the first
-- time and the PTTL, and an end that is too early would be written back.
local function lasting(ttl)
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2] + math.max(1, ttl) * 1000
end

-- read tells what stands on the key: kind V, L, F or P, or none for what is missing, has ended or is nobody's.
-- V, L: stamp, flags. L, F: ends. F: fences. On probation: probation, its end. What a record says of its end is
-- not believed beyond the end of the key, so that a spoilt one cannot stay.
local function read()
  local r = {}
  local head = redis.pcall('GETRANGE', key, 0, 47) -- an error, and thus a table, if it is no string
  if type(head) ~= 'string' or #head < 4 or string.byte(head, 1) ~= 193 then
    return r
  end
  local kind, flags, size = string.sub(head, 2, 2), string.byte(head, 3), #head
  local onProbation = has(flags, PROBATION)
  if kind == 'V' then
    local name = string.byte(head, 4)
    if name > 11 or size < 36 + name then
      return r
    end
    r.kind, r.head, r.flags, r.stamp = kind, head, flags, string.sub(head, 5, 20)
    if onProbation then
      r.probation = lasting(redis.call('PTTL', key))
    end
    return r
  end
  local ttl = redis.call('PTTL', key)
  local last = lasting(ttl)
  if ttl < 0 then
    return r -- no record of these kinds is for ever
  elseif kind == 'L' and size == (onProbation and 36 or 20) then
    r.ends = now + math.max(1, ttl) * 1000
    if onProbation then
      r.probation, r.ends = math.min(last, number(head, 20, 8)), math.min(last, number(head, 28, 8))
    end
    if r.ends > now then
      r.kind, r.flags, r.stamp = kind, flags, string.sub(head, 5, 20)
      return r
    end
  elseif kind == 'P' and size == 12 then
    r.probation = math.min(last, number(head, 4, 8))
  elseif kind == 'F' then
    local record = redis.call('GET', key)
    local count = string.byte(record, 4)
    if #record ~= 4 + count * 16 then
      return r
    end
    r.fences, r.ends = {}, 0
    for at = 4, #record - 16, 16 do
      local fence = {token = string.sub(record, at + 1, at + 8), ends = math.min(last, number(record, at + 8, 8))}
      if fence.token == NOBODY then
        r.probation = fence.ends
      elseif fence.ends > now then
        r.kind, r.ends = kind, math.max(r.ends, fence.ends)
        r.fences[#r.fences + 1] = fence
      end
    end
  end
  if r.probation and r.probation <= now then
    r.probation = nil
  end
  r.kind = r.kind or r.probation and 'P'
  return r
end

-- clear leaves nothing on the key but what is left of a probation.
local function clear(probation)
  if probation and probation > now then
    redis.call('SET', key, '\193P\0\0' .. bytes(probation, 8), 'PX', pxUntil(probation))
  else
    redis.call('DEL', key)
  end
end

-- fence leaves fences on the key, if there are any, over what is left of a probation. It returns the script's reply.
local function fence(fences, probation)
  if #fences == 0 then
    clear(probation)
    return 1
  end
  if probation and probation > now then
    fences[#fences + 1] = {token = NOBODY, ends = probation}
  end
  if #fences > 255 then
    return redis.error_reply('ERR too many writers have fences on one key')
  end
  local record, ends = {'\193F\0' .. string.char(#fences)}, 0
  for i, f in ipairs(fences) do
    record[i + 1] = f.token .. bytes(f.ends, 8)
    ends = math.max(ends, f.ends)
  end
  redis.call('SET', key, table.concat(record), 'PX', pxUntil(ends))
  return 1
end

-- wake tells those who wait for lease r, if anybody does. Where publishing is forbidden they find out by polling.
local function wake(r, why)
  if r.kind == 'L' and has(r.flags, WAITED) then
    redis.pcall(PUBLISH, key, why)
  end
end
