-- Written before a submit is sent: from here on a submit may have been paid for. The image's URL at the provider is
-- unique to this attempt, so the request can be found again by it.
-- ARGV: 5 image url. Reply: {'ok' | 'cancelled' | 'stale' | 'gone'}
local f, why = held(false)
if not f then return { why } end
redis.call('HSET', file_key(f.job, f.file), 'intent', ARGV[5], 'intended_at', now, 'updated_at', now)
return { 'ok' }
