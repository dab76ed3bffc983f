-- Names an uploaded component by its digest. Called twice it does nothing the second time. ARGV: 2 upload, 3 digest. Reply:
-- nothing
local from, to = P .. 'component:' .. ARGV[2], P .. 'component:' .. ARGV[3]
if redis.call('EXISTS', from) == 1 then
  -- The same bytes may be in use already, and then stay.
  if redis.call('EXISTS', to) == 1 then
    redis.call('DEL', from)
    if redis.call('TTL', to) > 0 then redis.call('EXPIRE', to, 3600) end
  else
    redis.call('RENAME', from, to)
    redis.call('EXPIRE', to, 3600)
  end
end
return {}
