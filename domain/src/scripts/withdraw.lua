-- The submit that was announced was surely not accepted. Heard of a worker that lost its lease too, as long as nothing came
-- after its announcement: nobody has to look for that request.
-- ARGV: 5 image url announced. Reply: {'ok' | 'cancelled' | 'stale' | 'gone'}
local f, why = held()
local key = file_key(ARGV[2], ARGV[3])
local m = redis.call('HMGET', key, 'intent', 'fal_request_id')
if m[1] == ARGV[5] and (m[2] or '') == '' then
  redis.call('HDEL', key, 'intent', 'intended_at')
  if not f then redis.call('HDEL', key, 'unresolved') end
end
if not f then return { why } end
return { f.cancelled and 'cancelled' or 'ok' }
