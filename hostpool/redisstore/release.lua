-- KEYS[1] is the hash of leases. ARGV: an email address and an ID.
-- Returns 1, or 0 if the lease does not exist.
local key, host, id = KEYS[1], ARGV[1], ARGV[2]
local lease, held = unpack(redis.call('HMGET', key, host, '\n' .. id))
if not lease or string.match(lease, ' (.*)') ~= id then
  return 0
end
if tonumber(held) > 1 then
  redis.call('HINCRBY', key, '\n' .. id, -1)
  return redis.call('HDEL', key, host)
end
redis.call('HDEL', key, host, '\n' .. id)
return 1
