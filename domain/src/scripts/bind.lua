-- Records the provider's request id the moment it is known. A cancelled job's request is recorded too, so that it can be
-- cancelled at the provider, and so is that of a worker which lost its lease meanwhile, as long as the file has no other: the
-- request is paid for, and the next worker follows it instead of sending one. A file that failed meanwhile keeps it for a retry.
-- ARGV: 5 request id, 6 how it became known ('submitted' | 'reconciled'), 7 image url announced.
-- Reply: {'ok' | 'orphan' (the file has no use for it: cancel it at the provider) | 'stale' (recorded; somebody else follows it)
--         | 'gone' (there is no such file any more: cancel it too)}
local job, file, request, how, url = ARGV[2], ARGV[3], ARGV[5], ARGV[6], ARGV[7]
local key = file_key(job, file)
if how == 'submitted' then close_breaker() end
local m = redis.call('HMGET', key, 'queue', 'fence', 'status', 'intent', 'fal_request_id', 'former_intent', 'job')
if not m[7] then
  tally('orphans')
  return { 'gone' }
end
local mine = m[1] == 'running' and m[2] == ARGV[4]
local intent, known, ended = m[4] or '', m[5] or '', (m[1] or '') == ''
if not mine and not ended then tally('fence_refusals') end
if known == request then return { mine and 'ok' or 'stale' } end
-- Word of a request that was over before: nothing is to be done about it.
if not mine and m[6] == url and intent ~= url then return { 'stale' } end
-- An announcement that another Redis has lost does not speak against the request; another announcement does.
local wanted = mine or intent == url or (intent == '' and not ended)
if known ~= '' or not wanted or (ended and m[3] ~= 'failed') then
  tally('orphans')
  tally('possible_duplicates')
  return { 'orphan' }
end
redis.call('HSET', key, 'fal_request_id', request, 'intent', url, 'bound_by', how, 'bound_at', now, 'updated_at', now)
redis.call('HSETNX', key, 'intended_at', now)
redis.call('HDEL', key, 'lost_leases', 'running_at')
redis.call('SREM', queue_key('unsent'), job .. '/' .. file)
if how == 'reconciled' then tally('reconciled') end
if ended then redis.call('HSET', key, 'unresolved', 1) end
return { mine and 'ok' or 'stale' }
