-- Nothing is wrong with the file, but nothing can be done for it now: it is let go for a time, with its request, and no attempt
-- is counted. One that its caller wants stopped does not wait.
-- ARGV: 5 delay ms, 6 message, 7 1 when its deadline begins anew. Reply: {'ok' | 'ended' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
if f.cancelled and not f.asked then return { settle_cancelled(f.job, f.file, f.tenant) } end
local key = file_key(f.job, f.file)
release_lease(f.job, f.file, f.tenant)
redis.call('HSET', key, 'status', 'pending', 'message', ARGV[6], 'queue_position', '', 'updated_at', now)
if ARGV[7] == '1' then redis.call('HDEL', key, 'first_claimed_at') end
if f.cancelled then enqueue(f.job, f.file, f.tenant, true) else delay(f.job, f.file, tonumber(ARGV[5])) end
emit_file(f.job, f.file, 'progress', {})
return { 'ok' }
