-- Extends the worker's lease, that of a cancelled file too: its worker is still busy with it.
-- ARGV: 5 lease ms. Reply: {'ok' | 'cancelled' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
extend_lease(f.job, f.file, ARGV[5])
return { f.cancelled and 'cancelled' or 'ok' }
