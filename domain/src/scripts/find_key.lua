-- Looks a presented API key up and notes, once a minute, that it was used. ARGV: 2 hash
-- Reply: the key, see api_key()
return used_api_key(ARGV[2])
