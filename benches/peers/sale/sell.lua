-- Sells tickets of one slot to one person, once for each sender id.
-- KEYS  1 the order, by its sender id   2 the slot's stock   3 what the person has of the slot
-- ARGV  1 tickets  2 most a person may have  3 voucher code  4 document  5 name  6 mobile
-- Returns a result code of the OTA family (0 sold, 1 stock short, 2 unknown, 7 limit) and the order's number.
local known = redis.call('HGET', KEYS[1], 'id')
if known then
    return {0, known}
end
local stock = redis.call('GET', KEYS[2])
if not stock then
    return {2, ''}
end
local tickets = tonumber(ARGV[1])
if tonumber(stock) < tickets then
    return {1, ''}
end
local taken = tonumber(redis.call('GET', KEYS[3]) or '0')
if taken + tickets > tonumber(ARGV[2]) then
    return {7, ''}
end
local id = tostring(redis.call('INCR', 'order:last'))
redis.call('DECRBY', KEYS[2], tickets)
redis.call('INCRBY', KEYS[3], tickets)
redis.call('HSET', KEYS[1], 'id', id, 'slot', KEYS[2], 'tickets', tickets, 'code', ARGV[3],
    'document', ARGV[4], 'name', ARGV[5], 'mobile', ARGV[6])
return {0, id}
