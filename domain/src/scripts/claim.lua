-- Hands waiting files to a worker under a lease. First takes back expired leases and due retries, in bounded steps, so
-- no scheduler has to live: that is done even when none are wanted. Tenants take turns by virtual time (start-time fair
-- queueing), over all lanes that are not paused. The submission window is only looked at: it is spent when a submit is
-- announced. While the breaker is open nothing is handed out; after its pause one file at a time is whose answer will tell: one
-- that would submit or, where it was no submit that found the provider away, one that has a request. One that only looks a
-- request up tells nothing, and holds nobody back.
-- ARGV: 2 worker, 3 lease ms, 4 most running at once, 5 most running per tenant, 6 submissions per window, 7 window ms, 8 wanted
-- Reply: {ms until it is worth asking again, now, breaker: kind or '', ms left of its pause,
--         then per file: job, file, fence, lost leases}
local worker, lease = ARGV[2], tonumber(ARGV[3])
local most, per_tenant = tonumber(ARGV[4]), tonumber(ARGV[5])
local window_size, window, want = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local running_key, delayed_key = queue_key('running'), queue_key('delayed')

-- Whichever Redis this is, it is remembered, and where its clock was set back, nothing is held up by that.
doubt_since()
mind_clock('running', 'lease_ms', lease)
mind_clock('delayed', 'delay_ms', 60000)

for _, entry in ipairs(redis.call('ZRANGEBYSCORE', running_key, '-inf', now, 'LIMIT', 0, 16)) do
  local job, file = parts(entry)
  local m = redis.call('HMGET', file_key(job, file), 'queue', 'tenant')
  if m[1] == 'running' then
    take_back(job, file, m[2])
  elseif m[2] then
    release_lease(job, file, m[2])
  else
    redis.call('ZREM', running_key, entry)
    redis.call('SREM', queue_key('unsent'), entry)
  end
end
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', delayed_key, '-inf', now, 'LIMIT', 0, 64)) do
  redis.call('ZREM', delayed_key, entry)
  local job, file = parts(entry)
  local m = redis.call('HMGET', file_key(job, file), 'queue', 'tenant')
  if m[1] == 'delayed' then enqueue(job, file, m[2], false) end
end
prune_dead_letters()

