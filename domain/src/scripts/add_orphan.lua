-- Remembers a request at the provider that no file has a use for (see add_orphan() in the prelude).
-- ARGV: 2 endpoint, 3 request id or '', 4 image url or '', 5 job, 6 file, 7 announced at, ms, 8 delay ms, 9 1 when the provider
--       has been asked to cancel it
-- Reply: nothing
add_orphan({ endpoint = ARGV[2], request_id = ARGV[3], image_url = ARGV[4], job = ARGV[5], file = ARGV[6], intended_at = ARGV[7],
  told = ARGV[9] == '1' }, tonumber(ARGV[8]))
return {}
