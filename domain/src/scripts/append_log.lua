-- Appends one entry to a log and counts it. ARGV: 2 log, 3 level, 4 entry as JSON, 5 entries kept, 6 seconds counts last
-- Reply: nothing
local today = iso(now)
local counts = P .. 'logs:day:' .. string.sub(today, 1, 10)
redis.call('XADD', P .. 'logs:' .. ARGV[2], 'MAXLEN', '~', ARGV[5], '*', 'entry', ARGV[4])
redis.call('HINCRBY', counts, string.sub(today, 12, 13) .. ':' .. ARGV[2] .. ':' .. ARGV[3], 1)
redis.call('EXPIRE', counts, ARGV[6])
return {}
