-- A file's model is stored, or known by its URL.
-- ARGV: 5 cost in millionths of a dollar, 6 field count, then name and value pairs (see FileRecord).
-- Reply: {'ok' | 'ended' | 'stale' | 'gone'}
local f, why = held()
if not f then return { why } end
local key = file_key(f.job, f.file)
charge(f.job, f.file, f.tenant, tonumber(ARGV[5]))
-- A file that was made anew may have been kept elsewhere before.
redis.call('HDEL', key, 'model_blob', 'model_size', 'model_content_type', 'alternates', 'preview_url', 'preview_blob', 'preview_content_type')
for i = 7, 6 + 2 * tonumber(ARGV[6]), 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', key, 'message', 'Done')
local m = redis.call('HMGET', key, 'model_url', 'preview_url', 'model_name')
return { settle(f.job, f.file, f.tenant, 'completed', 'completed',
  { progress = 100, model_url = m[1] or nil, rendered_image = m[2] or nil, model_name = m[3] or nil }) }
