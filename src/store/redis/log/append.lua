-- Records are placed at the log's end, each with a random nonce and its predecessor's. A webhook's id that is known places
-- nothing. Records that are no longer needed go.
local state, log, deliveries, delivered = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, nonce, floor, count = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local delivery, kept_ms = ARGV[5], tonumber(ARGV[6])

local own = redis.call('HMGET', state, 'epoch', 'run', 'head', 'nonce', 'floor')
local run = run_of_server()
if own[1] ~= epoch or own[2] ~= run then return { 'epoch' } end
if redis.call('EXISTS', log) == 0 then return { 'epoch' } end
if delivery ~= '' then
    local known = redis.call('HGET', deliveries, delivery)
    if known then
        local of, first, last, time = string.match(known, '^(%S+) (%d+) (%d+) (%d+)$')
        if of == epoch then return { 'known', first, last, time } end
    end
end

local head, after, at = tonumber(own[3]), own[4], 7
local first = string.format('%.0f', head + 1)
for number = 1, count do
    local fields = { 'nonce', nonce .. '.' .. number, 'after', after }
    for _ = 1, tonumber(ARGV[at]) do
        at = at + 1
        fields[#fields + 1] = ARGV[at]
    end
    at = at + 1
    head = head + 1
    redis.call('XADD', log, 'NOMKSTREAM', string.format('%.0f-0', head), unpack(fields))
    after = nonce .. '.' .. number
end
local last = string.format('%.0f', head)
redis.call('HSET', state, 'head', last, 'nonce', after)
if floor > tonumber(own[5]) and floor <= head then
    redis.call('XTRIM', log, 'MINID', string.format('%.0f-0', floor + 1))
    redis.call('HSET', state, 'floor', string.format('%.0f', floor))
end
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local time = string.format('%.0f', now_ms)
if delivery ~= '' then
    redis.call('HSET', deliveries, delivery, table.concat({ epoch, first, last, time }, ' '))
    redis.call('RPUSH', delivered, delivery)
    -- More go than come, a few at a time.
    for _ = 1, 10 do
        local oldest = redis.call('LINDEX', delivered, 0)
        local taken = redis.call('HGET', deliveries, oldest)
        if taken and tonumber(string.match(taken, '(%d+)$')) > now_ms - kept_ms then break end
        redis.call('LPOP', delivered)
        redis.call('HDEL', deliveries, oldest)
    end
end
return { 'ok', first, last, time }
