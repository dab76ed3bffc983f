-- Cancels a job: files that wait end at once, running ones are flagged and their workers stop them. A waiting file that may
-- have a request at the provider stays in line: the worker that takes it up cancels that request. Idempotent.
-- ARGV: 2 job. Reply: {'ok' | 'ended' | 'not_found', files cancelled now, files still running}
local job = ARGV[2]
local m = redis.call('HMGET', job_key(job), 'files', 'ended_at')
if not m[1] then return { 'not_found', 0, 0 } end
if m[2] then return { 'ended', 0, 0 } end
return { cancel_all(job, m[1]) }
