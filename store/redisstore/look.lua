-- ARGV: none
-- Reply: the record, or P if only a probation is left of it, or '' if nothing is
local r = read()
if r.kind == 'P' then
  return 'P'
end
return r.kind and redis.call('GET', key) or ''
