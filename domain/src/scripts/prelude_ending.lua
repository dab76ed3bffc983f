-- Behind prelude_queue.lua. Here: how files and jobs end, and how they begin anew.

-- Notes blobs that nothing needs any more; the host that owns the store removes them and tries until it could.
-- What: 'file {job}/{file}': what was stored of one file; 'job {job}': everything; 'expired {job}': that, unless the job lives.
local function remove_blobs(what, at) redis.call('ZADD', P .. 'blobs:remove', at, what) end

-- What was made under an idempotency key, and which of these keys belong to a job.
local function idempotency_key(tenant, name) return P .. 'idempotency:' .. tenant .. ':' .. name end
-- What a caller made under an idempotency key, a job or a file, and the digest of what was asked for then; nothing when the key is
-- free.
local function remembered_call(caller, name)
  local hash, made = string.match(redis.call('GET', idempotency_key(caller, name)) or '', '^(%S+) (%S+)$')
  return made, hash
end
-- The job of what was made, whether a model was generated, as a file of that job, and when the job was made; nothing when it was
-- deleted since: its key is free again.
local function job_of_call(made)
  local generated = redis.call('GET', P .. 'file:' .. made)
  local created = redis.call('HGET', job_key(generated or made), 'created_at')
  if created then return generated or made, generated and true, tonumber(created) end
end
local function idempotency_keys_key(job) return job_key(job) .. ':idempotency' end

-- Remembers what a call made under its idempotency key, for as long as the job is kept: however long that waits, the same
-- call makes nothing anew.
local function remember_call(job, tenant, name, made)
  local key = idempotency_key(tenant, name)
  redis.call('SET', key, made)
  redis.call('SADD', idempotency_keys_key(job), key)
end

