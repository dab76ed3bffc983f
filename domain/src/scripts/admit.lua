-- The guard's one step: counts a request against all its allowances, only if every one has room, and looks up who owns
-- the job it names. ARGV: 2 job or '', 3 count of allowances, then per allowance: key, limit, window ms
-- Counts are for Redis and its replicas, not for its disk: a request that only reads would wait for it (docs/adr/0004).
-- Reply: {1 | 0 let in, owner hash or '' , 1 | 0 job known, how often its links were withdrawn, then per allowance: used, ms until
-- it starts anew}
local job, count = ARGV[2], tonumber(ARGV[3])
local used, left, room = {}, {}, 1
for i = 1, count do
  local key, limit = P .. ARGV[4 + (i - 1) * 3], tonumber(ARGV[5 + (i - 1) * 3])
  used[i] = tonumber(redis.call('GET', key) or '0')
  left[i] = redis.call('PTTL', key)
  if left[i] < 0 then left[i] = tonumber(ARGV[6 + (i - 1) * 3]) end
  if used[i] >= limit then room = 0 end
end
if room == 1 then
  redis.set_repl(redis.REPL_REPLICA)
  for i = 1, count do
    local key = P .. ARGV[4 + (i - 1) * 3]
    used[i] = redis.call('INCR', key)
    if used[i] == 1 then redis.call('PEXPIRE', key, ARGV[6 + (i - 1) * 3]) end
  end
end
local owner, known, links = '', 0, 0
if job ~= '' then
  local m = redis.call('HMGET', job_key(job), 'id', 'links')
  known, links = m[1] and 1 or 0, tonumber(m[2] or '0')
  owner = redis.call('GET', P .. 'session:' .. job) or ''
end
local out = { room, owner, known, links }
for i = 1, count do
  out[#out + 1] = used[i]
  out[#out + 1] = left[i]
end
return out
