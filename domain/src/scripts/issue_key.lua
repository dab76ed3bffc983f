-- Keeps a new API key, once. ARGV: 2 hash, 3 id, 4 name, 5 role, 6 issued by, 7 seconds it is good for or '',
--       8 requests a minute or '', 9 requests an hour or '', 10 uploads a minute or ''
-- Reply: the key, see api_key()
local hash, id = ARGV[2], ARGV[3]
local key = P .. 'api_key:' .. hash
if redis.call('EXISTS', key) == 0 then
  redis.call('HSET', key, 'id', id, 'name', ARGV[4], 'role', ARGV[5], 'created_at', now, 'created_by', ARGV[6])
  if ARGV[7] ~= '' then redis.call('HSET', key, 'expires_at', now + tonumber(ARGV[7]) * 1000) end
  for i, name in ipairs({ 'per_minute', 'per_hour', 'uploads_per_minute' }) do
    if ARGV[7 + i] ~= '' then redis.call('HSET', key, name, ARGV[7 + i]) end
  end
  redis.call('HSET', P .. 'api_key_hashes', id, hash)
  redis.call('ZADD', P .. 'api_keys', now, id)
end
return api_key(hash)
