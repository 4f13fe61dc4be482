-- ARGV: token, duration (µs)
-- Reply: 1
local token, ends = ARGV[1], now + tonumber(ARGV[2])
local r = read()
local fences, known = r.fences or {}, false
for _, f in ipairs(fences) do
  if f.token == token then
    f.ends, known = math.max(f.ends, ends), true
  end
end
if not known and token ~= NOBODY and ends > now then
  fences[#fences + 1] = {token = token, ends = ends}
end
local reply = fence(fences, r.probation)
wake(r, '1')
return reply
