-- Passes one of the provider's log lines on. ARGV: 5 level, 6 message, 7 the provider's timestamp.
-- Reply: {'ok' | 'cancelled' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
if f.cancelled then return { 'cancelled' } end
emit_file(f.job, f.file, 'log', { level = ARGV[5], message = ARGV[6], provider_timestamp = ARGV[7] })
return { 'ok' }
