-- A piece of clearing away is done. ARGV: 2 worker, 3 task. Reply: {1 when this worker had it}
local leases = queue_key('maintenance_leases')
local owner = string.match(redis.call('HGET', leases, ARGV[3]) or '', '^%d+ (.*)$')
if owner ~= ARGV[2] then return { 0 } end
return { redis.call('HDEL', leases, ARGV[3]) }
