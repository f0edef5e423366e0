#!lua flags=allow-oom
-- A proxy leaves, or one whose lease has run out is forgotten: only if its entry is still the one that was seen.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
