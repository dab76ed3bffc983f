-- Gives a browser a session in place of a key; it ends with the key at the latest. Sent twice, it is the same session.
-- ARGV: 2 hash of the session, 3 hash of the key, 4 role, 5 seconds. Reply: {when it ends, ms}
local key = P .. 'browser_session:' .. ARGV[2]
local kept = redis.call('HGET', key, 'expires_at')
if kept then return { tonumber(kept) } end
local ends = now + tonumber(ARGV[5]) * 1000
local of_key = tonumber(redis.call('HGET', P .. 'api_key:' .. ARGV[3], 'expires_at') or nil)
if of_key and of_key < ends then ends = of_key end
redis.call('HSET', key, 'key_hash', ARGV[3], 'role', ARGV[4], 'expires_at', ends)
redis.call('PEXPIREAT', key, ends)
return { ends }
