-- Records how far a file is, and extends the worker's lease, that of a cancelled file too. Progress never goes backwards and
-- stays below 100 here.
-- ARGV: 5 lease ms, 6 status, 7 progress, 8 message, 9 position in the provider's queue or ''
-- Reply: {'ok' | 'cancelled' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
extend_lease(f.job, f.file, ARGV[5])
if f.cancelled then return { 'cancelled' } end
local key = file_key(f.job, f.file)
local m = redis.call('HMGET', key, 'status', 'message', 'queue_position', 'bound_at', 'bound_by', 'running_at')
if ARGV[6] == 'processing' and m[4] and not m[6] then
  redis.call('HSET', key, 'running_at', now)
  -- When a request was found again its place in the provider's queue is not known.
  if m[5] == 'submitted' then tally_time('provider_queue', now - tonumber(m[4])) end
end
local before = tonumber(redis.call('HGET', progress_key(f.job), f.file) or '0')
local progress = math.max(before, math.min(99, math.floor(tonumber(ARGV[7]))))
if m[1] == ARGV[6] and m[2] == ARGV[8] and (m[3] or '') == ARGV[9] and progress == before then return { 'ok' } end
redis.call('HSET', progress_key(f.job), f.file, progress)
redis.call('HSET', key, 'status', ARGV[6], 'message', ARGV[8], 'queue_position', ARGV[9], 'updated_at', now)
emit_file(f.job, f.file, 'progress', { queue_position = tonumber(ARGV[9]) })
return { 'ok' }
