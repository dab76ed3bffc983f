-- Ends a browser's session. ARGV: 2 hash of the session. Reply: {1 when there was one, else 0}
return { redis.call('DEL', P .. 'browser_session:' .. ARGV[2]) }
