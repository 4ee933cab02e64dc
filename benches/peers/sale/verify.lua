-- Whether sell.lua would sell. KEYS 1 the slot's stock, 2 what the person has; ARGV as there.
local stock = redis.call('GET', KEYS[1])
if not stock then
    return 2
end
local tickets = tonumber(ARGV[1])
if tonumber(stock) < tickets then
    return 1
end
local taken = tonumber(redis.call('GET', KEYS[2]) or '0')
if taken + tickets > tonumber(ARGV[2]) then
    return 7
end
return 0
