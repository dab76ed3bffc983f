-- The provider answers as it should. What a refused submit opened only an accepted one closes (bind.lua), or an operator.
-- ARGV: 2 1 whatever opened it, 0 unless a submit did. Reply: {1 when it was open}
local b = breaker()
if not b or (b.by_submit and ARGV[2] ~= '1') or (b.left > 0 and ARGV[2] ~= '1') then return { 0 } end
close_breaker()
return { 1 }
