-- A file's attempt failed. With attempts left and a delay given it is tried again later, as a new request; else it is
-- failed for good and kept as a dead letter.
-- ARGV: 5 code, 6 message, 7 retryable by the client (1|0), 8 delay ms before the next attempt, or -1 for none
--       9 0 when the provider is surely done with the request: a later attempt then sends a new one; else it follows this one
-- Reply: {'retry' | 'ok' | 'ended' | 'stale' | 'gone'}
local f, why = held(true)
if not f then return { why } end
local key = file_key(f.job, f.file)
local attempts = redis.call('HINCRBY', key, 'attempts', 1)
local most = tonumber(redis.call('HGET', job_key(f.job), 'max_attempts') or '3')
redis.call('HSET', key, 'error_code', ARGV[5], 'error_message', ARGV[6], 'error_retryable', ARGV[7], 'message', ARGV[6])
local before = tonumber(redis.call('HGET', key, 'attempts_before') or '0')
local delay = tonumber(ARGV[8])
local cancelled = redis.call('HGET', job_key(f.job), 'cancel') or redis.call('HGET', key, 'cancel')
tally('attempts_failed')
if delay >= 0 and attempts - before < most and not cancelled then
  release_lease(f.job, f.file, f.tenant)
  redis.call('HDEL', key, 'fal_request_id', 'intent', 'bound_by')
  redis.call('HSET', key, 'queue', 'delayed', 'status', 'pending', 'message', 'Trying again: ' .. ARGV[6], 'updated_at', now)
  redis.call('ZADD', queue_key('delayed'), now + delay, f.job .. '/' .. f.file)
  emit_file(f.job, f.file, 'progress', { retry_in_ms = delay })
  return { 'retry' }
end
if ARGV[9] ~= '0' then redis.call('HSET', key, 'unresolved', 1) else redis.call('HDEL', key, 'unresolved') end
local letter = redis.call('XADD', queue_key('dead'), 'MAXLEN', '~', 10000, '*', 'job', f.job, 'file', f.file, 'tenant', f.tenant, 'code', ARGV[5], 'message', ARGV[6])
redis.call('HSET', key, 'dead_letter', letter)
return { settle(f.job, f.file, f.tenant, 'failed', 'error',
  { error = ARGV[6], error_code = ARGV[5], retryable = ARGV[7] == '1' }) }
