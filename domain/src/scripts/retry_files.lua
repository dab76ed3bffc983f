-- Puts failed files in line anew (see restart() in the prelude): all of those asked for, or none.
-- ARGV: 2 job, 3 most files waiting or '' for no bound, 4 the request that asks, 5 'all' for every file that failed or 'these'
--       for the files that follow. Repeated by the same request after its answer was lost, it answers as it did.
-- Reply: {'ok', then per file: file, 'requeued' | 'resumed'}
--        or {'not_found' | 'cancelled' | 'ending' (see why_not_again()) | 'nothing_failed' | 'queue_full'},
--        or {'unknown_file' | 'not_failed', file}
local job = ARGV[2]
local m = redis.call('HMGET', job_key(job), 'files', 'tenant')
if not m[1] then return { 'not_found' } end
local refusal = why_not_again(job)
if refusal then return { refusal } end
local request = ARGV[4]
local status, before, repeated = {}, {}, { 'ok' }
for _, file in ipairs(split(m[1])) do
  local s = redis.call('HMGET', file_key(job, file), 'status', 'retried_by', 'retried_how')
  status[file] = s[1]
  if s[1] ~= 'failed' and request ~= '' and s[2] == request then before[file] = s[3] end
end
local function repeat_answer(file)
  repeated[#repeated + 1] = file
  repeated[#repeated + 1] = before[file]
end
local chosen = {}
for i = 6, #ARGV do
  local file = ARGV[i]
  if not status[file] then return { 'unknown_file', file } end
  if status[file] == 'failed' then
    chosen[#chosen + 1] = file
  elseif before[file] then
    repeat_answer(file)
  else
    return { 'not_failed', file }
  end
  status[file] = 'chosen'
end
if ARGV[5] == 'all' then
  for _, file in ipairs(split(m[1])) do
    if status[file] == 'failed' then chosen[#chosen + 1] = file elseif before[file] then repeat_answer(file) end
  end
end
if #chosen == 0 then
  if #repeated > 1 then return repeated end
  return { 'nothing_failed' }
end
if ARGV[3] ~= '' and is_full(m[2], #chosen, tonumber(ARGV[3])) then return { 'queue_full' } end
local out = { 'ok' }
for _, file in ipairs(chosen) do
  local how = restart(job, file, m[2])
  redis.call('HSET', file_key(job, file), 'retried_by', request, 'retried_how', how)
  out[#out + 1] = file
  out[#out + 1] = how
end
for _, file in ipairs(chosen) do emit_file(job, file, 'progress', {}) end
return out
