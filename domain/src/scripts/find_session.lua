-- Looks up a browser's session, and the API key that it stands for as it is now. ARGV: 2 hash of the session
-- Reply: {} when there is none, else {hash of the key, role, when it ends, ms, then the key, see api_key()}
local m = redis.call('HMGET', P .. 'browser_session:' .. ARGV[2], 'key_hash', 'role', 'expires_at')
-- Redis removes it a moment after its end at the latest; the clock here is the same.
if not m[1] or tonumber(m[3]) <= now then return {} end
local out = { m[1], m[2], tonumber(m[3]) }
for _, value in ipairs(used_api_key(m[1])) do out[#out + 1] = value end
return out
