-- Takes an API key back; the first time counts, and is told to every host, which may have streams of it. ARGV: 2 id
-- Reply: the key, see api_key()
local hash = redis.call('HGET', P .. 'api_key_hashes', ARGV[2])
if not hash then return { 0 } end
if redis.call('HSETNX', P .. 'api_key:' .. hash, 'revoked_at', now) == 1 then
  redis.call('XADD', P .. 'events', 'MAXLEN', '~', 20000, '*', 'revoked', 'key:' .. ARGV[2])
end
return api_key(hash)
