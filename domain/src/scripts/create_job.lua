-- Makes a job with its files, owner, queue entries and first event: all or nothing, once per idempotency key.
-- ARGV: 2 tenant, 3 job, 4 owner hash, 5 ttl s, 6 idempotency key, 7 body hash, 8 most files waiting, 9 most attempts,
--       10 epoch, 11 request id, 12 traceparent, 13 options json, 14 model, 15 queue now (1) or store only (0), 16 file count,
--       then per file: id, name, size, content type, width, height, blob key, and what its name is found by, or '' when that is
--       the name in lower case; then webhook url and its secret, or '', and the priority 'high' | 'normal' | 'low'
-- Reply: {'created' | 'replayed' | 'conflict' | 'queue_full' | 'exists', job, event id, files waiting, when the job was made}
local tenant, job, owner, ttl = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local waiting = depth()
local former, hash
if ARGV[6] ~= '' then former, hash = remembered_call(tenant, ARGV[6]) end
if former then
  local of, generated, created = job_of_call(former)
  -- This very call, repeated after its answer was lost: the job and the images it names are the caller's own.
  if of == job and not generated then return { 'exists', job, '', waiting, created } end
  if of then return { hash == ARGV[7] and not generated and 'replayed' or 'conflict', of, '', waiting, created } end
end
local made = redis.call('HGET', job_key(job), 'created_at')
if made then return { 'exists', job, '', waiting, tonumber(made) } end
local count = tonumber(ARGV[16])
local queued = ARGV[15] == '1'
local webhook = { url = ARGV[17 + count * 8] or '', secret = ARGV[18 + count * 8] or '' }
local priority = ARGV[19 + count * 8] or 'normal'
if queued and is_full(tenant, count, tonumber(ARGV[8])) then return { 'queue_full', job, '', waiting, now } end
if ARGV[6] ~= '' then remember_call(job, tenant, ARGV[6], ARGV[7] .. ' ' .. job) end

local files, bytes = {}, 0
for i = 1, count do
  local at = 17 + (i - 1) * 8
  local file = ARGV[at]
  files[i] = file
  bytes = bytes + tonumber(ARGV[at + 2])
  redis.call('HSET', file_key(job, file), 'id', file, 'job', job, 'tenant', tenant, 'filename', ARGV[at + 1], 'size', ARGV[at + 2],
    'content_type', ARGV[at + 3], 'width', ARGV[at + 4], 'height', ARGV[at + 5], 'blob', ARGV[at + 6], 'status', 'pending',
    'queue', queued and '' or 'stored', 'attempts', 0, 'fence', '0', 'options', ARGV[13], 'model', ARGV[14],
    'priority', priority, 'message', queued and 'Waiting for a worker' or 'Stored',
    'request_id', ARGV[11], 'traceparent', ARGV[12], 'created_at', now, 'updated_at', now)
  if ARGV[at + 7] ~= '' then redis.call('HSET', file_key(job, file), 'found_by', ARGV[at + 7]) end
  redis.call('SET', P .. 'file:' .. file, job)
  redis.call('HSET', progress_key(job), file, 0)
end
redis.call('HSET', job_key(job), 'id', job, 'tenant', tenant, 'status', 'pending', 'total', count, 'completed', 0, 'failed', 0, 'cancelled', 0,
  'stored', queued and 0 or count, 'webhook_url', webhook.url, 'webhook_secret', webhook.secret,
  'files', table.concat(files, ' '), 'options', ARGV[13], 'model', ARGV[14], 'epoch', ARGV[10], 'ttl', ttl, 'max_attempts', ARGV[9],
  'request_id', ARGV[11], 'traceparent', ARGV[12], 'created_at', now, 'updated_at', now)
note_identity()
tally('jobs_created')
if queued then count_open(job, 'pending') end
tally('files_created', count)
tally('uploaded_bytes', bytes)
redis.call('SET', P .. 'session:' .. job, owner)
redis.call('ZADD', P .. 'jobs', now, job)
list_job(job, tenant, ttl)
for _, list in ipairs({ P .. 'jobs', P .. 'jobs:' .. tenant }) do
  -- For each that comes, up to two that have expired go.
  for _, old in ipairs(redis.call('ZRANGE', list, 0, 1)) do
    if old ~= job and redis.call('EXISTS', job_key(old)) == 0 then redis.call('ZREM', list, old) end
  end
end
if queued then
  for i = 1, count do enqueue(job, files[i], tenant, false) end
end
local event = emit(job, { type = 'progress', status = 'pending', progress = 0, message = queued and 'Queued' or 'Stored' })
if not queued then expire_job(job) end
return { 'created', job, event, waiting + (queued and count or 0), now }
