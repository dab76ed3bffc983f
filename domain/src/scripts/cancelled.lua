-- A worker has stopped a file that its caller cancelled. Reply: {'ok' | 'ended' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
return { settle_cancelled(f.job, f.file, f.tenant) }
