-- Behind prelude.lua. Here: lines, turns and leases; what may be submitted when; whether a worker
-- still holds what it says it holds.

-- The lanes in which files wait, named as the seeds name their queues: whole uploads, and single files asked for again.
-- Each tenant has a line in each lane, each lane a ring of its tenants by virtual time and a set of who waits since when.
local LANES = { 'batch_processing', 'model_generation' }
local function line_key(lane, tenant) return queue_key('line:' .. lane .. ':' .. tenant) end
local function ring_key(lane) return queue_key('ring:' .. lane) end
local function waiting_key(lane) return queue_key('waiting:' .. lane) end
local function lane_of(job, file) return redis.call('HGET', file_key(job, file), 'lane') or LANES[1] end
local function parts(entry) return string.match(entry, '^([^/]+)/(.+)$') end

-- Whether a file has a request at the provider, or may have one: what was announced for it may have been accepted.
local function is_asked(request, intent) return (request or '') ~= '' or (intent or '') ~= '' end

-- How many files wait, in all lanes together.
local function depth()
  local sum = 0
  for _, lane in ipairs(LANES) do sum = sum + redis.call('ZCARD', waiting_key(lane)) end
  return sum
end

-- Whether so many more files find no room where `most` may wait. A full line still takes from each tenant up to a tenth of it, so
-- that none shuts the others out by filling it; more than twice as many never wait.
local function is_full(tenant, more, most)
  local all, own = depth(), 0
  if all + more <= most then return false end
  for _, lane in ipairs(LANES) do own = own + redis.call('ZCARD', line_key(lane, tenant)) end
  return own + more > most / 10 or all + more > 2 * most
end

-- A number above every fence handed out before: built on the clock, so that it stays ahead after a failover lost the counter.
local function new_fence()
  return string.format('%d%03d', now, redis.call('INCR', queue_key('fence')) % 1000)
end

-- Puts a file in its tenant's line, and the tenant into the lane's ring. What was under way before, and what has a request
-- at the provider, comes first; then the tenant's own priorities; within one of these, who came first. A tenant that becomes
-- active starts at the current virtual time: neither behind nor ahead of those already there.
local CLASSES = { high = 1, normal = 2, low = 3 }
local function enqueue(job, file, tenant, front)
  local key, entry = file_key(job, file), job .. '/' .. file
  local m = redis.call('HMGET', key, 'lane', 'priority', 'fal_request_id', 'intent')
  local lane = m[1] or LANES[1]
  local class = CLASSES[m[2] or 'normal'] or CLASSES.normal
  if front or is_asked(m[3], m[4]) then class = 0 end
  redis.call('HSET', key, 'queue', 'waiting')
  redis.call('ZADD', line_key(lane, tenant), class * 1e13 + redis.call('INCR', queue_key('sequence')), entry)
  redis.call('ZADD', waiting_key(lane), now, entry)
  if not redis.call('ZSCORE', ring_key(lane), tenant) then
    local current = tonumber(redis.call('GET', queue_key('virtual_time')) or '0')
    local own = tonumber(redis.call('ZSCORE', queue_key('left_at'), tenant) or '0')
    redis.call('ZADD', ring_key(lane), math.max(current, own), tenant)
  end
end

-- The same for a file that is asked for on its own: anew, or for the first time.
local function enqueue_again(job, file, tenant)
  redis.call('HSET', file_key(job, file), 'lane', LANES[2])
  enqueue(job, file, tenant, false)
end

-- Takes a tenant whose line is empty out of the ring. Its virtual time is kept until the others have reached it: nobody
-- gains by leaving and coming back.
local function leave_ring(lane, tenant)
  if redis.call('EXISTS', line_key(lane, tenant)) == 1 then return end
  local virtual = redis.call('ZSCORE', ring_key(lane), tenant)
  if not virtual then return end
  redis.call('ZREM', ring_key(lane), tenant)
  redis.call('ZADD', queue_key('left_at'), 'GT', virtual, tenant)
