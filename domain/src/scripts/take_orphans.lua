-- Hands out the orphans that are due, each to one caller for the length of a lease. ARGV: 2 lease ms, 3 most
-- Reply: per orphan: id, endpoint, request id or '', image url or '', job, file, announced at, added at, tries with this one,
--        denials in a row
local out, due = {}, queue_key('orphans')
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, tonumber(ARGV[3]))) do
  local key = P .. 'orphan:' .. id
  local m = redis.call('HMGET', key, 'endpoint', 'request_id', 'image_url', 'job', 'file', 'intended_at', 'added_at')
  if m[1] then
    redis.call('ZADD', due, 'XX', now + tonumber(ARGV[2]), id)
    out[#out + 1] = id
    for i = 1, 7 do out[#out + 1] = m[i] end
    out[#out + 1] = redis.call('HINCRBY', key, 'tries', 1)
    out[#out + 1] = redis.call('HGET', key, 'denials') or 0
  else
    redis.call('ZREM', due, id)
  end
end
return out
