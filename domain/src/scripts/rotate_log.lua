-- Begins a new generation of a log. ARGV: 2 log, 3 generations kept
-- Reply: {name of the generation or '', entries moved, generations dropped}
local key = P .. 'logs:' .. ARGV[2]
local generations = key .. ':generations'
local entries = redis.call('XLEN', key)
if entries == 0 then return { '', 0, 0 } end
local name = string.gsub(string.sub(iso(now), 1, 23), '[-:.]', '')
redis.call('RENAME', key, key .. ':' .. name)
redis.call('ZADD', generations, now, name)
local old = redis.call('ZRANGE', generations, 0, -(tonumber(ARGV[3]) + 1))
for _, gone in ipairs(old) do
  redis.call('UNLINK', key .. ':' .. gone)
  redis.call('ZREM', generations, gone)
end
return { name, entries, #old }
