-- Reads the records of components' releases. ARGV: 2 component or '' for all. Reply: id and record, over and over
local key = P .. 'components'
if ARGV[2] == '' then return redis.call('HGETALL', key) end
local record = redis.call('HGET', key, ARGV[2])
return record and { ARGV[2], record } or {}
