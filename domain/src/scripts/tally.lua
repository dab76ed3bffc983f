-- Counts what a host did for the metrics. ARGV: 2 … name and number, alternating. Reply: {}
for i = 2, #ARGV, 2 do tally(ARGV[i], tonumber(ARGV[i + 1])) end
return {}
