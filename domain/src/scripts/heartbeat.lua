-- Extends the worker's lease. ARGV: 5 lease ms. Reply: {'ok' | 'cancelled' | 'stale' | 'gone'}
local f, why = held(false)
if not f then return { why } end
redis.call('ZADD', queue_key('running'), 'XX', now + tonumber(ARGV[5]), f.job .. '/' .. f.file)
return { 'ok' }
