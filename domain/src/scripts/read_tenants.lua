-- How tenants stand: the one that is named, or those that have terms of their own, wait, run or have cost something, a bounded
-- number.
-- ARGV: 2 tenant or '' for all, 3 most. Reply: per tenant: name, weight, cap or '', waiting, running, cost in millionths of a dollar
local most, names, seen = tonumber(ARGV[3]), {}, {}
local function add(name)
  if #names < most and not seen[name] then
    seen[name] = true
    names[#names + 1] = name
  end
end
if ARGV[2] ~= '' then
  add(ARGV[2])
else
  for _, name in ipairs(redis.call('HKEYS', queue_key('tenants'))) do add(name) end
  for _, name in ipairs(redis.call('HKEYS', queue_key('running_by_tenant'))) do add(name) end
  for _, name in ipairs(redis.call('HKEYS', P .. 'costs')) do add(name) end
  for _, lane in ipairs(LANES) do
    for _, name in ipairs(redis.call('ZRANGE', ring_key(lane), 0, most)) do add(name) end
  end
  table.sort(names)
end
local out = {}
for _, name in ipairs(names) do
  local weight, cap = string.match(redis.call('HGET', queue_key('tenants'), name) or '', '^(%S+) (%S+)$')
  local waiting = 0
  for _, lane in ipairs(LANES) do waiting = waiting + redis.call('ZCARD', line_key(lane, name)) end
  for _, value in ipairs({ name, weight or '1', cap and cap ~= '-' and cap or '', waiting,
    tonumber(redis.call('HGET', queue_key('running_by_tenant'), name) or '0'),
    tonumber(redis.call('HGET', P .. 'costs', name) or '0') }) do out[#out + 1] = value end
end
return out
