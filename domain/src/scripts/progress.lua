-- Records how far a file is, and extends the worker's lease. Progress never goes backwards and stays below 100 here.
-- ARGV: 5 lease ms, 6 status, 7 progress, 8 message, 9 position in the provider's queue or ''
-- Reply: {'ok' | 'cancelled' | 'stale' | 'gone'}
local f, why = held(false)
if not f then return { why } end
redis.call('ZADD', queue_key('running'), 'XX', now + tonumber(ARGV[5]), f.job .. '/' .. f.file)
local key = file_key(f.job, f.file)
local m = redis.call('HMGET', key, 'status', 'message', 'queue_position')
local before = tonumber(redis.call('HGET', progress_key(f.job), f.file) or '0')
local progress = math.max(before, math.min(99, math.floor(tonumber(ARGV[7]))))
if m[1] == ARGV[6] and m[2] == ARGV[8] and (m[3] or '') == ARGV[9] and progress == before then return { 'ok' } end
redis.call('HSET', progress_key(f.job), f.file, progress)
redis.call('HSET', key, 'status', ARGV[6], 'message', ARGV[8], 'queue_position', ARGV[9], 'updated_at', now)
emit_file(f.job, f.file, 'progress', { queue_position = tonumber(ARGV[9]) })
return { 'ok' }
