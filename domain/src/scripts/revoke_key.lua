-- Takes an API key back; the first time counts. ARGV: 2 id
-- Reply: the key, see api_key()
local hash = redis.call('HGET', P .. 'api_key_hashes', ARGV[2])
if not hash then return { 0 } end
redis.call('HSETNX', P .. 'api_key:' .. hash, 'revoked_at', now)
return api_key(hash)
