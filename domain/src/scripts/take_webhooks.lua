-- Hands out the webhook deliveries that are due, each to one caller for the length of a lease; a delivery whose caller dies
-- is due again after it. A receiver gets no more at a time than its share: what is due to it beyond that steps back for a while,
-- so that nobody waits behind it.
-- ARGV: 2 lease ms, 3 most, 4 most to one receiver at a time, then pairs: receiver, calls under way to it
-- Reply: per delivery: id, job, file or '', event, url, secret, created at, attempts with this one, body or '', receiver
local STEP_BACK_MS, LOOKED_AT = 10000, 512
local out, under_way, room = {}, {}, tonumber(ARGV[3])
for i = 5, #ARGV, 2 do under_way[ARGV[i]] = tonumber(ARGV[i + 1]) end
local due = P .. 'webhooks:due'
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, LOOKED_AT)) do
  if room <= 0 then break end
  local key = P .. 'webhook:' .. id
  local m = redis.call('HMGET', key, 'job', 'file', 'event', 'url', 'secret', 'created_at', 'body')
  local receiver = string.lower(string.match(m[4] or '', '^%a+://([^/?#]+)') or '')
  local calls = under_way[receiver] or 0
  if not m[1] then
    redis.call('ZREM', due, id)
  elseif calls >= tonumber(ARGV[4]) then
    redis.call('ZADD', due, 'XX', now + STEP_BACK_MS, id)
  else
    under_way[receiver], room = calls + 1, room - 1
    redis.call('ZADD', due, 'XX', now + tonumber(ARGV[2]), id)
    local attempts = redis.call('HINCRBY', key, 'attempts', 1)
    for _, value in ipairs({ id, m[1], m[2], m[3], m[4], m[5], m[6], attempts, m[7] or '', receiver }) do out[#out + 1] = value end
  end
end
return out
