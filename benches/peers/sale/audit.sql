-- The books: what is sold is what the orders say, by every way of counting. One row.
SELECT
    (SELECT count(*) FROM orders) AS orders,
    (SELECT coalesce(sum(sold), 0)::bigint FROM slots) AS sold,
    (SELECT coalesce(sum(tickets), 0)::bigint FROM orders) AS ordered,
    (SELECT coalesce(sum(tickets), 0)::bigint FROM taken) AS taken,
    (SELECT count(*) FROM vouchers) AS vouchers,
    (SELECT coalesce(sum(amount_fen), 0)::bigint FROM orders) AS charged_fen,
    (SELECT coalesce(sum(rebate_fen), 0)::bigint FROM accounts) AS left_fen,
    (SELECT count(*) FROM slots WHERE sold < 0 OR sold > capacity) AS oversold;
