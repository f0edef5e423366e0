#!lua flags=allow-oom
-- Lets variants of a page go: of one generation, of one name, or all up to an order. Answers with the fields that went.
local page, what, which = KEYS[1], ARGV[1], ARGV[2]

local count, last, dropped = 0, 0, {}
for _, field in ipairs(redis.call('HKEYS', page)) do
    local order, ends, generation = string.match(field, '^%x+%-(%d+)%-(%d+)%-(%x+)')
    local goes
    if what == 'generation' then
        goes = generation == which
    elseif what == 'field' then
        goes = field == which
    else
        goes = not order or tonumber(order) <= tonumber(which)
    end
    if goes then
        dropped[#dropped + 1] = field
    else
        count = count + 1
        last = math.max(last, tonumber(ends or 0))
    end
end
for _, field in ipairs(dropped) do redis.call('HDEL', page, field) end
-- As when it was put: when the last one ends, and in the last two digits how many there are.
if #dropped > 0 and count > 0 then
    redis.call('PEXPIREAT', page, string.format('%.0f', math.ceil(last / 100) * 100 + math.min(count, 99)))
end
return dropped
