-- May this worker do a piece of clearing away now? One does at a time, and not before it is due again; none while the
-- maintenance queue is paused. Asked again by the one that does it, it extends the lease.
-- ARGV: 2 worker, 3 task, 4 every ms, 5 lease ms. Reply: {'run', lease ms} | {'wait', ms} | {'paused', 0}
local leases, due_key = queue_key('maintenance_leases'), queue_key('maintenance_due')
local task, lease = ARGV[3], tonumber(ARGV[5])
if redis.call('HEXISTS', queue_key('paused'), 'maintenance') == 1 then return { 'paused', 0 } end
local till, owner = string.match(redis.call('HGET', leases, task) or '', '^(%d+) (.*)$')
local live = till and tonumber(till) > now
if live and owner ~= ARGV[2] then return { 'wait', tonumber(till) - now } end
if not live then
  local due = tonumber(redis.call('HGET', due_key, task) or '0')
  -- One whose worker died is not waited for: it is due since then.
  if not till and due > now then return { 'wait', due - now } end
  redis.call('HSET', due_key, task, now + tonumber(ARGV[4]))
end
redis.call('HSET', leases, task, string.format('%d %s', now + lease, ARGV[2]))
return { 'run', lease }