end

-- Takes a file out of its line.
local function leave_line(lane, tenant, entry)
  redis.call('ZREM', waiting_key(lane), entry)
  redis.call('ZREM', line_key(lane, tenant), entry)
  leave_ring(lane, tenant)
end

-- Takes a file out of every place where it may wait: its line, and the retries to come.
local function leave_queue(job, file, tenant)
  local entry = job .. '/' .. file
  leave_line(lane_of(job, file), tenant, entry)
  redis.call('ZREM', queue_key('delayed'), entry)
end

-- Lets a file wait for a time before it comes to its line again.
local function delay(job, file, ms)
  redis.call('HSET', file_key(job, file), 'queue', 'delayed', 'delay_ms', ms)
  redis.call('ZADD', queue_key('delayed'), now + ms, job .. '/' .. file)
end

-- Gives up a file's lease, if it is held, and the place in the submission window that was meant for it.
local function release_lease(job, file, tenant)
  local entry = job .. '/' .. file
  redis.call('SREM', queue_key('unsent'), entry)
  if redis.call('ZREM', queue_key('running'), entry) == 0 then return end
  local by_tenant = queue_key('running_by_tenant')
  if redis.call('HINCRBY', by_tenant, tenant, -1) <= 0 then redis.call('HDEL', by_tenant, tenant) end
end

local function extend_lease(job, file, ms)
  redis.call('HSET', file_key(job, file), 'lease_ms', ms)
  redis.call('ZADD', queue_key('running'), 'XX', now + tonumber(ms), job .. '/' .. file)
end

-- Lets nothing in a set of times last longer than it was to, for the clock was set back since: a lease or a delay by which more is
-- left than was given, as its file tells, begins now. Looks at a few of those that have more than `usual` left, the last ones first.
local function mind_clock(name, given, usual)
  local key = queue_key(name)
  for _, entry in ipairs(redis.call('ZREVRANGEBYSCORE', key, '+inf', '(' .. now + usual, 'LIMIT', 0, 16)) do
    local job, file = parts(entry)
    local ms = tonumber(redis.call('HGET', file_key(job, file), given) or nil)
    if ms then redis.call('ZADD', key, 'XX', 'LT', now + ms, entry) end
  end
end

-- The exact sliding window of submissions: how many may still be sent now, and when there is room again.
local function window_room(size, window)
  local key = queue_key('submissions')
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  -- A clock that was set back must not close the window for longer than it is.
  redis.call('ZREMRANGEBYSCORE', key, '(' .. now + window, '+inf')
  local room = size - redis.call('ZCARD', key)
  if room > 0 then return room, 0 end
  local oldest = redis.call('ZRANGE', key, -size, -size, 'WITHSCORES')
  return 0, math.max(1, math.min(window, tonumber(oldest[2] or now) + window - now))
end

-- The breaker: while it is open nothing is sent to the provider; after its pause one file is, and its answer decides.
-- Nil when it is closed, else its facts: `left` ms of pause, and once that is over `probe`, the file let through, if it lives.
local function breaker()
  local m = redis.call('HMGET', queue_key('breaker'), 'kind', 'until', 'probe', 'by_submit', 'pause', 'since')
  if not m[1] then return nil end
  local left, pause = math.max(0, tonumber(m[2]) - now), tonumber(m[5])
  -- The clock was set back: what was not longer than its pause is no longer now.
  if pause and left > pause then
    left = pause
    redis.call('HSET', queue_key('breaker'), 'until', now + pause)
  end
  local b = { kind = m[1], left = left, by_submit = m[4] == '1', pause = pause, since = tonumber(m[6]) }
  if m[3] and redis.call('ZSCORE', queue_key('running'), m[3]) then b.probe = m[3] end
  return b
end

-- The provider accepted a request: nothing is held back any more.
local function close_breaker() return redis.call('DEL', queue_key('breaker')) end

-- What identifies this Redis: another one took over, or it was restarted, when that changes. Tests put their own in its place.
local function redis_identity()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
end

