-- Shared by every script; put in front of each when the crate is compiled. Redis TIME is the only clock.
-- Arrays in replies are flat lists of integers and strings: spin:redis flattens arrays and refuses maps.
local P = ARGV[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function job_key(job) return P .. 'job:' .. job end
local function file_key(job, file) return P .. 'job:' .. job .. ':file:' .. file end
local function progress_key(job) return P .. 'progress:' .. job end
local function queue_key(name) return P .. 'queue:' .. name end

-- The lanes in which files wait, named as the seeds name their queues: whole uploads, and single files asked for again.
-- Each tenant has a line in each lane (a list), each lane a ring of its tenants and a set of who waits since when.
local LANES = { 'batch_processing', 'model_generation' }
local function line_key(lane, tenant) return queue_key('line:' .. lane .. ':' .. tenant) end
local function ring_key(lane) return queue_key('ring:' .. lane) end
local function waiting_key(lane) return queue_key('waiting:' .. lane) end
local function lane_of(job, file) return redis.call('HGET', file_key(job, file), 'lane') or LANES[1] end

-- How many files wait, in all lanes together.
local function depth()
  local sum = 0
  for _, lane in ipairs(LANES) do sum = sum + redis.call('ZCARD', waiting_key(lane)) end
  return sum
end

-- Counts something for the metrics. `open:` fields go down again, all others only grow.
local function tally(name, by) redis.call('HINCRBY', P .. 'counters', name, by or 1) end

-- Among which of the open jobs a job counts: 'pending', 'processing', or '' once it has ended or holds stored files only.
local function count_open(job, as)
  local before = redis.call('HGET', job_key(job), 'counted') or ''
  if before == as then return end
  if before ~= '' then tally('open:' .. before, -1) end
  if as ~= '' then tally('open:' .. as) end
  redis.call('HSET', job_key(job), 'counted', as)
end

-- Gives a job its status, and counts it.
local function set_status(job, status)
  redis.call('HSET', job_key(job), 'status', status)
  local open = status == 'pending' or status == 'processing'
  count_open(job, open and status or '')
  if not open then tally('jobs_ended:' .. status) end
end

-- RFC 3339 in UTC with milliseconds (days-from-civil, run backwards).
local function iso(ms)
  local days = math.floor(ms / 86400000)
  local rest = ms - days * 86400000
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day, math.floor(rest / 3600000),
    math.floor(rest / 60000) % 60, math.floor(rest / 1000) % 60, rest % 1000)
end

