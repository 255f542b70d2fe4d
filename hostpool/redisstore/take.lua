-- KEYS[1] is the hash of leases. ARGV: an ID, a duration in microseconds, and
-- email addresses, one per line.
-- Returns an email address and its "expires id", on two lines, or nil.
local call, key, id = redis.call, KEYS[1], ARGV[1]
local time = call('TIME')
local now = time[1] * 1000000 + time[2]

local held = call('HGET', key, '\n' .. id)
if held then
  for host in string.gmatch(ARGV[3], '[^\n]+') do
    local lease = call('HGET', key, host)
    if lease and string.match(lease, ' (.*)') == id then
      return host .. '\n' .. lease
    end
  end
end

local expires = string.format('%016.0f ', now + ARGV[2])
local later = string.format('%016.0f', now + 1) -- sorts after all leases that have expired
local expired, old
for host in string.gmatch(ARGV[3], '[^\n]+') do
  local lease = call('HGET', key, host)
  if not lease then
    call('HSET', key, host, expires .. id, '\n' .. id, (held or 0) + 1)
    return host .. '\n' .. expires .. id
  end
  if not expired and lease < later then
    expired, old = host, lease
  end
end
if not expired then
  return false
end
local lease = expires .. string.match(old, ' (.*)')
call('HSET', key, expired, lease)
return expired .. '\n' .. lease
