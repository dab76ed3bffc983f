-- A stopping worker hands a file back: it goes to the front of its line, its request id kept, no attempt counted. A cancelled file without a request ends here.
-- Reply: {'ok' | 'ended' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
if f.cancelled and not f.asked then return { settle_cancelled(f.job, f.file, f.tenant) } end
-- Nothing has begun that a deadline could run for.
if not f.asked then redis.call('HDEL', file_key(f.job, f.file), 'first_claimed_at') end
hand_back(f)
return { 'ok' }
