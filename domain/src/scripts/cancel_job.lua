-- Cancels a job: files that wait end at once, running ones are flagged and their workers stop them. A waiting file that may
-- have a request at the provider stays in line: the worker that takes it up cancels that request. Idempotent.
-- ARGV: 2 job. Reply: {'ok' | 'ended' | 'not_found', files cancelled now, files still running}
local job = ARGV[2]
local m = redis.call('HMGET', job_key(job), 'files', 'ended_at')
if not m[1] then return { 'not_found', 0, 0 } end
if m[2] then return { 'ended', 0, 0 } end
redis.call('HSET', job_key(job), 'cancel', 1)
local now_cancelled, running, outcome = 0, 0, 'ok'
for _, file in ipairs(split(m[1])) do
  local key = file_key(job, file)
  local s = redis.call('HMGET', key, 'queue', 'tenant', 'ended_at', 'fal_request_id', 'intent')
  local asked = (s[4] or '') ~= '' or (s[5] or '') ~= ''
  if s[1] == 'running' or (s[1] == 'waiting' and asked) then
    running = running + 1
  elseif not s[3] then
    if s[1] == 'waiting' then
      if redis.call('LREM', queue_key('waiting:' .. s[2]), 1, job .. '/' .. file) == 1 then redis.call('DECR', queue_key('depth')) end
    end
    redis.call('ZREM', queue_key('delayed'), job .. '/' .. file)
    redis.call('HSET', key, 'message', 'Cancelled')
    outcome = settle(job, file, s[2], 'cancelled', 'error', { error = { code = 'CANCELLED', message = 'Cancelled', retryable = true } })
    now_cancelled = now_cancelled + 1
  end
end
return { outcome, now_cancelled, running }
