-- A worker has stopped a file that its caller cancelled. ARGV: 5 1 when the request that it has or may have at the provider was
-- not looked after: it is left for others to cancel. Reply: {'ok' | 'ended' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
if ARGV[5] == '1' then abandon(f.job, f.file) end
return { settle_cancelled(f.job, f.file, f.tenant) }
