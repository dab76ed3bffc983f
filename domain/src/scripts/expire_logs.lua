-- Lets go of what is older than the retention. ARGV: 2 too old before, ms, then the logs' names
-- Reply: {entries removed}
local removed = 0
for i = 3, #ARGV do
  local key = P .. 'logs:' .. ARGV[i]
  local generations = key .. ':generations'
  removed = removed + redis.call('XTRIM', key, 'MINID', '~', ARGV[2] .. '-0')
  -- A generation is named when it is closed: none of its entries is younger.
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', generations, '-inf', '(' .. ARGV[2])) do
    removed = removed + redis.call('XLEN', key .. ':' .. name)
    redis.call('UNLINK', key .. ':' .. name)
    redis.call('ZREM', generations, name)
  end
end
return { removed }
