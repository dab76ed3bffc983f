-- Sets a tenant's share of the turns and how many of its files may run at once. ARGV: 2 tenant, 3 weight, 4 cap or '-' for the
-- workers' own. Reply: nothing
if ARGV[3] == '1' and ARGV[4] == '-' then
  redis.call('HDEL', queue_key('tenants'), ARGV[2])
else
  redis.call('HSET', queue_key('tenants'), ARGV[2], ARGV[3] .. ' ' .. ARGV[4])
end
return {}
