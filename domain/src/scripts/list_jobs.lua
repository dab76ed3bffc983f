-- A page of jobs, newest first, looked at from a place on. Jobs that have expired are taken out of the list on the way.
-- ARGV: 2 tenant or '' for everybody's, 3 limit, 4 most jobs to look at, 5 status or '', 6 part of a file's name as create_job has it to be found by or '',
--       7 place: made at, ms, or '', 8 place: job
-- Reply: {made at and job of the last one looked at when there are more, else '' and '', then per job: id, tenant, status, total,
--         completed, failed, cancelled, created at, updated at, ended at or '', model, name of the first file, the first few
--         files whose images are kept}
local list = ARGV[2] == '' and P .. 'jobs' or P .. 'jobs:' .. ARGV[2]
local limit, looks, status, part = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6]

-- The first rank that is to be looked at: after the place, whether or not its job is still there.
local at = 0
if ARGV[7] ~= '' then
  local rank = redis.call('ZREVRANK', list, ARGV[8])
  if rank and tonumber(redis.call('ZSCORE', list, ARGV[8])) == tonumber(ARGV[7]) then
    at = rank + 1
  else
    at = redis.call('ZCOUNT', list, '(' .. ARGV[7], '+inf')
    for _, job in ipairs(redis.call('ZREVRANGEBYSCORE', list, ARGV[7], ARGV[7])) do
      if job >= ARGV[8] then at = at + 1 end
    end
  end
end

local function has_name(job, files)
  for _, file in ipairs(files) do
    local m = redis.call('HMGET', file_key(job, file), 'found_by', 'filename')
    if string.find(m[1] or string.lower(m[2] or ''), part, 1, true) then return true end
  end
  return false
end

-- The first files that were not cancelled, as their images are gone: as many as a list shows.
local function pictured(job, files)
  local out = {}
  for _, file in ipairs(files) do
    if #out == 4 then break end
    if redis.call('HGET', file_key(job, file), 'status') ~= 'cancelled' then out[#out + 1] = file end
  end
  return table.concat(out, ' ')
end

local found, gone, last, made = {}, {}, nil, ''
local entries = redis.call('ZREVRANGE', list, at, at + looks - 1, 'WITHSCORES')
local seen = 0
for i = 1, #entries, 2 do
  if #found == limit then break end
  local job = entries[i]
  last, made, seen = job, entries[i + 1], seen + 1
  local m = redis.call('HMGET', job_key(job), 'tenant', 'status', 'total', 'completed', 'failed', 'cancelled', 'created_at',
    'updated_at', 'ended_at', 'model', 'files')
  local files = split(m[11])
  if not m[1] then
    gone[#gone + 1] = job
  elseif (status == '' or status == m[2]) and (part == '' or has_name(job, files)) then
    found[#found + 1] = { job, m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9] or '', m[10] or '',
      files[1] and redis.call('HGET', file_key(job, files[1]), 'filename') or '', pictured(job, files) }
  end
end
local more = at + seen < redis.call('ZCARD', list)
for _, job in ipairs(gone) do redis.call('ZREM', list, job) end
local out = { more and made or '', more and last or '' }
for _, job in ipairs(found) do
  for _, value in ipairs(job) do out[#out + 1] = value end
end
return out
