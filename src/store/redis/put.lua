#!lua
-- Stores one variant of a page, in place of the one with the same Vary key, as the newest. What is past its time goes, and of
-- too many the oldest. Names of fields tell all that is looked at; no value is read. Answers with the fields that went.
local page = KEYS[1]
local vary, generation, apart = ARGV[1], ARGV[2], ARGV[3]
local keep_ms, variants_max, value = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]

local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- Newer than all that are here, also where the clock was set back.
local order = tonumber(time[1]) * 1000000 + tonumber(time[2])
local kept, dropped = {}, {}
for _, field in ipairs(redis.call('HKEYS', page)) do
    local of, at, ends = string.match(field, '^(%x+)%-(%d+)%-(%d+)%-%x+')
    if of then order = math.max(order, tonumber(at) + 1) end
    if not of or of == vary or tonumber(ends) <= now_ms then
        dropped[#dropped + 1] = field
    else
        kept[#kept + 1] = { field = field, order = tonumber(at), ends = tonumber(ends) }
    end
end
table.sort(kept, function(one, other) return one.order > other.order end)
while #kept >= variants_max do
    dropped[#dropped + 1] = table.remove(kept).field
end
for _, field in ipairs(dropped) do redis.call('HDEL', page, field) end

local ends = now_ms + keep_ms
local field = string.format('%s-%.0f-%.0f-%s%s', vary, order, ends, generation, apart)
redis.call('HSET', page, field, value)
for _, other in ipairs(kept) do ends = math.max(ends, other.ends) end
-- The last two digits are the number of variants: the census reads it there, because it cannot look into the page without
-- making it look used.
redis.call('PEXPIREAT', page, string.format('%.0f', math.ceil(ends / 100) * 100 + #kept + 1))
return dropped
