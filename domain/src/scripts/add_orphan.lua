-- Remembers a request at the provider that no file has a use for, so that it is looked up if need be, and cancelled. Kept for a
-- day. ARGV: 2 endpoint, 3 request id or '', 4 image url or '', 5 job, 6 file, 7 announced at, ms, 8 delay ms
-- Reply: nothing
local id = ARGV[3] ~= '' and ARGV[3] or ARGV[4]
local key = P .. 'orphan:' .. id
redis.call('HSET', key, 'endpoint', ARGV[2], 'request_id', ARGV[3], 'image_url', ARGV[4], 'job', ARGV[5], 'file', ARGV[6],
  'intended_at', ARGV[7])
redis.call('HSETNX', key, 'added_at', now)
redis.call('EXPIRE', key, 86400)
redis.call('ZADD', queue_key('orphans'), 'NX', now + tonumber(ARGV[8]), id)
return {}
