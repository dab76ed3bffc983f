-- Written before a submit is sent: from here on a submit may have been paid for. The image's URL at the provider is unique to
-- this attempt, so the request can be found again by it. The one place where the submission window is spent: a submit that was
-- refused gives nothing back. Extends the lease.
-- ARGV: 5 image url, 6 lease ms, 7 submissions per window, 8 window ms, 9 the doubt that was looked into (see 'doubt'), or 0,
--       10 1 when that look was not able to tell, and a request is sent all the same, 11 the endpoint that it is sent to
-- Reply: {what, now, a}: {'ok', now, 0} | {'wait', now, ms} the window is full | {'held_back', now, ms} the breaker is open
--        | {'doubt', now, since} Redis may have forgotten a request of this file: look it up, then ask again with `since`
--        | {'bound', now, request id} it has a request: follow that | {'cancelled' | 'stale' | 'gone', now, 0}
local f, why = held()
if not f then return { why, now, 0 } end
extend_lease(f.job, f.file, ARGV[6])
if f.cancelled then return { 'cancelled', now, 0 } end
if f.request ~= '' then return { 'bound', now, f.request } end
local key, entry = file_key(f.job, f.file), f.job .. '/' .. f.file
local since = doubt_since()
local m = redis.call('HMGET', key, 'created_at', 'looked_up', 'resubmitted')
if since and tonumber(m[1]) <= since and tonumber(m[2] or '0') < since then
  if tonumber(ARGV[9]) ~= since then return { 'doubt', now, since } end
  redis.call('HSET', key, 'looked_up', since)
  if ARGV[10] == '1' then
    redis.call('HSET', key, 'resubmitted', 'next')
    m[3] = 'next'
  end
end
local open = breaker()
if open and open.left > 0 then return { 'held_back', now, open.left } end
if open and open.probe and open.probe ~= entry then return { 'held_back', now, 1000 } end
-- The same announcement again, because its answer was lost or no replica had it yet: its place in the window is taken.
local again = f.intent == ARGV[5]
local room, wait = window_room(tonumber(ARGV[7]), tonumber(ARGV[8]))
if room == 0 and not again then return { 'wait', now, wait } end
if open then redis.call('HSET', queue_key('breaker'), 'probe', entry) end
if not again then redis.call('ZADD', queue_key('submissions'), now, redis.call('INCR', queue_key('sequence'))) end
redis.call('SREM', queue_key('unsent'), entry)
-- The one new request that is allowed a file whose last one could not be found: what it may have cost in vain is counted.
if m[3] == 'next' then
  redis.call('HSET', key, 'resubmitted', 'sent')
  tally('possible_duplicates')
end
redis.call('HSET', key, 'intent', ARGV[5], 'intended_at', now, 'endpoint', ARGV[11], 'updated_at', now)
return { 'ok', now, 0 }
