-- Pauses a queue, or lets it go again. Who waited in it starts again at the current virtual time: nobody catches up on
-- the others. ARGV: 2 queue, 3 pause (1) or resume (0). Reply: {paused since, ms, or 0; 1 when that is a change}
local queue, key = ARGV[2], queue_key('paused')
local since = tonumber(redis.call('HGET', key, queue) or '0')
if (ARGV[3] == '1') == (since > 0) then return { since, 0 } end
if ARGV[3] == '1' then
  redis.call('HSET', key, queue, now)
  return { now, 1 }
end
redis.call('HDEL', key, queue)
local current = redis.call('GET', queue_key('virtual_time')) or '0'
for _, tenant in ipairs(redis.call('ZRANGEBYSCORE', ring_key(queue), '-inf', '(' .. current, 'LIMIT', 0, 10000)) do
  redis.call('ZADD', ring_key(queue), current, tenant)
end
return { 0, 1 }
