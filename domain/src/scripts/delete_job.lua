-- Forgets an ended job, before its blobs go: one that was put to work again meanwhile keeps them. ARGV: 2 job, 3 force (1: also one that has not ended).
-- Reply: {'ok' | 'not_found' | 'running'}
local job = ARGV[2]
local m = redis.call('HMGET', job_key(job), 'files', 'ended_at')
if not m[1] then
  redis.call('ZREM', P .. 'jobs', job)
  return { 'not_found' }
end
if not m[2] and ARGV[3] ~= '1' then return { 'running' } end
forget_job(job)
-- Who deletes removes the blobs, too. Noted is what that may have missed.
remove_blobs('job ' .. job, now + 60000)
return { 'ok' }
