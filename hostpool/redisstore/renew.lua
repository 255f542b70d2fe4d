-- KEYS[1] is the hash of leases. ARGV: an email address, an ID, and a duration in
-- microseconds.
-- Returns 1, or 0 if the lease does not exist.
local lease = redis.call('HGET', KEYS[1], ARGV[1])
if not lease or string.match(lease, ' (.*)') ~= ARGV[2] then
  return 0
end
local time = redis.call('TIME')
local expires = string.format('%016.0f ', time[1] * 1000000 + time[2] + ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], expires .. ARGV[2])
return 1
