-- What came of one call of a webhook, noted with the delivery and with its job.
-- ARGV: 2 id, 3 'delivered' | 'pending' | 'failed', 4 response status or 0, 5 what went wrong or '', 6 ms until the next attempt
-- Reply: {'ok' | 'gone'}
local key = P .. 'webhook:' .. ARGV[2]
local m = redis.call('HMGET', key, 'job', 'attempts')
if not m[1] then return { 'gone' } end
redis.call('HSET', key, 'status', ARGV[3], 'response_status', ARGV[4], 'error', ARGV[5], 'updated_at', now)
if ARGV[3] == 'pending' then
  redis.call('ZADD', P .. 'webhooks:due', now + tonumber(ARGV[6]), ARGV[2])
else
  redis.call('ZREM', P .. 'webhooks:due', ARGV[2])
  redis.call('EXPIRE', key, 86400)
end
if redis.call('EXISTS', job_key(m[1])) == 1 then
  redis.call('HSET', job_key(m[1]), 'webhook_status', ARGV[3], 'webhook_attempts', m[2], 'webhook_response_status', ARGV[4],
    'webhook_error', ARGV[5], 'webhook_updated_at', now)
end
return { 'ok' }
