#!lua flags=allow-oom
-- Which process this is, and under which name it keeps its history; nothing where it is not a master. A replica that is
-- promoted takes a new name, also if it was the master before: what it wrote then may have been lost in between.
local function run_of_server()
    local replication = redis.call('INFO', 'replication')
    if not string.find(replication, 'role:master', 1, true) then return nil end
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    return run .. '.' .. (string.match(replication, 'master_replid:(%x+)') or '')
end

