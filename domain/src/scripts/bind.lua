-- Records the provider's request id the moment it is known. A cancelled job's request is recorded too, so that it can
-- be cancelled at the provider, and so is that of a worker which lost its lease meanwhile, as long as the announcement it
-- answers still stands: the request is paid for, and the next worker follows it instead of looking for it.
-- ARGV: 5 request id, 6 how it became known ('submitted' | 'reconciled'), 7 image url announced.
-- Reply: {'ok' | 'stale' | 'gone'}
local f, why = held(true)
local key = file_key(ARGV[2], ARGV[3])
if not f then
  local m = redis.call('HMGET', key, 'intent', 'fal_request_id')
  if why ~= 'stale' or m[1] ~= ARGV[7] or m[2] then return { why } end
end
redis.call('HSET', key, 'fal_request_id', ARGV[5], 'bound_by', ARGV[6], 'bound_at', now, 'updated_at', now)
return { why or 'ok' }
