-- Passes one of the provider's log lines on, once: its worker may send it again, and so may the file's next one, which finds it
-- in the provider's window.
-- ARGV: 5 level, 6 message, 7 the provider's timestamp.
-- Reply: {'ok' | 'cancelled' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
if f.cancelled then return { 'cancelled' } end
local line = redis.sha1hex(table.concat({ ARGV[7], ARGV[5], ARGV[6] }, ' '))
if redis.call('SADD', passed_logs_key(f.job, f.file), line) == 0 then return { 'ok' } end
emit_file(f.job, f.file, 'log', { level = ARGV[5], message = ARGV[6], provider_timestamp = ARGV[7] })
return { 'ok' }