local function split(text)
  local out = {}
  for word in string.gmatch(text or '', '%S+') do out[#out + 1] = word end
  return out
end

-- Totals of a job as they stand, with the overall progress: the mean over its files, 100 only once it has ended.
local function totals(job)
  local m = redis.call('HMGET', job_key(job), 'total', 'completed', 'failed', 'cancelled', 'ended_at', 'stored')
  local t = { total = tonumber(m[1]), completed = tonumber(m[2]), failed = tonumber(m[3]), cancelled = tonumber(m[4]),
    stored = tonumber(m[6] or '0') }
  if m[5] then
    t.overall = 100
  else
    local sum = 0
    for _, v in ipairs(redis.call('HVALS', progress_key(job))) do sum = sum + tonumber(v) end
    t.overall = math.min(99, math.floor(sum / math.max(1, t.total)))
  end
  return t
end

-- Appends one event to the job's stream, to the tail that every host follows, and to the job's channel.
-- `data` is the event as clients read it; what every event carries is filled in here.
local function emit(job, data)
  local t = totals(job)
  data.job_id = job
  data.total_files = t.total
  data.completed_files = t.completed
  data.failed_files = t.failed
  data.cancelled_files = t.cancelled
  data.overall_progress = t.overall
  data.timestamp = iso(now)
  local json = cjson.encode(data)
  local id = redis.call('XADD', job_key(job) .. ':events', 'MAXLEN', '~', 1000, '*', 'data', json)
  redis.call('XADD', P .. 'events', 'MAXLEN', '~', 20000, '*', 'job', job, 'id', id, 'data', json)
  redis.call('PUBLISH', P .. 'progress:' .. job, json)
  redis.call('HSET', job_key(job), 'updated_at', now)
  return id
end

-- A file's event: its own state on top of what emit() fills in.
local function emit_file(job, file, kind, extra)
  local m = redis.call('HMGET', file_key(job, file), 'status', 'message', 'filename', 'attempts', 'restarts')
  local data = extra or {}
  data.type = kind
  data.file_id = file
  data.status = data.status or m[1]
  data.message = data.message or m[2] or ''
  data.filename = m[3]
  data.attempts = tonumber(m[4] or '0')
  data.restarts = tonumber(m[5] or '0')
  data.progress = data.progress or tonumber(redis.call('HGET', progress_key(job), file) or '0')
  return emit(job, data)
end

-- A number above every fence handed out before: built on the clock, so that it stays ahead after a failover lost the counter.
local function new_fence()
  return string.format('%d%03d', now, redis.call('INCR', queue_key('fence')) % 1000)
end

-- Puts a file at the end, or at the front, of its tenant's line, and the tenant into the lane's ring. A tenant that
-- becomes active starts at the current virtual time: neither behind nor ahead of those already there.
local function enqueue(job, file, tenant, front)
  local lane, entry = lane_of(job, file), job .. '/' .. file
  redis.call('HSET', file_key(job, file), 'queue', 'waiting')
  redis.call(front and 'LPUSH' or 'RPUSH', line_key(lane, tenant), entry)
  redis.call('ZADD', waiting_key(lane), now, entry)
  if not redis.call('ZSCORE', ring_key(lane), tenant) then
    local current = tonumber(redis.call('GET', queue_key('virtual_time')) or '0')
    local own = tonumber(redis.call('HGET', queue_key('last_virtual_time'), tenant) or '0')
    redis.call('ZADD', ring_key(lane), math.max(current, own), tenant)
  end
end

-- The same for a file that is asked for on its own: anew, or for the first time.
local function enqueue_again(job, file, tenant)
  redis.call('HSET', file_key(job, file), 'lane', LANES[2])
  enqueue(job, file, tenant, false)
end

-- Takes a file out of every place where it may wait: its line, and the retries to come.
local function leave_queue(job, file, tenant)
  local lane, entry = lane_of(job, file), job .. '/' .. file
  if redis.call('ZREM', waiting_key(lane), entry) == 1 then redis.call('LREM', line_key(lane, tenant), 1, entry) end
  redis.call('ZREM', queue_key('delayed'), entry)
end

-- A file is no dead letter any more.
local function forget_dead_letter(job, file)
  local id = redis.call('HGET', file_key(job, file), 'dead_letter')
  if not id then return end
  redis.call('XDEL', queue_key('dead'), id)
  redis.call('HDEL', file_key(job, file), 'dead_letter')
end

-- Gives up a file's lease, if it is held.
local function release_lease(job, file, tenant)
  if redis.call('ZREM', queue_key('running'), job .. '/' .. file) == 1 then
    redis.call('HINCRBY', queue_key('running_by_tenant'), tenant, -1)
  end
end

-- Notes blobs that nothing needs any more; the host that owns the store removes them and tries until it could.
-- What: 'file {job}/{file}': what was stored of one file; 'job {job}': everything; 'expired {job}': that, unless the job lives.
local function remove_blobs(what, at) redis.call('ZADD', P .. 'blobs:remove', at, what) end

-- Every key that belongs to a job.
local function keys_of(job)
  local out = { job_key(job), job_key(job) .. ':events', P .. 'session:' .. job, progress_key(job) }
  for _, file in ipairs(split(redis.call('HGET', job_key(job), 'files'))) do
    out[#out + 1] = file_key(job, file)
    out[#out + 1] = P .. 'file:' .. file
  end
  return out
end

-- Lets everything that belongs to a job expire together, and its blobs a little later.
local function expire_job(job)
  local seconds = tonumber(redis.call('HGET', job_key(job), 'ttl'))
  for _, key in ipairs(keys_of(job)) do redis.call('EXPIRE', key, seconds) end
  remove_blobs('expired ' .. job, now + (seconds + 60) * 1000)
end

-- Takes that back: the job is at work again.
local function keep_job(job)
  for _, key in ipairs(keys_of(job)) do redis.call('PERSIST', key) end
  redis.call('ZREM', P .. 'blobs:remove', 'expired ' .. job)
end

-- Notes that a webhook is to be called, with what is known of it now; the body is made when it is first called.
local function notify(job, event, url, file)
  if not url or url == '' then return end
  local id = 'evt_' .. job .. '_' .. redis.call('HINCRBY', job_key(job), 'webhook_events', 1)
  redis.call('HSET', P .. 'webhook:' .. id, 'job', job, 'file', file or '', 'event', event, 'url', url,
    'secret', redis.call('HGET', job_key(job), 'webhook_secret') or '', 'created_at', now, 'attempts', 0)
  redis.call('EXPIRE', P .. 'webhook:' .. id, 604800)
  redis.call('ZADD', P .. 'webhooks:due', now, id)
  redis.call('HSET', job_key(job), 'webhook_status', 'pending')
end

-- Puts a job whose files had all ended, or were only stored, to work again.
local function reopen(job)
  local ended = redis.call('HDEL', job_key(job), 'ended_at') == 1
  if ended then set_status(job, 'processing') else count_open(job, redis.call('HGET', job_key(job), 'status')) end
  keep_job(job)
end

-- Puts a file that failed in line anew, and its job to work again if that had ended. A request at the provider that may
-- still run, or whose model may still be had, is kept and followed; only without one is a new request sent.
-- `restarts` grows with it: a file's progress never goes backwards under one value of it. Answers 'resumed' or 'requeued'.
local function restart(job, file, tenant)
  local key = file_key(job, file)
  local m = redis.call('HMGET', key, 'unresolved', 'fal_request_id', 'intent', 'attempts')
  local resume = m[1] and ((m[2] or '') ~= '' or (m[3] or '') ~= '')
  redis.call('HINCRBY', job_key(job), 'failed', -1)
  reopen(job)
  forget_dead_letter(job, file)
  if resume then
    redis.call('HSET', key, 'resumed_at', now)
  else
    redis.call('HDEL', key, 'fal_request_id', 'intent', 'intended_at', 'bound_by', 'bound_at', 'resumed_at',
      'error_code', 'error_message', 'error_retryable')
  end
  redis.call('HDEL', key, 'ended_at', 'unresolved', 'queue_position', 'lost_leases', 'worker')
  redis.call('HINCRBY', key, 'restarts', 1)
  redis.call('HSET', key, 'status', 'pending', 'message', resume and 'Waiting to look after its request' or 'Waiting for a worker',
    'attempts_before', m[4] or 0, 'fence', new_fence(), 'updated_at', now)
  redis.call('HSET', progress_key(job), file, 0)
  enqueue_again(job, file, tenant)
  return resume and 'resumed' or 'requeued'
end

-- How a job has ended, by its totals.
local function outcome_of(job, t)
  if t.completed == t.total then return 'completed' end
  if t.completed > 0 then return 'partially_completed' end
  local cancelled = t.cancelled == t.total or (t.cancelled > 0 and redis.call('HGET', job_key(job), 'cancel'))
  return cancelled and 'cancelled' or 'failed'
end

-- How long a worker was at a file, in a histogram: seconds, up to and including each bound.
local function tally_duration(job, file, status)
  local claimed = redis.call('HGET', file_key(job, file), 'claimed_at')
  if not claimed then return end
  local ms = now - tonumber(claimed)
  local bound = '+Inf'
  for _, seconds in ipairs({ 5, 15, 30, 60, 120, 300, 600, 1800 }) do
    if ms <= seconds * 1000 then
      bound = tostring(seconds)
      break
    end
  end
  tally('file_duration:' .. status .. ':' .. bound)
  tally('file_duration_ms:' .. status, ms)
end

-- Ends one file, exactly once; the file that ends last ends the job, here and nowhere else. A job of which only stored
-- files are left is pending again, and expires unless more is asked of it.
-- Answers 'ended' when the job ended with it, else 'ok'.
local function settle(job, file, tenant, status, kind, extra)
  release_lease(job, file, tenant)
  local key = file_key(job, file)
  local m = redis.call('HMGET', key, 'queue', 'webhook_url')
  if m[1] == 'stored' then redis.call('HINCRBY', job_key(job), 'stored', -1) end
  if m[1] == 'running' then tally_duration(job, file, status) end
  redis.call('HSET', key, 'status', status, 'queue', '', 'ended_at', now, 'updated_at', now)
  redis.call('HDEL', key, 'cancel')
  tally('files_ended:' .. status)
  redis.call('HSET', progress_key(job), file, 100)
  redis.call('HINCRBY', job_key(job), status, 1)
  if status == 'cancelled' then remove_blobs('file ' .. job .. '/' .. file, now) end
  local t = totals(job)
  local ended = t.completed + t.failed + t.cancelled
  local outcome = ended == t.total and outcome_of(job, t)
  if outcome then
    set_status(job, outcome)
    redis.call('HSET', job_key(job), 'ended_at', now)
  elseif ended + t.stored == t.total then
    set_status(job, 'pending')
    count_open(job, '')
    expire_job(job)
  end
  emit_file(job, file, kind, extra)
  notify(job, 'file.' .. status, m[2], file)
  if not outcome then return 'ok' end
  emit(job, { type = 'job', status = outcome, progress = 100 })
  notify(job, 'job.' .. outcome, redis.call('HGET', job_key(job), 'webhook_url'))
  expire_job(job)
  if outcome == 'cancelled' then remove_blobs('job ' .. job, now) end
  return 'ended'
end

-- An issued API key as {field count, name, value, …}, its state last; {0} when there is none with this hash.
local function api_key(hash)
  local key = P .. 'api_key:' .. hash
  local fields = redis.call('HGETALL', key)
  if #fields == 0 then return { 0 } end
  local m = redis.call('HMGET', key, 'revoked_at', 'expires_at')
  local state = 'active'
  if m[1] then state = 'revoked' elseif m[2] and tonumber(m[2]) <= now then state = 'expired' end
  local out = { #fields / 2 + 1 }
  for i = 1, #fields do out[i + 1] = fields[i] end
  out[#out + 1] = 'state'
  out[#out + 1] = state
  return out
end

-- Cancels one file: one that waits ends at once. One that runs, or waits but may have a request at the provider, is left to a
-- worker, which cancels that request too: it sees the mark on the job or, with `mark`, on the file alone.
-- Answers what settle() answers, 'running', or nil when it had ended before.
local function cancel_one(job, file, mark)
  local m = redis.call('HMGET', file_key(job, file), 'queue', 'tenant', 'ended_at', 'fal_request_id', 'intent')
  local asked = (m[4] or '') ~= '' or (m[5] or '') ~= ''
  if m[1] == 'running' or (m[1] == 'waiting' and asked) then
    if mark then redis.call('HSET', file_key(job, file), 'cancel', 1) end
    return 'running'
  end
  if m[3] or not m[2] then return nil end
  leave_queue(job, file, m[2])
  redis.call('HSET', file_key(job, file), 'message', 'Cancelled')
  return settle(job, file, m[2], 'cancelled', 'error', { error = 'Cancelled', error_code = 'CANCELLED', retryable = true })
end

-- The file a worker holds, or the reason why it does not: 'gone' (unknown or already ended), 'stale' (somebody else
-- holds a newer lease), 'cancelled' (the caller wants it stopped). ARGV: 2 job, 3 file, 4 fence.
local function held(accept_cancelled)
  local m = redis.call('HMGET', file_key(ARGV[2], ARGV[3]), 'queue', 'fence', 'tenant', 'cancel')
  if m[1] ~= 'running' then return nil, m[1] and m[1] ~= '' and 'stale' or 'gone' end
  if m[2] ~= ARGV[4] then return nil, 'stale' end
  if not accept_cancelled and (m[4] or redis.call('HGET', job_key(ARGV[2]), 'cancel')) then return nil, 'cancelled' end
  return { job = ARGV[2], file = ARGV[3], tenant = m[3] }
end
