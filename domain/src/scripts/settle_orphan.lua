-- An orphan is done with, or is to be tried again later. What it cost is counted once, however often this is said.
-- ARGV: 2 id, 3 ms until the next try, or -1 when nothing is left to do, 4 1 when the provider has been asked to cancel it,
--       5 cost in millionths of a dollar, 6 1 when the provider has said that it does not know it
-- Reply: nothing
local key = P .. 'orphan:' .. ARGV[2]
if tonumber(ARGV[3]) >= 0 then
  redis.call('ZADD', queue_key('orphans'), 'XX', now + tonumber(ARGV[3]), ARGV[2])
  if redis.call('EXISTS', key) == 1 then
    if ARGV[4] == '1' then redis.call('HSET', key, 'told', 1) end
    if ARGV[6] == '1' then redis.call('HINCRBY', key, 'denials', 1) else redis.call('HDEL', key, 'denials') end
  end
elseif redis.call('ZREM', queue_key('orphans'), ARGV[2]) == 1 then
  local m = redis.call('HMGET', key, 'job', 'file', 'tenant')
  if m[1] then
    charge(m[1], m[2], m[3] or '', tonumber(ARGV[5]))
    redis.call('HSET', key, 'settled_at', now)
  end
end
return {}
