-- A file's attempt failed. With attempts left and a delay given it is tried again later, as a new request; else it is failed
-- for good and kept as a dead letter. One that its caller wants stopped is cancelled instead.
-- ARGV: 5 code, 6 message, 7 retryable by the client (1|0), 8 delay ms before the next attempt, or -1 for none
--       9 0 when the provider is surely done with the request: a later attempt then sends a new one; else it follows this one
--       10 1 when the next attempt sends a new request although this one may be paid for: granted once
--       11 cost in millionths of a dollar
-- Reply: {'retry' | 'ok' | 'ended' | 'cancelled' (not done: its request is to be cancelled first) | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
local key = file_key(f.job, f.file)
local unresolved, again, delay_ms = ARGV[9] ~= '0', ARGV[10] == '1', tonumber(ARGV[8])
if f.cancelled and unresolved and f.asked then return { 'cancelled' } end
charge(f.job, f.file, f.tenant, tonumber(ARGV[11]))
if f.cancelled then return { settle_cancelled(f.job, f.file, f.tenant) } end
if again and f.request ~= '' then
  -- It has turned up: the next hold follows it, and nothing has failed.
  hand_back(f)
  return { 'retry' }
end
local attempts = redis.call('HINCRBY', key, 'attempts', 1)
tally('attempts_failed')
local m = redis.call('HMGET', key, 'attempts_before', 'resubmitted')
local most = tonumber(redis.call('HGET', job_key(f.job), 'max_attempts') or '3')
local granted = delay_ms >= 0 and attempts - tonumber(m[1] or '0') < most
if again and m[2] then granted = false end
-- What may be paid for is never sent anew on another ground.
if unresolved and f.asked and not again then granted = false end
if not granted then
  return { settle_failed(f.job, f.file, f.tenant, ARGV[5], ARGV[6], ARGV[7] == '1', unresolved) }
end
release_lease(f.job, f.file, f.tenant)
forget_request(key)
-- The next attempt has a deadline of its own, from when it is taken up: how many there are is bounded.
redis.call('HDEL', key, 'first_claimed_at')
if again then
  -- Should its answer come after all, before the new request is sent, that is taken instead.
  redis.call('HDEL', key, 'former_intent')
  redis.call('HSET', key, 'resubmitted', 'next')
end
redis.call('HSET', key, 'status', 'pending', 'error_code', ARGV[5], 'error_message', ARGV[6], 'error_retryable', ARGV[7],
  'message', 'Trying again: ' .. ARGV[6], 'queue_position', '', 'updated_at', now)
delay(f.job, f.file, delay_ms)
emit_file(f.job, f.file, 'progress', { retry_in_ms = delay_ms })
return { 'retry' }