local open_lanes = {}
for _, lane in ipairs(LANES) do
  if redis.call('HEXISTS', queue_key('paused'), lane) == 0 then open_lanes[#open_lanes + 1] = lane end
end

-- What comes first of a tenant that may have a line in several lanes: by priority and age, whatever the lanes.
local function first_of(turn)
  local least
  for _, lane in ipairs(open_lanes) do
    local first = redis.call('ZSCORE', ring_key(lane), turn.tenant)
      and redis.call('ZRANGE', line_key(lane, turn.tenant), 0, 0, 'WITHSCORES') or {}
    if first[1] and not (least and least <= tonumber(first[2])) then
      least, turn.lane, turn.entry = tonumber(first[2]), lane, first[1]
    end
  end
  return turn
end

-- Whose turn it is: the least virtual time in any open lane.
local function next_turn()
  local turn
  for _, lane in ipairs(open_lanes) do
    local first = redis.call('ZRANGE', ring_key(lane), 0, 0, 'WITHSCORES')
    if first[1] and not (turn and turn.virtual <= tonumber(first[2])) then
      turn = { lane = lane, tenant = first[1], virtual = tonumber(first[2]) }
    end
  end
  return turn and first_of(turn)
end

-- A tenant's share of the turns, and how many of its files may run at once.
local function terms_of(tenant)
  local weight, cap = string.match(redis.call('HGET', queue_key('tenants'), tenant) or '', '^(%S+) (%S+)$')
  return tonumber(weight or '1'), tonumber(cap or '-') or per_tenant
end

local wait = 60000
local function look_again_in(ms) wait = math.min(wait, ms) end

local gate = breaker()
if gate and gate.left > 0 then
  look_again_in(gate.left)
  want = 0
end
local running = redis.call('ZCARD', running_key)
local room, room_in = 0, 0
if want > 0 then
  room, room_in = window_room(window_size, window)
  room = room - redis.call('SCARD', queue_key('unsent'))
end
-- Whether a file that would submit may be handed out.
local function may_submit()
  if gate then return not gate.probe and room > 0 end
  return room > 0
end

local out, skipped, passed = { 0, now, gate and gate.kind or '', gate and gate.left or 0 }, {}, 0
local virtual_time = tonumber(redis.call('GET', queue_key('virtual_time')) or '0')
local function skip(turn, at_cap)
  local ring = ring_key(turn.lane)
  local virtual = tonumber(redis.call('ZSCORE', ring, turn.tenant))
  -- Nobody saves up turns while as much of it runs as may.
  if at_cap then virtual = math.max(virtual, virtual_time) end
  skipped[#skipped + 1] = { ring = ring, tenant = turn.tenant, virtual = virtual }
  redis.call('ZREM', ring, turn.tenant)
end

local function take(turn, weight, entry, fields)
  local lane, tenant, virtual = turn.lane, turn.tenant, turn.virtual
  local job, file = parts(entry)
  local key, fence = file_key(job, file), new_fence()
  local since = redis.call('ZSCORE', waiting_key(lane), entry)
  tally_time('claim_wait:' .. lane, now - tonumber(since or now))
  leave_line(lane, tenant, entry)
  redis.call('HSET', key, 'queue', 'running', 'fence', fence, 'worker', worker, 'claimed_at', now, 'lease_ms', lease)
  redis.call('HSETNX', key, 'first_claimed_at', now)
  redis.call('ZADD', running_key, now + lease, entry)
  redis.call('HINCRBY', queue_key('running_by_tenant'), tenant, 1)
  -- It never runs backwards: who comes now would start behind everybody who was served meanwhile.
  virtual_time = math.max(virtual_time, virtual)
  redis.call('SET', queue_key('virtual_time'), virtual_time)
  redis.call('ZREMRANGEBYSCORE', queue_key('left_at'), '-inf', virtual_time)
  -- A tenant's turns count in every lane where it has a line, and after it has left.
  local after = virtual + 1000 / weight
  for _, other in ipairs(LANES) do redis.call('ZADD', ring_key(other), 'XX', 'GT', after, tenant) end
  if not redis.call('ZSCORE', ring_key(lane), tenant) then redis.call('ZADD', queue_key('left_at'), 'GT', after, tenant) end
  if redis.call('HGET', job_key(job), 'status') == 'pending' then set_status(job, 'processing') end
  redis.call('HSETNX', job_key(job), 'started_at', now)
  for _, value in ipairs({ job, file, fence, tonumber(fields[4] or '0') }) do out[#out + 1] = value end
  running, want = running + 1, want - 1
end

-- What is passed over is bounded: tenants at their cap by what runs, all else here.
while want > 0 and running < most and passed < 64 do
  local turn = next_turn()
  if not turn then break end
  local weight, cap = terms_of(turn.tenant)
  local entry = turn.entry
  if not entry then
    leave_ring(turn.lane, turn.tenant)
    passed = passed + 1
  elseif tonumber(redis.call('HGET', queue_key('running_by_tenant'), turn.tenant) or '0') >= cap then
    skip(turn, true)
  else
    local job, file = parts(entry)
    local fields = redis.call('HMGET', file_key(job, file), 'queue', 'fal_request_id', 'intent', 'lost_leases')
    local asked, known = is_asked(fields[2], fields[3]), (fields[2] or '') ~= ''
    if fields[1] ~= 'waiting' then
      leave_line(turn.lane, turn.tenant, entry)
      passed = passed + 1
    elseif not asked and not may_submit() then
      look_again_in(gate and gate.probe and 1000 or math.max(room_in, 1000))
      skip(turn)
      passed = passed + 1
    elseif known and gate and not gate.by_submit and gate.probe then
      skip(turn)
      passed = passed + 1
    else
      take(turn, weight, entry, fields)
      if not asked then
        redis.call('SADD', queue_key('unsent'), entry)
        room = room - 1
      end
      if gate and (not asked or (known and not gate.by_submit)) then
        gate.probe = entry
        redis.call('HSET', queue_key('breaker'), 'probe', entry)
      end
    end
  end
end
if passed >= 64 then look_again_in(1000) end
for _, turn in ipairs(skipped) do redis.call('ZADD', turn.ring, turn.virtual, turn.tenant) end
local due = redis.call('ZRANGE', delayed_key, 0, 0, 'WITHSCORES')
local expiry = redis.call('ZRANGE', running_key, 0, 0, 'WITHSCORES')
if due[2] then look_again_in(tonumber(due[2]) - now) end
if expiry[2] then look_again_in(tonumber(expiry[2]) - now) end
out[1] = math.max(1, math.floor(wait))
return out
