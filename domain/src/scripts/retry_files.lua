-- Puts failed files in line anew (see restart() in the prelude): all of those asked for, or none.
-- ARGV: 2 job, 3 most files waiting or '' for no bound, then the files; none named: every file that failed
-- Reply: {'ok', then per file: file, 'requeued' | 'resumed'}
--        or {'not_found' | 'cancelled' | 'nothing_failed' | 'queue_full'}, or {'unknown_file' | 'not_failed', file}
local job = ARGV[2]
local m = redis.call('HMGET', job_key(job), 'files', 'tenant', 'cancel')
if not m[1] then return { 'not_found' } end
if m[3] then return { 'cancelled' } end
local status = {}
for _, file in ipairs(split(m[1])) do status[file] = redis.call('HGET', file_key(job, file), 'status') end
local chosen = {}
for i = 4, #ARGV do
  if not status[ARGV[i]] then return { 'unknown_file', ARGV[i] } end
  if status[ARGV[i]] ~= 'failed' then return { 'not_failed', ARGV[i] } end
  status[ARGV[i]] = 'chosen'
  chosen[#chosen + 1] = ARGV[i]
end
if #ARGV < 4 then
  for _, file in ipairs(split(m[1])) do
    if status[file] == 'failed' then chosen[#chosen + 1] = file end
  end
end
if #chosen == 0 then return { 'nothing_failed' } end
local waiting = depth()
if ARGV[3] ~= '' and waiting + #chosen > tonumber(ARGV[3]) then return { 'queue_full' } end
local out = { 'ok' }
for _, file in ipairs(chosen) do
  out[#out + 1] = file
  out[#out + 1] = restart(job, file, m[2])
end
for _, file in ipairs(chosen) do emit_file(job, file, 'progress', {}) end
return out
