-- In front of every script. The other preludes follow it where a script's command names them (commands/mod.rs).
-- Here: the clock, names of keys, counting, events. Redis TIME is the only clock.
-- Arrays in replies are flat lists of integers and strings: spin:redis flattens arrays and refuses maps.
local P = ARGV[1]

-- Read once, here: a script sees one moment. Tests put a clock of their own in the place of this function.
local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local now = clock()

local function job_key(job) return P .. 'job:' .. job end
local function file_key(job, file) return P .. 'job:' .. job .. ':file:' .. file end
local function passed_logs_key(job, file) return file_key(job, file) .. ':logs' end
local function progress_key(job) return P .. 'progress:' .. job end
local function queue_key(name) return P .. 'queue:' .. name end

-- Counts something for the metrics. `open:` fields go down again, all others only grow.
local function tally(name, by) redis.call('HINCRBY', P .. 'counters', name, by or 1) end

-- Counts a duration in a histogram: seconds, up to and including each bound, and all of them together in ms.
local function tally_time(name, ms)
  local bound = '+Inf'
  for _, seconds in ipairs({ 5, 15, 30, 60, 120, 300, 600, 1800 }) do
    if ms <= seconds * 1000 then
      bound = tostring(seconds)
      break
    end
  end
  tally(name .. ':' .. bound)
  tally(name .. ':ms', math.max(0, ms))
end

-- What a generation cost, in millionths of a dollar: all together, for its tenant, and with its file as far as they are known.
local function charge(job, file, tenant, micros)
  if micros <= 0 then return end
  tally('cost_micro_usd', micros)
  if tenant ~= '' then redis.call('HINCRBY', P .. 'costs', tenant, micros) end
  if redis.call('EXISTS', file_key(job, file)) == 1 then redis.call('HINCRBY', file_key(job, file), 'cost_micro_usd', micros) end
end

-- Among which of the open jobs a job counts: 'pending', 'processing', or '' once it has ended or holds stored files only.
local function count_open(job, as)
  local before = redis.call('HGET', job_key(job), 'counted') or ''
  if before == as then return end
  if before ~= '' then tally('open:' .. before, -1) end
  if as ~= '' then tally('open:' .. as) end
  redis.call('HSET', job_key(job), 'counted', as)
end

-- Gives a job its status, and counts it.
local function set_status(job, status)
  redis.call('HSET', job_key(job), 'status', status)
  local open = status == 'pending' or status == 'processing'
  count_open(job, open and status or '')
  if not open then tally('jobs_ended:' .. status) end
end

-- RFC 3339 in UTC with milliseconds (days-from-civil, run backwards).
local function iso(ms)
  local days = math.floor(ms / 86400000)
  local rest = ms - days * 86400000
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day, math.floor(rest / 3600000),
    math.floor(rest / 60000) % 60, math.floor(rest / 1000) % 60, rest % 1000)
end

local function split(text)
  local out = {}
  for word in string.gmatch(text or '', '%S+') do out[#out + 1] = word end
  return out
end

-- Totals of a job as they stand, with the overall progress: the mean over its files, 100 only once it has ended.
local function totals(job)
  local m = redis.call('HMGET', job_key(job), 'total', 'completed', 'failed', 'cancelled', 'ended_at', 'stored')
  local t = { total = tonumber(m[1]), completed = tonumber(m[2]), failed = tonumber(m[3]), cancelled = tonumber(m[4]),
    stored = tonumber(m[6] or '0') }
  if m[5] then
    t.overall = 100
  else
    local sum = 0
    for _, v in ipairs(redis.call('HVALS', progress_key(job))) do sum = sum + tonumber(v) end
    t.overall = math.min(99, math.floor(sum / math.max(1, t.total)))
  end
  return t
end

-- Appends one event to the job's stream, to the tail that every host follows, and to the job's channel.
-- `data` is the event as clients read it; what every event carries is filled in here.
local function emit(job, data)
  local t = totals(job)
  data.job_id = job
  data.total_files = t.total
  data.completed_files = t.completed
  data.failed_files = t.failed
  data.cancelled_files = t.cancelled
  data.overall_progress = t.overall
  data.timestamp = iso(now)
  local json = cjson.encode(data)
  local id = redis.call('XADD', job_key(job) .. ':events', 'MAXLEN', '~', 1000, '*', 'data', json)
  redis.call('XADD', P .. 'events', 'MAXLEN', '~', 20000, '*', 'job', job, 'id', id, 'data', json)
  redis.call('PUBLISH', P .. 'progress:' .. job, json)
  redis.call('HSET', job_key(job), 'updated_at', now)
  return id
end

-- A file's event: its own state on top of what emit() fills in.
local function emit_file(job, file, kind, extra)
  local m = redis.call('HMGET', file_key(job, file), 'status', 'message', 'filename', 'attempts', 'restarts')
  local data = extra or {}
  data.type = kind
  data.file_id = file
  data.status = data.status or m[1]
  data.message = data.message or m[2] or ''
  data.filename = m[3]
  data.attempts = tonumber(m[4] or '0')
  data.restarts = tonumber(m[5] or '0')
  data.progress = data.progress or tonumber(redis.call('HGET', progress_key(job), file) or '0')
  return emit(job, data)
end
