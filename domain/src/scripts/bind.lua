-- Records the provider's request id the moment it is known. A cancelled job's request is recorded too, so that it can
-- be cancelled at the provider.
-- ARGV: 5 request id, 6 how it became known ('submitted' | 'reconciled'). Reply: {'ok' | 'stale' | 'gone'}
local f, why = held(true)
if not f then return { why } end
redis.call('HSET', file_key(f.job, f.file), 'fal_request_id', ARGV[5], 'bound_by', ARGV[6], 'bound_at', now, 'updated_at', now)
return { 'ok' }
