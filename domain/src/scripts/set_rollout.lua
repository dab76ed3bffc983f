-- Writes the record of a component's releases, if the one that it was made from is still the newest. ARGV: 2 component,
-- 3 revision it was made from, 4 record, 5 how many uploads it refers to, 6 … their digests, then digests of uploads that
-- nothing refers to any more. Reply: 1 when it was written, else 0
local key = P .. 'components'
local before = redis.call('HGET', key, ARGV[2])
local revision = before and cjson.decode(before).revision or 0
if revision ~= tonumber(ARGV[3]) then return { 0 } end
redis.call('HSET', key, ARGV[2], ARGV[4])
redis.call('INCR', P .. 'components:changes')
local keep = tonumber(ARGV[5])
for i = 6, #ARGV do
  local upload = P .. 'component:' .. ARGV[i]
  if i < 6 + keep then redis.call('PERSIST', upload) else redis.call('EXPIRE', upload, 3600) end
end
return { 1 }
