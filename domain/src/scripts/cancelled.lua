-- A worker has stopped a file that its caller cancelled. Reply: {'ok' | 'ended' | 'stale' | 'gone'}
local f, why = held(true)
if not f then return { why } end
redis.call('HSET', file_key(f.job, f.file), 'message', 'Cancelled')
return { settle(f.job, f.file, f.tenant, 'cancelled', 'error',
  { error = 'Cancelled', error_code = 'CANCELLED', retryable = true }) }
