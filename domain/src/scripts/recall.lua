-- What was made under an idempotency key, for a call that can be answered even where nothing new can be taken in.
-- ARGV: 2 tenant, 3 idempotency key. Changes nothing.
-- Reply: {} | {job, body hash, a model was generated (1) or an upload made the job (0), when the job was made}
local made, hash = remembered_call(ARGV[2], ARGV[3])
if not made then return {} end
local job, generated, created = job_of_call(made)
if not job then return {} end
return { job, hash, generated and 1 or 0, created }