-- Every key that belongs to a job.
local function keys_of(job)
  local calls = idempotency_keys_key(job)
  local out = { job_key(job), job_key(job) .. ':events', P .. 'session:' .. job, progress_key(job), calls }
  for _, key in ipairs(redis.call('SMEMBERS', calls)) do out[#out + 1] = key end
  for _, file in ipairs(split(redis.call('HGET', job_key(job), 'files'))) do
    for _, key in ipairs({ file_key(job, file), passed_logs_key(job, file), P .. 'file:' .. file }) do out[#out + 1] = key end
  end
  return out
end

-- Keeps a tenant's list of jobs for a month longer than a job that is made or ends now, so that it goes once the tenant stays
-- away. A job that has waited for longer than that is put back when it ends.
local function list_job(job, tenant, seconds)
  local list, keep = P .. 'jobs:' .. tenant, seconds + 2592000
  redis.call('ZADD', list, redis.call('HGET', job_key(job), 'created_at'), job)
  if redis.call('TTL', list) < keep then redis.call('EXPIRE', list, keep) end
end

-- Lets everything that belongs to a job expire together, and its blobs a little later.
local function expire_job(job)
  local m = redis.call('HMGET', job_key(job), 'ttl', 'tenant')
  local seconds = tonumber(m[1])
  redis.call('HSET', job_key(job), 'expires_at', now + seconds * 1000)
  for _, key in ipairs(keys_of(job)) do redis.call('EXPIRE', key, seconds) end
  list_job(job, m[2], seconds)
  remove_blobs('expired ' .. job, now + (seconds + 60) * 1000)
end

-- Takes that back: the job is at work again.
local function keep_job(job)
  redis.call('HDEL', job_key(job), 'expires_at')
  for _, key in ipairs(keys_of(job)) do redis.call('PERSIST', key) end
  redis.call('ZREM', P .. 'blobs:remove', 'expired ' .. job)
end

-- Remembers for a day a request at the provider that no file has a use for: by its id or, where that is not known, by the
-- image's URL. It is looked up if need be, cancelled, and followed to its end, which may cost something. One that was settled
-- does not come back. `told`: the provider has been asked to cancel it.
local function add_orphan(orphan, delay_ms)
  local id = orphan.request_id ~= '' and orphan.request_id or orphan.image_url
  local key = P .. 'orphan:' .. id
  if redis.call('HEXISTS', key, 'settled_at') == 1 then return end
  local tenant = redis.call('HGET', file_key(orphan.job, orphan.file), 'tenant')
  redis.call('HSET', key, 'endpoint', orphan.endpoint, 'request_id', orphan.request_id, 'image_url', orphan.image_url,
    'job', orphan.job, 'file', orphan.file, 'intended_at', orphan.intended_at)
  -- Who comes after the file is gone does not know whose it was.
  if tenant then redis.call('HSET', key, 'tenant', tenant) end
  if orphan.told then redis.call('HSET', key, 'told', 1) end
  redis.call('HSETNX', key, 'added_at', now)
  redis.call('EXPIRE', key, 86400)
  redis.call('ZADD', queue_key('orphans'), 'NX', now + delay_ms, id)
end

-- Leaves the request that a file has or may have at the provider, unless that is over: nobody will follow it any more. A
-- worker that still has the file in hand mostly cancels it before its time comes.
local function abandon(job, file)
  local m = redis.call('HMGET', file_key(job, file), 'queue', 'unresolved', 'fal_request_id', 'intent', 'intended_at', 'model',
    'endpoint')
  local request, url = m[3] or '', m[4] or ''
  local over = (m[1] or '') == '' and not m[2]
  if over or (request == '' and url == '') then return end
  local known, provider = pcall(cjson.decode, redis.call('HGET', P .. 'providers', m[6] or '') or '')
  -- Files that were announced before endpoints were recorded have none.
  local endpoint = m[7] or (known and provider.endpoint) or ''
  add_orphan({ endpoint = endpoint, request_id = request, image_url = url, job = job, file = file, intended_at = m[5] or now }, 10000)
end

-- Forgets a job that has ended, or that is not to be waited for, with everything that belongs to it. Whoever watches one that
-- had not ended sees its end, as that of any other.
local function forget_job(job)
  local m = redis.call('HMGET', job_key(job), 'files', 'tenant', 'ended_at')
  for _, file in ipairs(split(m[1])) do
    abandon(job, file)
    local s = redis.call('HGET', file_key(job, file), 'queue')
    if s == 'running' then release_lease(job, file, m[2]) end
    leave_queue(job, file, m[2])
    forget_dead_letter(job, file)
  end
  count_open(job, '')
  if not m[3] then
    redis.call('HSET', job_key(job), 'ended_at', now)
    emit(job, { type = 'job', status = 'cancelled', progress = 100 })
  end
  for _, key in ipairs(keys_of(job)) do redis.call('DEL', key) end
  redis.call('ZREM', P .. 'jobs', job)
  redis.call('ZREM', P .. 'jobs:' .. m[2], job)
  -- What a worker stores that did not know yet.
  remove_blobs('expired ' .. job, now + 600000)
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

-- Why nothing of a job is made anew: 'cancelled' as a whole or erased, so that its images go, or 'ending', as files of it are
-- still being stopped. Nil when nothing speaks against it: a job that kept some of its models is as good as any after its cancel.
local function why_not_again(job)
  local m = redis.call('HMGET', job_key(job), 'status', 'erase', 'cancel', 'ended_at')
  if m[1] == 'cancelled' or m[2] then return 'cancelled' end
  return m[3] and not m[4] and 'ending' or nil
end

-- Puts a job whose files had all ended, or were only stored, to work again.
local function reopen(job)
  local ended = redis.call('HDEL', job_key(job), 'ended_at') == 1
  -- A cancel is over with the end that it brought; kept, it would stop what is made now. The pace begins anew.
  if ended then redis.call('HDEL', job_key(job), 'cancel', 'started_at') end
  if ended then set_status(job, 'processing') else count_open(job, redis.call('HGET', job_key(job), 'status')) end
  keep_job(job)
end

-- Forgets a request that is over, or was surely not accepted; what its submit announced is remembered, so that a late word
-- of it is not taken for news.
local function forget_request(key)
  local intent = redis.call('HGET', key, 'intent') or ''
  if intent ~= '' then redis.call('HSET', key, 'former_intent', intent) end
  redis.call('HDEL', key, 'fal_request_id', 'intent', 'intended_at', 'bound_by', 'bound_at', 'running_at')
end

-- A file without a request failed because another Redis may have forgotten one: who asks for it all the same after having been
-- told so takes the risk of that doubt, not of one that arose later. FAL is asked first even so.
local function accept_doubt(key)
  local since = tonumber(redis.call('GET', queue_key('doubt_since')) or nil)
  local m = redis.call('HMGET', key, 'error_code', 'ended_at')
  if since and m[1] == 'SUBMIT_UNCERTAIN' and since <= tonumber(m[2] or '0') then
    redis.call('HSET', key, 'doubt_accepted', since)
  end
end

-- Puts a file that failed in line anew, and its job to work again if that had ended. A request at the provider that may
-- still run, or whose model may still be had, is kept and followed; only without one is a new request sent.
-- `restarts` grows with it: a file's progress never goes backwards under one value of it. Answers 'resumed' or 'requeued'.
local function restart(job, file, tenant)
  local key = file_key(job, file)
  local m = redis.call('HMGET', key, 'unresolved', 'fal_request_id', 'intent', 'attempts')
  local resume = m[1] and is_asked(m[2], m[3])
  redis.call('HINCRBY', job_key(job), 'failed', -1)
  reopen(job)
  forget_dead_letter(job, file)
  if resume then
    redis.call('HSET', key, 'resumed_at', now)
  else
    accept_doubt(key)
    forget_request(key)
    redis.call('HDEL', key, 'resumed_at', 'resubmitted', 'error_code', 'error_message', 'error_retryable')
  end
  redis.call('HDEL', key, 'ended_at', 'unresolved', 'queue_position', 'lost_leases', 'worker', 'first_claimed_at')
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

-- Ends one file, exactly once; the file that ends last ends the job, here and nowhere else. A job of which only stored
-- files are left is pending again, and expires unless more is asked of it.
-- Answers 'ended' when the job ended with it, else 'ok'.
local function settle(job, file, tenant, status, kind, extra)
  release_lease(job, file, tenant)
  local key = file_key(job, file)
  local m = redis.call('HMGET', key, 'queue', 'webhook_url', 'claimed_at')
  if m[1] == 'stored' then redis.call('HINCRBY', job_key(job), 'stored', -1) end
  if m[1] == 'running' and m[3] then tally_time('file_duration:' .. status, now - tonumber(m[3])) end
  redis.call('HSET', key, 'status', status, 'queue', '', 'ended_at', now, 'updated_at', now)
  redis.call('HDEL', key, 'cancel', 'queue_position')
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
    redis.call('HDEL', job_key(job), 'started_at')
    expire_job(job)
  end
  emit_file(job, file, kind, extra)
  notify(job, 'file.' .. status, m[2], file)
  if not outcome then return 'ok' end
  emit(job, { type = 'job', status = outcome, progress = 100 })
  notify(job, 'job.' .. outcome, redis.call('HGET', job_key(job), 'webhook_url'))
  local erase = redis.call('HGET', job_key(job), 'erase')
  -- Whoever watches it sees its end; then it is gone.
  if erase then redis.call('HSET', job_key(job), 'ttl', 30) end
  expire_job(job)
  if outcome == 'cancelled' or erase then remove_blobs('job ' .. job, now) end
  return 'ended'
end

-- Ends a file because its caller wants it stopped. A retry does not take it up: its image goes.
local function settle_cancelled(job, file, tenant)
  redis.call('HSET', file_key(job, file), 'message', 'Cancelled')
  return settle(job, file, tenant, 'cancelled', 'error', { error = 'Cancelled', error_code = 'CANCELLED', retryable = false })
end

-- Ends a file for good and keeps it as a dead letter. `unresolved`: its request may still give a model; a retry follows it.
local function settle_failed(job, file, tenant, code, message, retryable, unresolved)
  local key = file_key(job, file)
  redis.call('HSET', key, 'error_code', code, 'error_message', message, 'error_retryable', retryable and 1 or 0, 'message', message)
  if unresolved then redis.call('HSET', key, 'unresolved', 1) else redis.call('HDEL', key, 'unresolved') end
  add_dead_letter(job, file, tenant, code, message)
  return settle(job, file, tenant, 'failed', 'error', { error = message, error_code = code, retryable = retryable })
end

-- Gives a file whose worker fell silent to the next one, at the front of its line. One that costs a worker its lease time
-- and again waits longer each time, and is given up in the end: it may be the file that kills them.
local function take_back(job, file, tenant)
  release_lease(job, file, tenant)
  tally('leases_lost')
  local key = file_key(job, file)
  local lost = redis.call('HINCRBY', key, 'lost_leases', 1)
  local m = redis.call('HMGET', key, 'cancel', 'fal_request_id', 'intent')
  local asked = is_asked(m[2], m[3])
  local cancelled = m[1] or redis.call('HGET', job_key(job), 'cancel')
  -- Nothing has begun that a deadline could run for.
  if not asked then redis.call('HDEL', key, 'first_claimed_at') end
  if not asked and cancelled then
    settle_cancelled(job, file, tenant)
  elseif lost >= 8 and cancelled then
    abandon(job, file)
    settle_cancelled(job, file, tenant)
  elseif lost >= 8 then
    settle_failed(job, file, tenant, 'WORKER_LOST', 'Workers were lost while they were at this file', true, true)
  elseif lost >= 3 then
    delay(job, file, math.min(300, 5 * 2 ^ (lost - 3)) * 1000)
  else
    enqueue(job, file, tenant, true)
  end
end

-- Cancels one file: one that waits ends at once. One that runs, or waits but may have a request at the provider, is left to a
-- worker, which cancels that request too: it sees the mark on the job or, with `mark`, on the file alone.
-- Answers what settle() answers, 'running', or nil when it had ended before.
local function cancel_one(job, file, mark)
  local m = redis.call('HMGET', file_key(job, file), 'queue', 'tenant', 'ended_at', 'fal_request_id', 'intent')
  local asked = is_asked(m[4], m[5])
  local queued = m[1] == 'waiting' or m[1] == 'delayed'
  if m[1] == 'running' or (queued and asked) then
    if mark then redis.call('HSET', file_key(job, file), 'cancel', 1) end
    if m[1] == 'delayed' then
      leave_queue(job, file, m[2])
      enqueue(job, file, m[2], true)
    end
    return 'running'
  end
  if m[3] or not m[2] then return nil end
  leave_queue(job, file, m[2])
  return settle_cancelled(job, file, m[2])
end

-- Cancels every file of a job that has not ended. Answers 'ok', or 'ended' when the job ended with it; files cancelled now, and
-- files still running.
local function cancel_all(job, files)
  redis.call('HSET', job_key(job), 'cancel', 1)
  local now_cancelled, running, outcome = 0, 0, 'ok'
  for _, file in ipairs(split(files)) do
    local done = cancel_one(job, file, false)
    if done == 'running' then
      running = running + 1
    elseif done then
      outcome = done
      now_cancelled = now_cancelled + 1
    end
  end
  return outcome, now_cancelled, running
end
