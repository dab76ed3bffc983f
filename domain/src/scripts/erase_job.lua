-- Removes a job at its owner's word: its images, its models, its record. One that has not ended is cancelled first, so that
-- nothing goes on at the provider unseen, and is removed when its last file has ended. Idempotent until then.
-- ARGV: 2 job. Reply: {'erased' | 'ending' | 'not_found', files cancelled now, files still running}
local job = ARGV[2]
local m = redis.call('HMGET', job_key(job), 'files', 'ended_at')
if not m[1] then return { 'not_found', 0, 0 } end
if m[2] then
  forget_job(job)
  remove_blobs('job ' .. job, now)
  return { 'erased', 0, 0 }
end
redis.call('HSET', job_key(job), 'erase', 1)
-- What is called under its idempotency keys from now on is new: it would be answered with a job that goes, and be lost.
for _, key in ipairs(redis.call('SMEMBERS', idempotency_keys_key(job))) do redis.call('DEL', key) end
redis.call('DEL', idempotency_keys_key(job))
local _, cancelled, running = cancel_all(job, m[1])
return { 'ending', cancelled, running }
