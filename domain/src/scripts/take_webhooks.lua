-- Hands out the webhook deliveries that are due, each to one caller for the length of a lease; a delivery whose caller dies
-- is due again after it. ARGV: 2 lease ms, 3 most
-- Reply: per delivery: id, job, file or '', event, url, secret, created at, attempts with this one, body or ''
local out = {}
local due = P .. 'webhooks:due'
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, tonumber(ARGV[3]))) do
  local key = P .. 'webhook:' .. id
  local m = redis.call('HMGET', key, 'job', 'file', 'event', 'url', 'secret', 'created_at', 'body')
  if m[1] then
    redis.call('ZADD', due, 'XX', now + tonumber(ARGV[2]), id)
    local attempts = redis.call('HINCRBY', key, 'attempts', 1)
    for _, value in ipairs({ id, m[1], m[2], m[3], m[4], m[5], m[6], attempts, m[7] or '' }) do out[#out + 1] = value end
  else
    redis.call('ZREM', due, id)
  end
end
return out
