-- Keeps a piece of a component that is being uploaded. ARGV: 2 upload, 3 offset, 4 bytes. Reply: nothing
local key = P .. 'component:' .. ARGV[2]
redis.call('SETRANGE', key, ARGV[3], ARGV[4])
redis.call('EXPIRE', key, 600)
return {}
