-- How the queues stand. Running and delayed files are counted by lane over the first 2000 of each. Orphans that the provider has
-- been asked to cancel are not counted, as far as they are among the first 200: their end is only waited for.
-- Reply: {dead letters, orphans, breaker: kind or '', since, ms left of its pause, 1 when one file is let through at a time,
--         then per queue: name, paused since (ms) or 0, waiting, waiting longest (ms), running, delayed}
local function by_lane(key)
  local counts = {}
  for _, entry in ipairs(redis.call('ZRANGE', key, 0, 1999)) do
    local job, file = parts(entry)
    local lane = lane_of(job, file)
    counts[lane] = (counts[lane] or 0) + 1
  end
  return counts
end

local orphans = redis.call('ZCARD', queue_key('orphans'))
for _, id in ipairs(redis.call('ZRANGE', queue_key('orphans'), 0, 199)) do
  orphans = orphans - redis.call('HEXISTS', P .. 'orphan:' .. id, 'told')
end

local running, delayed = by_lane(queue_key('running')), by_lane(queue_key('delayed'))
local b = breaker()
local out = { redis.call('XLEN', queue_key('dead')), orphans,
  b and b.kind or '', b and b.since or 0, b and b.left or 0, b and b.left == 0 and 1 or 0 }
local function add(lane, waiting, longest)
  local since = tonumber(redis.call('HGET', queue_key('paused'), lane) or '0')
  for _, value in ipairs({ lane, since, waiting, longest, running[lane] or 0, delayed[lane] or 0 }) do out[#out + 1] = value end
end
for _, lane in ipairs(LANES) do
  local first = redis.call('ZRANGE', waiting_key(lane), 0, 0, 'WITHSCORES')
  local longest = first[2] and math.max(0, now - tonumber(first[2])) or 0
  add(lane, redis.call('ZCARD', waiting_key(lane)), longest)
end
-- Clearing away never waits in line; what is under way is (see take_maintenance).
for _, due in ipairs(redis.call('HVALS', queue_key('maintenance_leases'))) do
  if tonumber(string.match(due, '^%d+')) > now then running.maintenance = (running.maintenance or 0) + 1 end
end
add('maintenance', 0, 0)
return out
