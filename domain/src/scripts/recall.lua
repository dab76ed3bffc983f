-- What was made under an idempotency key, for a call that can be answered even where nothing new can be taken in.
-- ARGV: 2 tenant, 3 idempotency key. Changes nothing.
-- Reply: {} | {job, body hash, a model was generated (1) or an upload made the job (0), when the job was made}
local hash, former = string.match(redis.call('GET', idempotency_key(ARGV[2], ARGV[3])) or '', '^(%S+) (%S+)$')
if not former then return {} end
-- A generated model is kept as a file of its job.
local generated = redis.call('GET', P .. 'file:' .. former)
local job = generated or former
local made = redis.call('HGET', job_key(job), 'created_at')
-- A key whose job was deleted since is free again.
if not made then return {} end
return { job, hash, generated and 1 or 0, tonumber(made) }
