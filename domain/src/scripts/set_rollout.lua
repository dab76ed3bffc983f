-- Writes the record of a component's releases, if the one that it was made from is still the newest. Uploads that it refers
-- to are kept; those that the one before referred to and no component's record does any more are forgotten in an hour.
-- ARGV: 2 component, 3 revision it was made from, 4 record. Reply: 1 when it was written, else 0
local key = P .. 'components'
-- The uploads that a record refers to, by their digests, added to `found`
local function uploads(record, found)
  for _, name in ipairs({ 'current', 'previous', 'canary', 'candidate' }) do
    local release = record[name]
    if type(release) == 'table' then
      release = release.release or release
      if release.source == 'upload' then found[release.digest] = true end
    end
  end
  return found
end
local before = redis.call('HGET', key, ARGV[2])
before = before and cjson.decode(before) or { revision = 0 }
if before.revision ~= tonumber(ARGV[3]) then return { 0 } end
local kept = uploads(cjson.decode(ARGV[4]), {})
local used = {}
local records = redis.call('HGETALL', key)
for i = 1, #records, 2 do
  if records[i] ~= ARGV[2] then uploads(cjson.decode(records[i + 1]), used) end
end
redis.call('HSET', key, ARGV[2], ARGV[4])
redis.call('INCR', P .. 'components:changes')
for digest in pairs(kept) do redis.call('PERSIST', P .. 'component:' .. digest) end
for digest in pairs(uploads(before, {})) do
  if not kept[digest] and not used[digest] then redis.call('EXPIRE', P .. 'component:' .. digest, 3600) end
end
return { 1 }
