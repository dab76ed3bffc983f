-- A job's shared links, which count how often they were withdrawn. ARGV: 2 job, 3 withdraw them now (1) or only look (0)
-- Reply: {1 | 0 job known, how often they were withdrawn}
local job = ARGV[2]
local m = redis.call('HMGET', job_key(job), 'id', 'links')
if not m[1] then return { 0, 0 } end
if ARGV[3] == '1' then return { 1, redis.call('HINCRBY', job_key(job), 'links', 1) } end
return { 1, tonumber(m[2] or '0') }
