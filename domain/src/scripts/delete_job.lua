-- Forgets an ended job. ARGV: 2 job, 3 force (1: also one that has not ended).
-- Reply: {'ok' | 'not_found' | 'running'}
local job = ARGV[2]
local m = redis.call('HMGET', job_key(job), 'files', 'ended_at', 'tenant')
if not m[1] then
  redis.call('ZREM', P .. 'jobs', job)
  return { 'not_found' }
end
if not m[2] and ARGV[3] ~= '1' then return { 'running' } end
for _, file in ipairs(split(m[1])) do
  local s = redis.call('HGET', file_key(job, file), 'queue')
  if s == 'running' then release_lease(job, file, m[3]) end
  leave_queue(job, file, m[3])
  forget_dead_letter(job, file)
  redis.call('DEL', file_key(job, file), P .. 'file:' .. file)
end
count_open(job, '')
redis.call('DEL', job_key(job), job_key(job) .. ':events', P .. 'session:' .. job, progress_key(job))
redis.call('ZREM', P .. 'jobs', job)
redis.call('ZREM', P .. 'jobs:' .. m[3], job)
-- Who deletes removes the blobs, too. Noted is what that may have missed, and what a worker stores that did not know yet.
remove_blobs('job ' .. job, now + 60000)
remove_blobs('expired ' .. job, now + 600000)
return { 'ok' }
