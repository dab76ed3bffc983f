-- A page of API keys, newest first. ARGV: 2 id of the last one of the page before or '', 3 keys on the page
-- Reply: {} when there is no key of that id, else {1 | 0 there are more, then each key, see api_key()}
local first = 0
if ARGV[2] ~= '' then
  local rank = redis.call('ZREVRANK', P .. 'api_keys', ARGV[2])
  if not rank then return {} end
  first = rank + 1
end
local limit = tonumber(ARGV[3])
local ids = redis.call('ZREVRANGE', P .. 'api_keys', first, first + limit)
local out = { #ids > limit and 1 or 0 }
for i = 1, math.min(#ids, limit) do
  local hash = redis.call('HGET', P .. 'api_key_hashes', ids[i])
  for _, v in ipairs(api_key(hash or '')) do out[#out + 1] = v end
end
return out
