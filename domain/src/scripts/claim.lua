-- Hands waiting files to a worker under a lease. First takes back expired leases and due retries, in bounded steps, so
-- no scheduler has to live. Tenants take turns by virtual time (start-time fair queueing), over all lanes that are not paused.
-- ARGV: 2 worker, 3 lease ms, 4 most running at once, 5 most running per tenant, 6 claims per window, 7 window ms, 8 wanted
-- Reply: {ms until it is worth asking again, then per file: job, file, fence, lost leases}
local worker, lease = ARGV[2], tonumber(ARGV[3])
local most, per_tenant = tonumber(ARGV[4]), tonumber(ARGV[5])
local window_size, window, want = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local running_key, delayed_key, window_key = queue_key('running'), queue_key('delayed'), queue_key('window')

local function parts(entry) return string.match(entry, '^([^/]+)/(.+)$') end

local open = {}
for _, lane in ipairs(LANES) do
  if redis.call('HEXISTS', queue_key('paused'), lane) == 0 then open[#open + 1] = lane end
end

-- Whose turn it is: the least virtual time in any open lane.
local function next_turn()
  local turn
  for _, lane in ipairs(open) do
    local first = redis.call('ZRANGE', ring_key(lane), 0, 0, 'WITHSCORES')
    if first[1] and not (turn and turn.virtual <= tonumber(first[2])) then
      turn = { lane = lane, tenant = first[1], virtual = tonumber(first[2]) }
    end
  end
  return turn
end

for _, entry in ipairs(redis.call('ZRANGEBYSCORE', running_key, '-inf', now, 'LIMIT', 0, 16)) do
  local job, file = parts(entry)
  local m = redis.call('HMGET', file_key(job, file), 'queue', 'tenant')
  if m[2] then release_lease(job, file, m[2]) else redis.call('ZREM', running_key, entry) end
  if m[1] == 'running' then
    redis.call('HINCRBY', file_key(job, file), 'lost_leases', 1)
    tally('leases_lost')
    enqueue(job, file, m[2], true)
  end
end
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', delayed_key, '-inf', now, 'LIMIT', 0, 64)) do
  redis.call('ZREM', delayed_key, entry)
  local job, file = parts(entry)
  local m = redis.call('HMGET', file_key(job, file), 'queue', 'tenant')
  if m[1] == 'delayed' then enqueue(job, file, m[2], false) end
end

local out, wait = { 0 }, nil
local running = redis.call('ZCARD', running_key)
local skipped = {}
while want > 0 and running < most do
  -- Exact sliding window: the oldest of the last `window_size` claims must have left it.
  local oldest = redis.call('LINDEX', window_key, window_size - 1)
  if oldest and now - tonumber(oldest) < window then
    wait = window - (now - tonumber(oldest))
    break
  end
  local turn = next_turn()
  if not turn then break end
  local lane, tenant, virtual = turn.lane, turn.tenant, turn.virtual
  if tonumber(redis.call('HGET', queue_key('running_by_tenant'), tenant) or '0') >= per_tenant then
    skipped[#skipped + 1] = turn
    redis.call('ZREM', ring_key(lane), tenant)
  else
    local entry = redis.call('LPOP', line_key(lane, tenant))
    if not entry then
      redis.call('ZREM', ring_key(lane), tenant)
      redis.call('HSET', queue_key('last_virtual_time'), tenant, virtual)
    else
      redis.call('ZREM', waiting_key(lane), entry)
      local job, file = parts(entry)
      local key = file_key(job, file)
      local m = redis.call('HMGET', key, 'queue', 'fal_request_id', 'lost_leases')
      if m[1] == 'waiting' then
        local fence = new_fence()
        -- A file whose request is already paid for spends no second place in the window.
        if not m[2] then
          redis.call('LPUSH', window_key, now)
          redis.call('LTRIM', window_key, 0, window_size - 1)
        end
        redis.call('HSET', key, 'queue', 'running', 'fence', fence, 'worker', worker, 'claimed_at', now)
        redis.call('ZADD', running_key, now + lease, entry)
        redis.call('HINCRBY', queue_key('running_by_tenant'), tenant, 1)
        redis.call('SET', queue_key('virtual_time'), virtual)
        local weight = tonumber(redis.call('HGET', queue_key('weights'), tenant) or '1')
        -- A tenant's turns count in every lane where it has a line.
        for _, other in ipairs(LANES) do
          redis.call('ZADD', ring_key(other), 'XX', 'GT', virtual + 1000 / weight, tenant)
        end
        if redis.call('HGET', job_key(job), 'status') == 'pending' then
          set_status(job, 'processing')
          redis.call('HSET', job_key(job), 'started_at', now)
        end
        local n = #out
        out[n + 1], out[n + 2], out[n + 3], out[n + 4] = job, file, fence, tonumber(m[3] or '0')
        running, want = running + 1, want - 1
      end
    end
  end
end
for _, turn in ipairs(skipped) do redis.call('ZADD', ring_key(turn.lane), turn.virtual, turn.tenant) end
if not wait then
  wait = 60000
  local due = redis.call('ZRANGE', delayed_key, 0, 0, 'WITHSCORES')
  local expiry = redis.call('ZRANGE', running_key, 0, 0, 'WITHSCORES')
  if due[2] then wait = math.min(wait, tonumber(due[2]) - now) end
  if expiry[2] then wait = math.min(wait, tonumber(expiry[2]) - now) end
end
out[1] = math.max(1, math.floor(wait))
return out
