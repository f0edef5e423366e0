-- A proxy joins: it is registered, and learns how the log stands. A log that cannot be trusted is replaced by a new one with
-- a new epoch, whose positions go on after all that are known.
local state, log = KEYS[1], KEYS[2]
local fresh, restart_is_safe, distrusted = ARGV[1], ARGV[2], ARGV[3]
local known_epoch, known_position, known_nonce = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local id, incarnation, mode, lease, name = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local run = run_of_server()
if not run then return redis.error_reply('NOTMASTER this server is not a master') end

-- The position of the log's end by its own word; none where there is no log.
local function last_of_log()
    local info = redis.pcall('XINFO', 'STREAM', log)
    if info.err then return nil end
    for at = 1, #info, 2 do
        if info[at] == 'last-generated-id' then return string.match(info[at + 1], '^(%d+)%-0$') end
    end
end

local function is_whole()
    local own = redis.call('HMGET', state, 'epoch', 'run', 'head', 'nonce', 'floor', 'durable')
    if not own[1] or not own[3] or own[1] == distrusted then return false end
    -- Another process than the one that took the records in may have lost their end.
    if own[2] ~= run and not (restart_is_safe == '1' and own[6] == '1') then return false end
    if last_of_log() ~= own[3] then return false end
    if own[1] == known_epoch then
        local head = tonumber(own[3])
        if known_position > head then return false end
        if known_nonce ~= '' and known_position == head then return known_nonce == own[4] end
        if known_nonce ~= '' and known_position > tonumber(own[5]) then
            local at = string.format('%.0f-0', known_position)
            local entry = redis.call('XRANGE', log, at, at)[1]
            if not entry then return false end
            for field = 1, #entry[2], 2 do
                if entry[2][field] == 'nonce' then return entry[2][field + 1] == known_nonce end
            end
            return false
        end
    end
    return true
end

local is_new = not is_whole()
if is_new then
    local head = math.max(known_position, tonumber(redis.call('HGET', state, 'head') or '0') or 0)
    local position = string.format('%.0f', head)
    redis.call('DEL', log)
    redis.call('XGROUP', 'CREATE', log, 'made', '0', 'MKSTREAM')
    redis.call('XGROUP', 'DESTROY', log, 'made')
    if head > 0 then redis.call('XSETID', log, position .. '-0') end
    redis.call('HSET', state, 'epoch', fresh, 'run', run, 'head', position, 'nonce', fresh, 'floor', position,
        'durable', restart_is_safe)
else
    redis.call('HSET', state, 'run', run)
    if restart_is_safe ~= '1' then redis.call('HSET', state, 'durable', '0') end
end
local own = redis.call('HMGET', state, 'epoch', 'head', 'nonce', 'floor', 'settled')
-- Not from 0: a count that was there before would look like a lease that nobody has renewed since.
local now = redis.call('TIME')
local renewals = string.format('%.0f', tonumber(now[1]) * 1000000 + tonumber(now[2]))
redis.call('HSET', state, 'proxy:' .. id,
    table.concat({ own[1], incarnation, renewals, '0', own[2], mode, lease, name }, ' '))
return { own[1], own[2], own[3], own[4], is_new and 1 or 0, own[5] == own[1] and 1 or 0 }