-- Notes which Redis this is before anything is done with the first job: where a job is known, so is this, whatever was lost.
local function note_identity()
  if redis.call('EXISTS', queue_key('identity')) == 0 then redis.call('SET', queue_key('identity'), redis_identity()) end
end

-- Since when what Redis says of older files may be behind what was done: the last moments before another Redis took over
-- are lost with the one before it. Nil when that never happened. Asked by whoever claims too, sent or not: one that takes over
-- and gives back before anything is sent would not be remembered, and the one before it be taken for one that lost nothing.
local function doubt_since()
  local identity, known = redis_identity(), redis.call('GET', queue_key('identity'))
  local since = tonumber(redis.call('GET', queue_key('doubt_since')) or nil)
  if identity == '' or identity == known then return since end
  redis.call('SET', queue_key('identity'), identity)
  if not known then return since end
  -- Whatever its clock says, it is another doubt than the last one, and no lesser one.
  since = math.max(now, (since or 0) + 1)
  redis.call('SET', queue_key('doubt_since'), since)
  return since
end

-- Keeps a file that failed for good where operators find it.
local function add_dead_letter(job, file, tenant, code, message)
  local letter = redis.call('XADD', queue_key('dead'), 'MAXLEN', '~', 10000, '*', 'job', job, 'file', file, 'tenant', tenant,
    'code', code, 'message', message)
  redis.call('HSET', file_key(job, file), 'dead_letter', letter)
end

-- A file is no dead letter any more.
local function forget_dead_letter(job, file)
  local id = redis.call('HGET', file_key(job, file), 'dead_letter')
  if not id then return end
  redis.call('XDEL', queue_key('dead'), id)
  redis.call('HDEL', file_key(job, file), 'dead_letter')
end

-- Looks at the next two dead letters, round and round, and forgets those whose file has expired.
local function prune_dead_letters()
  local dead, cursor = queue_key('dead'), queue_key('dead_looked_at')
  local after = redis.call('GET', cursor)
  local letters = redis.call('XRANGE', dead, after and '(' .. after or '-', '+', 'COUNT', 2)
  for _, letter in ipairs(letters) do
    local about = {}
    for i = 1, #letter[2], 2 do about[letter[2][i]] = letter[2][i + 1] end
    if redis.call('EXISTS', file_key(about.job, about.file)) == 0 then redis.call('XDEL', dead, letter[1]) end
  end
  if #letters == 2 then redis.call('SET', cursor, letters[2][1]) elseif after then redis.call('DEL', cursor) end
end

-- The file a worker holds, or the reason why it does not: 'gone' (unknown or already ended), 'stale' (somebody else holds a
-- newer lease, or nobody does). `cancelled` tells that the caller wants it stopped, `asked` that it has a request at the
-- provider, or may have one. ARGV: 2 job, 3 file, 4 fence.
local function held()
  local m = redis.call('HMGET', file_key(ARGV[2], ARGV[3]), 'queue', 'fence', 'tenant', 'cancel', 'fal_request_id', 'intent')
  if m[1] ~= 'running' or m[2] ~= ARGV[4] then
    local ended = (m[1] or '') == ''
    if not ended then tally('fence_refusals') end
    return nil, ended and 'gone' or 'stale'
  end
  local f = { job = ARGV[2], file = ARGV[3], tenant = m[3], request = m[5] or '', intent = m[6] or '' }
  f.asked = is_asked(f.request, f.intent)
  f.cancelled = m[4] or redis.call('HGET', job_key(f.job), 'cancel')
  return f
end

-- Gives a held file back to the front of its line. The event wakes a worker.
local function hand_back(f)
  release_lease(f.job, f.file, f.tenant)
  redis.call('HSET', file_key(f.job, f.file), 'status', 'pending', 'message', 'Waiting for a worker', 'queue_position', '', 'updated_at', now)
  enqueue(f.job, f.file, f.tenant, true)
  emit_file(f.job, f.file, 'progress', {})
end
