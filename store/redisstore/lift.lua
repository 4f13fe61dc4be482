-- ARGV: token, probation (µs)
-- Reply: 1
local token, probation = ARGV[1], tonumber(ARGV[2])
local r = read()
local others = {}
for _, f in ipairs(r.fences or {}) do
  if f.token ~= token then
    others[#others + 1] = f
  end
end
local reply = fence(others, now + probation)
wake(r, '1')
return reply
