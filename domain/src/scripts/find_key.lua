-- Looks a presented API key up and notes, once a minute, that it was used. ARGV: 2 hash
-- Reply: the key, see api_key()
local key = P .. 'api_key:' .. ARGV[2]
local found = api_key(ARGV[2])
if found[#found] == 'active' then
  local last = tonumber(redis.call('HGET', key, 'last_used_at') or '0')
  if now - last >= 60000 then redis.call('HSET', key, 'last_used_at', now) end
end
return found
