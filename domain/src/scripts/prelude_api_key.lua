-- Behind prelude.lua. Here: API keys, as scripts show them.

-- An issued API key as {field count, name, value, …}, its state last; {0} when there is none with this hash.
local function api_key(hash)
  local key = P .. 'api_key:' .. hash
  local fields = redis.call('HGETALL', key)
  if #fields == 0 then return { 0 } end
  local m = redis.call('HMGET', key, 'revoked_at', 'expires_at')
  local state = 'active'
  if m[1] then state = 'revoked' elseif m[2] and tonumber(m[2]) <= now then state = 'expired' end
  local out = { #fields / 2 + 1 }
  for i = 1, #fields do out[i + 1] = fields[i] end
  out[#out + 1] = 'state'
  out[#out + 1] = state
  return out
end

-- The same for a key that is being used, which is noted once a minute.
local function used_api_key(hash)
  local found = api_key(hash)
  if found[#found] == 'active' then
    local key = P .. 'api_key:' .. hash
    local last = tonumber(redis.call('HGET', key, 'last_used_at') or '0')
    if now - last >= 60000 then redis.call('HSET', key, 'last_used_at', now) end
  end
  return found
end
