-- Has a model made of a stored image: for the first time, again after it failed, or, when it has a model already, beside that
-- one as a new file of the job, so that what was paid for stays. Once per idempotency key.
-- ARGV: 2 job, 3 file, 4 id for a new file, 5 options json, 6 model, 7 most files waiting, 8 most files in a job,
--       9 webhook url, 10 webhook secret, 11 idempotency key, 12 body hash, 13 request id, 14 traceparent,
--       15 priority 'high' | 'normal' | 'low', 16 caller, whose the idempotency key is
-- Reply: {'queued' | 'resumed' | 'replayed', file, webhook secret} or {'not_found' | 'unknown_file' | 'cancelled' | 'ending' (see
--         why_not_again()) | 'file_cancelled' | 'busy' | 'unresolved' | 'queue_full' | 'too_many_files' | 'conflict', '', ''}
local function copy_file(job, from, to)
  local s = redis.call('HMGET', file_key(job, from), 'tenant', 'filename', 'size', 'content_type', 'width', 'height', 'blob')
  redis.call('HSET', file_key(job, to), 'id', to, 'job', job, 'tenant', s[1], 'filename', s[2], 'size', s[3], 'content_type', s[4],
    'width', s[5], 'height', s[6], 'blob', s[7], 'source', from, 'status', 'pending', 'queue', '', 'attempts', 0, 'fence', '0',
    'priority', ARGV[15] or 'normal', 'message', 'Waiting for a worker', 'created_at', now, 'updated_at', now)
  redis.call('SET', P .. 'file:' .. to, job)
  redis.call('HSET', progress_key(job), to, 0)
  redis.call('HSET', job_key(job), 'files', redis.call('HGET', job_key(job), 'files') .. ' ' .. to)
  redis.call('HINCRBY', job_key(job), 'total', 1)
end

local job, file, new, options, model = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local m = redis.call('HMGET', job_key(job), 'tenant', 'files', 'total')
if not m[1] then return { 'not_found', '', '' } end
local tenant, caller = m[1], ARGV[16]
if ARGV[11] ~= '' then
  local former, hash = remembered_call(caller, ARGV[11])
  if not former and tenant ~= caller then
    -- The version before remembered a generation as the tenant's, whoever asked. What the tenant itself asked for under a key
    -- of this name is nothing to another caller.
    former, hash = remembered_call(tenant, ARGV[11])
    if hash ~= ARGV[12] then former = nil end
  end
  if former then
    -- One that made a job is known by the job's id.
    local generated = hash == ARGV[12] and redis.call('EXISTS', P .. 'file:' .. former) == 1
    return { generated and 'replayed' or 'conflict', former, redis.call('HGET', job_key(job), 'webhook_secret') or '' }
  end
end
local key = file_key(job, file)
local f = redis.call('HMGET', key, 'job', 'status', 'queue', 'unresolved', 'options', 'model', 'fal_request_id', 'intent', 'request_id')
if not f[1] then return { 'unknown_file', '', '' } end
local refusal = why_not_again(job)
if refusal then return { refusal, '', '' } end
if f[2] == 'cancelled' then return { 'file_cancelled', '', '' } end
-- This very call, repeated after its answer was lost: what it asked for is in line.
local repeated = redis.call('EXISTS', file_key(job, new)) == 1 and new
if not repeated and f[9] == ARGV[13] and (f[3] == 'waiting' or f[3] == 'running' or f[3] == 'delayed')
  and f[5] == options and f[6] == model and redis.call('HGET', key, 'lane') then
  repeated = file
end
if repeated then return { 'queued', repeated, redis.call('HGET', job_key(job), 'webhook_secret') or '' } end
local how = 'queued'
if f[2] ~= 'completed' and f[2] ~= 'failed' and f[3] ~= 'stored' then return { 'busy', '', '' } end
if f[2] == 'completed' and tonumber(m[3]) >= tonumber(ARGV[8]) then return { 'too_many_files', '', '' } end
if is_full(tenant, 1, tonumber(ARGV[7])) then return { 'queue_full', '', '' } end
if f[2] == 'failed' then
  -- A request that may still give a model is followed as it was asked; another one is not paid for beside it.
  local asked = f[4] and is_asked(f[7], f[8])
  if asked and (f[5] ~= options or f[6] ~= model) then return { 'unresolved', '', '' } end
  redis.call('HSET', key, 'priority', ARGV[15] or 'normal')
  if restart(job, file, tenant) == 'resumed' then how = 'resumed' end
elseif f[2] == 'completed' then
  copy_file(job, file, new)
  file, key = new, file_key(job, new)
  reopen(job)
else
  redis.call('HINCRBY', job_key(job), 'stored', -1)
  reopen(job)
  redis.call('HSET', key, 'message', 'Waiting for a worker', 'updated_at', now)
end
redis.call('HSET', key, 'options', options, 'model', model, 'webhook_url', ARGV[9], 'request_id', ARGV[13],
  'traceparent', ARGV[14], 'priority', ARGV[15] or 'normal')
-- A restarted file is in line already.
if f[2] ~= 'failed' then enqueue_again(job, file, tenant) end
local secret = redis.call('HGET', job_key(job), 'webhook_secret') or ''
if ARGV[9] ~= '' and secret == '' then
  secret = ARGV[10]
  redis.call('HSET', job_key(job), 'webhook_secret', secret)
end
if ARGV[11] ~= '' then remember_call(job, caller, ARGV[11], ARGV[12] .. ' ' .. file) end
emit_file(job, file, 'progress', {})
return { how, file, secret }
