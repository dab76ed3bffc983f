-- The provider refuses the account, or does not answer: nothing is sent to it for a time. Refusals during one pause do not
-- lengthen it; the next one after it does, twofold each time. An account that is refused outweighs an outage.
-- ARGV: 2 kind 'account' | 'outage', 3 first pause ms, 4 longest pause ms, 5 1 when a submit was refused
-- Reply: {kind, ms left of the pause, 1 when that is news}
local kind, first, longest = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local key, b = queue_key('breaker'), breaker()
if b and b.left > 0 and (b.kind == kind or kind == 'outage') then return { b.kind, b.left, 0 } end
local pause = first
if b and b.kind == kind then pause = math.max(first, math.min(longest, b.pause * 2)) end
redis.call('HSET', key, 'kind', kind, 'until', now + pause, 'pause', pause, 'by_submit', ARGV[5],
  'since', b and b.kind == kind and b.since or now)
redis.call('HDEL', key, 'probe')
tally('breaker_trips:' .. kind)
return { kind, pause, 1 }
