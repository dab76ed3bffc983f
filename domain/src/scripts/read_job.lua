-- One consistent look at a job. ARGV: 2 job.
-- Reply: {} when unknown, else {last event id, owner hash, overall progress, field count, name, value, …,
--         then per file: field count, name, value, …} with each file's progress and place in line among its fields.
local job = ARGV[2]
local fields = redis.call('HGETALL', job_key(job))
if #fields == 0 then return {} end
local last = redis.call('XREVRANGE', job_key(job) .. ':events', '+', '-', 'COUNT', 1)
local out = { last[1] and last[1][1] or '0-0', redis.call('GET', P .. 'session:' .. job) or '', totals(job).overall, #fields / 2 }
for i = 1, #fields do out[#out + 1] = fields[i] end
for _, file in ipairs(split(redis.call('HGET', job_key(job), 'files'))) do
  local f = redis.call('HGETALL', file_key(job, file))
  f[#f + 1] = 'progress'
  f[#f + 1] = redis.call('HGET', progress_key(job), file) or '0'
  local m = redis.call('HMGET', file_key(job, file), 'queue', 'tenant')
  if m[1] == 'waiting' then
    local place = redis.call('ZRANK', line_key(lane_of(job, file), m[2]), job .. '/' .. file)
    if place then
      f[#f + 1] = 'waiting_position'
      f[#f + 1] = tostring(place)
    end
  end
  out[#out + 1] = #f / 2
  for i = 1, #f do out[#out + 1] = f[i] end
end
return out
