-- Removes or counts the oldest entries of one stream of a log, a bounded number a call.
-- ARGV: 2 log, 3 generation or '', 4 too old before, ms, 5 entries looked at, 6 count only, 7 count from behind this id
-- Reply: {entries, id to go on behind or '' when that was all}
local base = P .. 'logs:' .. ARGV[2]
local key = ARGV[3] == '' and base or base .. ':' .. ARGV[3]
local from = ARGV[7] == '' and '-' or '(' .. ARGV[7]
local most = tonumber(ARGV[5])
local old = redis.call('XRANGE', key, from, '(' .. ARGV[4] .. '-0', 'COUNT', most)
local last = #old > 0 and old[#old][1] or ''
local more = #old == most and last or ''
if ARGV[6] == '1' then return { #old, more } end
local removed = redis.call('XTRIM', key, 'MINID', '=', more ~= '' and last or ARGV[4] .. '-0')
if ARGV[3] ~= '' and redis.call('XLEN', key) == 0 then
  redis.call('UNLINK', key)
  redis.call('ZREM', base .. ':generations', ARGV[3])
end
return { removed, more }
