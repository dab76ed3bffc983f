-- Keeps what a delivery's first attempt sends, for all that follow; a delivery that has run out is not begun anew.
-- ARGV: 2 id, 3 body
-- Reply: {the body that is kept} or {''} when the delivery is gone
local key = P .. 'webhook:' .. ARGV[2]
if redis.call('EXISTS', key) == 0 then return { '' } end
redis.call('HSETNX', key, 'body', ARGV[3])
return { redis.call('HGET', key, 'body') }
