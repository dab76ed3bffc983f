-- Cancels one file of a job: at once while it waits, else its worker is told to stop. Idempotent. ARGV: 2 job, 3 file.
-- Reply: {'ok' | 'ended' | 'not_found', files cancelled now, files still running}
local job, file = ARGV[2], ARGV[3]
if redis.call('EXISTS', file_key(job, file)) == 0 then return { 'not_found', 0, 0 } end
local done = cancel_one(job, file, true)
if not done then return { 'ended', 0, 0 } end
if done == 'running' then return { 'ok', 0, 1 } end
return { done, 1, 0 }
