-- An orphan was cancelled, or is to be tried again later. ARGV: 2 id, 3 ms until the next try, or -1 when nothing is left to do
-- Reply: nothing
if tonumber(ARGV[3]) < 0 then
  redis.call('ZREM', queue_key('orphans'), ARGV[2])
  redis.call('DEL', P .. 'orphan:' .. ARGV[2])
else
  redis.call('ZADD', queue_key('orphans'), 'XX', now + tonumber(ARGV[3]), ARGV[2])
end
return {}
