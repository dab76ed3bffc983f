-- Forgets a file that failed for good; the file and its job stay as they are. ARGV: 2 the dead letter's id.
-- Reply: {1 | 0 there was one}
local entry = redis.call('XRANGE', queue_key('dead'), ARGV[2], ARGV[2])[1]
if not entry then return { 0 } end
local fields = {}
for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
redis.call('HDEL', file_key(fields.job, fields.file), 'dead_letter')
return { redis.call('XDEL', queue_key('dead'), ARGV[2]) }
