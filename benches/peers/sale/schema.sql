-- The usual tables of a ticket sale, and its one transaction as a function.

-- Hot rows are updated over and over: room on their page keeps the updates off the index.
CREATE TABLE slots (
    slot text PRIMARY KEY,
    capacity bigint NOT NULL,
    sold bigint NOT NULL DEFAULT 0,
    CHECK (sold BETWEEN 0 AND capacity)
) WITH (fillfactor = 10);

CREATE TABLE accounts (
    agent text PRIMARY KEY,
    rebate_fen bigint NOT NULL CHECK (rebate_fen >= 0)
) WITH (fillfactor = 10);

CREATE TABLE taken (
    slot text,
    person text,
    tickets integer NOT NULL,
    PRIMARY KEY (slot, person)
);

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent text NOT NULL,
    senderid text NOT NULL,
    slot text NOT NULL,
    tickets integer NOT NULL,
    amount_fen bigint NOT NULL,
    document text NOT NULL,
    name text NOT NULL,
    mobile text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (agent, senderid)
);

CREATE TABLE vouchers (
    code text PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders
);

-- Sells, or gives the first answer again. A refusal is an error, so that nothing of it stays; its last digits
-- are the result code. What everybody wants is updated last, so that its lock is held as shortly as can be.
CREATE FUNCTION sell(
    p_agent text, p_senderid text, p_slot text, p_tickets integer, p_tickets_max integer,
    p_price_fen bigint, p_document text, p_name text, p_mobile text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_order bigint;
BEGIN
    INSERT INTO orders (agent, senderid, slot, tickets, amount_fen, document, name, mobile)
        VALUES (p_agent, p_senderid, p_slot, p_tickets, p_tickets * p_price_fen, p_document, p_name, p_mobile)
        ON CONFLICT (agent, senderid) DO NOTHING
        RETURNING id INTO v_order;
    IF v_order IS NULL THEN
        SELECT id INTO v_order FROM orders WHERE agent = p_agent AND senderid = p_senderid;
        RETURN v_order;
    END IF;
    IF p_tickets > p_tickets_max THEN
        RAISE EXCEPTION 'limit' USING ERRCODE = 'PK007';
    END IF;
    INSERT INTO taken VALUES (p_slot, p_document, p_tickets)
        ON CONFLICT (slot, person) DO UPDATE SET tickets = taken.tickets + excluded.tickets
        WHERE taken.tickets + excluded.tickets <= p_tickets_max;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'limit' USING ERRCODE = 'PK007';
    END IF;
    INSERT INTO vouchers
        SELECT lpad(floor(random() * 1e16)::bigint::text, 16, '0'), v_order
        FROM generate_series(1, p_tickets);
    UPDATE accounts SET rebate_fen = rebate_fen - p_tickets * p_price_fen
        WHERE agent = p_agent AND rebate_fen >= p_tickets * p_price_fen;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'balance short' USING ERRCODE = 'PK022';
    END IF;
    UPDATE slots SET sold = sold + p_tickets WHERE slot = p_slot AND sold + p_tickets <= capacity;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'stock short' USING ERRCODE = 'PK001';
    END IF;
    RETURN v_order;
END $$;

-- Whether sell() would sell: the result code.
CREATE FUNCTION sellable(p_slot text, p_person text, p_tickets integer, p_tickets_max integer)
    RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT CASE
            WHEN slots.sold + p_tickets > slots.capacity THEN 1
            WHEN coalesce(taken.tickets, 0) + p_tickets > p_tickets_max THEN 7
            ELSE 0
        END
        FROM slots LEFT JOIN taken ON taken.slot = slots.slot AND taken.person = p_person
        WHERE slots.slot = p_slot
    ), 2);
$$;
