-- A stopping worker hands a file back: it goes to the front of its line, its request id kept, no attempt counted.
-- Reply: {'ok' | 'stale' | 'gone'}
local f, why = held(true)
if not f then return { why } end
release_lease(f.job, f.file, f.tenant)
enqueue(f.job, f.file, f.tenant, true)
return { 'ok' }
