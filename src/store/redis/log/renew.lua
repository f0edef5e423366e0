-- A proxy says how far it has come, and renews its lease if it keeps up with the log. It is told how the log stands and
-- whether it is the only proxy, or that it has to join again.
local state, log = KEYS[1], KEYS[2]
local epoch, id, incarnation = ARGV[1], ARGV[2], ARGV[3]
local applied, nonce = tonumber(ARGV[4]), ARGV[5]
local mode, lease, name, restart_is_safe, settled = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

local own = redis.call('HMGET', state, 'epoch', 'run', 'head', 'nonce', 'floor', 'durable', 'asked', 'settled')
local run = run_of_server()
if own[1] ~= epoch or own[2] ~= run then return { 'epoch' } end
local head = tonumber(own[3])
local info = redis.pcall('XINFO', 'STREAM', log)
if info.err then return { 'epoch' } end
for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' and info[at + 1] ~= own[3] .. '-0' then return { 'epoch' } end
end
if applied > head or (applied == head and nonce ~= '' and nonce ~= own[4]) then return { 'epoch' } end

local entry = redis.call('HGET', state, 'proxy:' .. id)
if not entry then return { 'gone' } end
local of, had, renewals, _, seen = string.match(entry, '^(%S+) (%S+) (%d+) (%d+) (%d+) ')
if of ~= epoch or had ~= incarnation then return { 'gone' } end
if restart_is_safe ~= '1' and own[6] then redis.call('HSET', state, 'durable', '0') end

-- Counted, not named: a hundred proxies renew after each purge. What is neither the log's nor its own is another proxy's.
local of_log = 0
for at = 1, 8 do
    if own[at] then of_log = of_log + 1 end
end
local is_alone = redis.call('HLEN', state) == of_log + 1 and '1' or '0'
-- What was the head at the last renewal must have been read by this one: a reader that hangs holds no lease.
local keeps_up = applied >= tonumber(seen)
if keeps_up then
    renewals = string.format('%.0f', tonumber(renewals) + 1)
    seen = own[3]
end
redis.call('HSET', state, 'proxy:' .. id,
    table.concat({ epoch, incarnation, renewals, ARGV[4], seen, mode, lease, name }, ' '))
-- For those who join later: nobody has a lease of an earlier epoch any more. It names the epoch, and so ends with it.
if settled == '1' and own[8] ~= epoch then redis.call('HSET', state, 'settled', epoch) end
return { keeps_up and 'ok' or 'behind', own[3], own[5], is_alone }
