-- How the queues stand. Running and delayed files are counted by lane over the first 2000 of each.
-- Reply: {dead letters, then per queue: name, paused since (ms) or 0, waiting, waiting longest (ms), running, delayed}
local function by_lane(key)
  local counts = {}
  for _, entry in ipairs(redis.call('ZRANGE', key, 0, 1999)) do
    local job, file = string.match(entry, '^([^/]+)/(.+)$')
    local lane = lane_of(job, file)
    counts[lane] = (counts[lane] or 0) + 1
  end
  return counts
end

local running, delayed = by_lane(queue_key('running')), by_lane(queue_key('delayed'))
local out = { redis.call('XLEN', queue_key('dead')) }
local function add(lane, waiting, longest)
  local since = tonumber(redis.call('HGET', queue_key('paused'), lane) or '0')
  for _, value in ipairs({ lane, since, waiting, longest, running[lane] or 0, delayed[lane] or 0 }) do out[#out + 1] = value end
end
for _, lane in ipairs(LANES) do
  local first = redis.call('ZRANGE', waiting_key(lane), 0, 0, 'WITHSCORES')
  local longest = first[2] and math.max(0, now - tonumber(first[2])) or 0
  add(lane, redis.call('ZCARD', waiting_key(lane)), longest)
end
-- Clearing away is done while it is asked for: it never waits, but it may be paused.
add('maintenance', 0, 0)
return out
