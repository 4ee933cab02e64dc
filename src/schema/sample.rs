//! Arbitrary domain values, for the property tests.

use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

use crate::domain::account::{
    Account, AccountKey, AccountNote, Balance, Booked, BookingKind, Holder, Posting, PostingKind,
    Standing,
};
use crate::domain::catalogue::{
    Agent, AreaDef, Booking, Calendar, CalendarException, CallbackFormat, CallbackMethod,
    CallbackSettings, Catalogue, CatalogueEvent, Channels, ConditionSet, DouyinClient, DouyinSku,
    Fee, FeeTier, Forbidden, LimitRule, LimitScope, LimitWindow, Pattern, Pool as PoolDef, Product,
    RebateAt, RefundRule, Rules, Season, Supplier, TimespanDef, TopApp, Weekdays,
};
use crate::domain::identity::{DocumentType, Sex};
use crate::domain::inventory::{
    AreaEvent, Capacity, Pool, PoolKey, Slot, SlotEvent, Stock, StockEvent,
};
use crate::domain::limits::{Count, CounterEvent, Counters, LimitKey, LimitShard, WindowInstance};
use crate::domain::order::{
    CloseReason, CounterHome, Notice, NoticeKind, NoticeOutcome, Order, OrderEvent, OrderLine,
    OrderPlaced, OrderState, Redemption, Refund, RefundedTicket, Reversal, TakenCount, Ticket,
    TicketUses,
};
use crate::domain::seats::{Focal, Numbering, SeatMap, SeatRow, Seating};
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::engine::operator::Operator;
use crate::engine::transaction::{Event, Transaction};
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, IdentityHash, LineId, OrderId, PoolNo, ProductNo, Quantity,
    RequestKey, RuleNo, Sealed, SeatNo, ServiceDate, SlotKey, SupplierNo, TicketId, Timespan,
    UnixMillis, VoucherCode,
};

/// Longest list: longer than what small collections keep inline.
const LIST_LEN_MAX: usize = 4;

pub(super) fn transaction() -> BoxedStrategy<Transaction> {
    (instant(), option::of(supplier_no()), vec(event(), 0..=2 * LIST_LEN_MAX))
        .prop_map(|(at, supplier, events)| Transaction { at, supplier, events })
        .boxed()
}

fn event() -> BoxedStrategy<Event> {
    prop_oneof![
        catalogue_event().prop_map(Event::Catalogue),
        (slot_key(), slot_event()).prop_map(|(key, event)| Event::Slot(key, event)),
        (pool_key(), stock_event()).prop_map(|(key, event)| Event::Pool(key, event)),
        (limit_key(), counter_event()).prop_map(|(key, event)| Event::Limit(key, event)),
        (account_key(), list(posting()))
            .prop_map(|(key, postings)| Event::Account(key, postings.into())),
        order_event().prop_map(Event::Order),
        voucher().prop_map(|voucher| Event::Voucher(VoucherEvent::Issued(voucher))),
        (account_key(), account_note()).prop_map(|(key, note)| Event::AccountNote(key, note)),
        ("[a-z/]{1,64}", "[^\\p{Cc}]{1,200}")
            .prop_map(|(actor, reason)| Event::Operator(Operator::new(&actor, &reason).unwrap())),
    ]
    .boxed()
}

// Keys and small values.

pub(super) fn slot_key() -> BoxedStrategy<SlotKey> {
    (product_no(), option::of(date()), timespan())
        .prop_map(|(product, date, timespan)| SlotKey { product, date, timespan })
        .boxed()
}

pub(super) fn pool_key() -> BoxedStrategy<PoolKey> {
    (pool_no(), option::of(date()), timespan())
        .prop_map(|(pool, date, timespan)| PoolKey { pool, date, timespan })
        .boxed()
}

pub(super) fn limit_key() -> BoxedStrategy<LimitKey> {
    let window = prop_oneof![
        date().prop_map(WindowInstance::VisitDate),
        date().prop_map(WindowInstance::OrderDate),
        Just(WindowInstance::Lifetime),
        date().prop_map(WindowInstance::Week),
        date().prop_map(WindowInstance::Month),
        Just(WindowInstance::Rolling),
    ];
    (product_no(), window, any::<u8>())
        .prop_map(|(product, window, shard)| LimitKey { product, window, shard })
        .boxed()
}

pub(super) fn account_key() -> BoxedStrategy<AccountKey> {
    let holder = prop_oneof![Just(Holder::House), agent_no().prop_map(Holder::Agent)];
    (supplier_no(), holder).prop_map(|(supplier, holder)| AccountKey { supplier, holder }).boxed()
}

pub(super) fn order_id() -> BoxedStrategy<OrderId> {
    any::<u64>().prop_map(OrderId::new).boxed()
}

pub(super) fn code() -> BoxedStrategy<VoucherCode> {
    (0..VoucherCode::SPACE).prop_map(|number| VoucherCode::from_number(number).unwrap()).boxed()
}

fn supplier_no() -> impl Strategy<Value = SupplierNo> + Clone {
    any::<u16>().prop_map(SupplierNo::new)
}

fn agent_no() -> impl Strategy<Value = AgentNo> + Clone {
    any::<u32>().prop_map(AgentNo::new)
}

/// Few and many, so that equal ones meet.
fn product_no() -> impl Strategy<Value = ProductNo> + Clone {
    prop_oneof![0_u32..3, any::<u32>()].prop_map(ProductNo::new)
}

fn pool_no() -> impl Strategy<Value = PoolNo> + Clone {
    prop_oneof![0_u32..3, any::<u32>()].prop_map(PoolNo::new)
}

fn area_no() -> impl Strategy<Value = AreaNo> + Clone {
    any::<u8>().prop_map(AreaNo::new)
}

fn timespan() -> impl Strategy<Value = Timespan> + Clone {
    any::<u8>().prop_map(Timespan::new)
}

fn rule_no() -> impl Strategy<Value = RuleNo> + Clone {
    any::<u8>().prop_map(RuleNo::new)
}

fn date() -> impl Strategy<Value = ServiceDate> + Clone {
    prop_oneof![-2_i32..2, 20_000..21_000, any::<i32>()].prop_map(ServiceDate::from_days)
}

fn channel() -> impl Strategy<Value = Channel> {
    one_of(&[Channel::Ota, Channel::Douyin, Channel::LocalLife, Channel::Console])
}

fn instant() -> impl Strategy<Value = UnixMillis> + Clone {
    prop_oneof![1_600_000_000_000_i64..1_900_000_000_000, any::<i64>(), Just(i64::MIN)]
        .prop_map(UnixMillis::new)
}

fn fen() -> impl Strategy<Value = Fen> + Clone {
    prop_oneof![-50_000_i64..50_000, any::<i64>(), Just(i64::MIN)].prop_map(Fen::new)
}

fn quantity() -> impl Strategy<Value = Quantity> + Clone {
    prop_oneof![0_u32..200, any::<u32>()].prop_map(Quantity::new)
}

fn identity() -> impl Strategy<Value = IdentityHash> + Clone {
    any::<u128>().prop_map(IdentityHash::new)
}

fn text() -> impl Strategy<Value = Box<str>> + Clone {
    ".{0,12}".prop_map(String::into_boxed_str)
}

fn request_key() -> impl Strategy<Value = Option<RequestKey>> + Clone {
    option::of("[!-~]{1,64}".prop_map(|text| RequestKey::new(&text).unwrap()))
}

fn sealed() -> impl Strategy<Value = Sealed> + Clone {
    (any::<u32>(), vec(any::<u8>(), 0..200))
        .prop_map(|(key_id, bytes)| Sealed { key_id, bytes: bytes.into() })
}

fn list<T: std::fmt::Debug>(one: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    vec(one, 0..=LIST_LEN_MAX)
}

fn one_of<T: Clone + std::fmt::Debug>(values: &[T]) -> impl Strategy<Value = T> {
    Union::new(values.iter().cloned().map(Just))
}

fn balance() -> impl Strategy<Value = Balance> {
    prop_oneof![
        Just(Balance::Prepaid),
        any::<i16>().prop_map(|year| Balance::Rebate { year }),
        one_of(&[
            Balance::Receivable,
            Balance::Sales,
            Balance::RebateGranted,
            Balance::Funding,
            Balance::Fees,
        ]),
    ]
}

// Events.

fn stock_event() -> BoxedStrategy<StockEvent> {
    let kinds: [fn(Quantity) -> StockEvent; 8] = [
        StockEvent::Held,
        StockEvent::Sold,
        StockEvent::Confirmed,
        StockEvent::Released,
        StockEvent::Returned,
        StockEvent::Added,
        StockEvent::Withdrawn,
        StockEvent::Restored,
    ];
    (0..kinds.len(), quantity()).prop_map(move |(kind, quantity)| kinds[kind](quantity)).boxed()
}

fn slot_event() -> impl Strategy<Value = SlotEvent> {
    let seats = list(any::<u16>().prop_map(SeatNo::new));
    let area = (area_no(), stock_event(), seats).prop_map(|(area, stock, seats)| AreaEvent {
        area,
        stock,
        seats: seats.into(),
    });
    (list(area), counter_event(), option::of(any::<bool>()))
        .prop_map(|(areas, counters, open)| SlotEvent { areas: areas.into(), counters, open })
}

fn count() -> impl Strategy<Value = Count> {
    let day = option::of(date());
    (rule_no(), identity(), quantity(), day).prop_map(|(rule, identity, amount, day)| Count {
        rule,
        identity,
        amount,
        day,
    })
}

fn counter_event() -> BoxedStrategy<CounterEvent> {
    prop_oneof![
        list(count()).prop_map(|counts| CounterEvent::Counted(counts.into())),
        list(count()).prop_map(|counts| CounterEvent::Returned(counts.into())),
    ]
    .boxed()
}

fn credit() -> impl Strategy<Value = Fen> {
    (0..=i64::MAX).prop_map(Fen::new)
}

fn booked() -> impl Strategy<Value = Booked> {
    let kind = one_of(&[BookingKind::TopUp, BookingKind::Adjustment]);
    ("[!-~]{1,64}", kind, balance(), fen()).prop_map(|(reference, kind, balance, amount)| Booked {
        reference: RequestKey::new(&reference).unwrap(),
        kind,
        balance,
        amount,
    })
}

fn account_note() -> impl Strategy<Value = AccountNote> {
    prop_oneof![credit().prop_map(AccountNote::CreditSet), booked().prop_map(AccountNote::Booked),]
}

fn posting() -> impl Strategy<Value = Posting> {
    (balance(), one_of(&PostingKind::ALL), fen()).prop_map(|(balance, kind, amount)| Posting {
        balance,
        kind,
        amount,
    })
}

fn order_event() -> BoxedStrategy<OrderEvent> {
    prop_oneof![
        order_placed().prop_map(|placed| OrderEvent::Placed(Box::new(placed))),
        (order_id(), instant(), balance(), list(ticket(u16::MAX)))
            .prop_map(|(order, at, from, tickets)| OrderEvent::Paid { order, at, from, tickets }),
        (order_id(), instant(), close_reason())
            .prop_map(|(order, at, reason)| OrderEvent::Closed { order, at, reason }),
        (order_id(), instant(), instant())
            .prop_map(|(order, at, expires_at)| OrderEvent::Extended { order, at, expires_at }),
        (order_id(), refund())
            .prop_map(|(order, refund)| OrderEvent::Refunded { order, refund: Box::new(refund) }),
        (order_id(), redemption(), option::of(any::<i16>())).prop_map(
            |(order, redemption, rebate_year)| OrderEvent::Redeemed {
                order,
                redemption: Box::new(redemption),
                rebate_year,
            }
        ),
        (order_id(), any::<u64>(), reversal()).prop_map(|(order, redemption, reversal)| {
            OrderEvent::Reversed { order, redemption, reversal: Box::new(reversal) }
        }),
        (order_id(), notice())
            .prop_map(|(order, notice)| OrderEvent::NoticeQueued { order, notice }),
        (order_id(), any::<u16>(), instant(), notice_outcome()).prop_map(
            |(order, no, at, outcome)| OrderEvent::NoticeSettled { order, no, at, outcome }
        ),
    ]
    .boxed()
}

fn some_request() -> impl Strategy<Value = RequestKey> {
    request_key().prop_map(|key| key.unwrap_or_else(|| RequestKey::new("R").unwrap()))
}

fn refund() -> impl Strategy<Value = Refund> {
    let ticket = (any::<u16>(), fen()).prop_map(|(ticket, fee)| RefundedTicket { ticket, fee });
    let money = (fen(), fen(), fen(), fen());
    (any::<u64>(), request_key(), instant(), list(ticket), money).prop_map(
        |(batch, request, at, tickets, (amount, fee, rebate, withheld))| Refund {
            batch,
            request,
            at,
            tickets: tickets.into(),
            amount,
            fee,
            rebate,
            withheld,
        },
    )
}

fn reversal() -> impl Strategy<Value = Reversal> {
    (text(), some_request(), instant()).prop_map(|(by, request, at)| Reversal { by, request, at })
}

fn redemption() -> impl Strategy<Value = Redemption> {
    let used = (any::<u16>(), any::<u16>()).prop_map(|(ticket, uses)| TicketUses { ticket, uses });
    let head = (any::<u64>(), text(), some_request(), instant());
    (head, list(used), option::of(reversal())).prop_map(
        |((no, by, request, at), uses, reversed)| Redemption {
            no,
            by,
            request,
            uses: uses.into(),
            at,
            reversed,
        },
    )
}

fn notice() -> impl Strategy<Value = Notice> {
    let kind = one_of(&[
        NoticeKind::Booked,
        NoticeKind::Paid,
        NoticeKind::PickedUp,
        NoticeKind::Consumed,
        NoticeKind::Refunded,
    ]);
    (any::<u16>(), kind, instant(), any::<u64>()).prop_map(|(no, kind, at, about)| Notice {
        no,
        kind,
        at,
        about,
    })
}

fn notice_outcome() -> impl Strategy<Value = NoticeOutcome> {
    one_of(&[NoticeOutcome::Delivered, NoticeOutcome::GaveUp, NoticeOutcome::Skipped])
}

fn close_reason() -> impl Strategy<Value = CloseReason> {
    one_of(&[CloseReason::Cancelled, CloseReason::Expired, CloseReason::Refunded])
}

fn ticket(line_max: u16) -> impl Strategy<Value = Ticket> {
    let life = (any::<u16>(), any::<bool>(), option::of(any::<i16>()));
    (any::<u64>(), 0..=line_max, code(), life).prop_map(|(id, line, code, life)| {
        let (used, refunded, rebate_year) = life;
        Ticket { id: TicketId::new(id), line, code, used, refunded, rebate_year }
    })
}

fn order_line() -> impl Strategy<Value = OrderLine> {
    let what = (any::<u64>(), product_no(), text(), slot_key(), area_no(), option::of(pool_no()));
    let price = (quantity(), fen(), fen(), fen());
    let rebate_at = one_of(&[RebateAt::Payment, RebateAt::Redemption]);
    let tickets = (rebate_at, any::<u16>(), list(any::<u16>().prop_map(SeatNo::new)));
    let valid = (instant(), instant());
    (what, price, tickets, valid).prop_map(|(what, price, tickets, valid)| {
        let (id, product, product_name, slot, area, pool) = what;
        let (rebate_at, uses, seats) = tickets;
        let (valid_from, valid_until) = valid;
        let (quantity, unit_price, list_price, unit_rebate) = price;
        OrderLine {
            id: LineId::new(id),
            product,
            product_name,
            slot,
            area,
            pool,
            quantity,
            unit_price,
            list_price,
            unit_rebate,
            rebate_at,
            uses,
            seats,
            valid_from,
            valid_until,
        }
    })
}

fn order_placed() -> impl Strategy<Value = OrderPlaced> {
    let home = prop_oneof![
        slot_key().prop_map(CounterHome::Slot),
        limit_key().prop_map(CounterHome::Shard),
    ];
    let taken = (any::<u16>(), home, count());
    let taken = taken.prop_map(|(line, home, count)| TakenCount { line, home, count });
    let head = (order_id(), supplier_no(), agent_no(), channel(), request_key());
    let body = (vec(order_line(), 1..=LIST_LEN_MAX), list(taken), sealed(), fen());
    (head, instant(), instant(), body).prop_map(|(head, placed_at, expires_at, body)| {
        let (id, supplier, agent, channel, request_key) = head;
        let (lines, counts, private, total) = body;
        OrderPlaced {
            id,
            supplier,
            agent,
            channel,
            request_key,
            placed_at,
            expires_at,
            lines,
            counts,
            private,
            total,
        }
    })
}

fn catalogue_event() -> BoxedStrategy<CatalogueEvent> {
    prop_oneof![
        (supplier_no(), text(), text(), any::<i32>()).prop_map(|(no, id, name, offset)| {
            let supplier = Supplier { no, id, name, utc_offset_seconds: offset };
            CatalogueEvent::SupplierSet(Arc::new(supplier))
        }),
        (pool_no(), text(), supplier_no(), capacity(), quantity()).prop_map(
            |(no, id, supplier, capacity, allowance)| {
                let pool = PoolDef { no, id, supplier, capacity, allowance };
                CatalogueEvent::PoolSet(Arc::new(pool))
            }
        ),
        product().prop_map(|product| CatalogueEvent::ProductSet(Arc::new(product))),
        (agent_no(), text(), text(), any::<bool>(), sealed(), option::of(callback())).prop_map(
            |(no, id, name, enabled, secrets, callback)| {
                let agent = Agent { no, id, name, enabled, secrets, callback };
                CatalogueEvent::AgentSet(Arc::new(agent))
            }
        ),
        (text(), sealed(), agent_no()).prop_map(|(client_key, secret, agent)| {
            let client = DouyinClient { client_key, secret, agent };
            CatalogueEvent::DouyinClientSet(Arc::new(client))
        }),
        (text(), product_no(), option::of(timespan())).prop_map(|(sku_id, product, timespan)| {
            CatalogueEvent::DouyinSkuSet(Arc::new(DouyinSku { sku_id, product, timespan }))
        }),
        (text(), sealed(), list(text())).prop_map(|(app_key, secret, shops)| {
            CatalogueEvent::TopAppSet(Arc::new(TopApp { app_key, secret, shops }))
        }),
    ]
    .boxed()
}

fn callback() -> impl Strategy<Value = CallbackSettings> {
    let format = prop_oneof![Just(CallbackFormat::Xml), Just(CallbackFormat::Json)];
    let method = prop_oneof![Just(CallbackMethod::Post), Just(CallbackMethod::Get)];
    (text(), any::<bool>(), format, method).prop_map(|(url, official_sms, format, method)| {
        CallbackSettings { url, official_sms, format, method }
    })
}

fn capacity() -> impl Strategy<Value = Capacity> {
    prop_oneof![Just(Capacity::Unlimited), quantity().prop_map(Capacity::Limited)]
}

fn seat_map() -> impl Strategy<Value = SeatMap> {
    let row = (0..9u8, 1..120u8, any::<u128>(), any::<u128>());
    let numbering = one_of(&[Numbering::LeftToRight, Numbering::RightToLeft, Numbering::OddEven]);
    (list(row), numbering, 0..=256u16).prop_map(|(rows, numbering, half)| {
        let row = |(no, (first, len, aisles, blocked)): (usize, _)| {
            let row = SeatRow { label: no.to_string().into(), first, len, aisles, blocked: 0 };
            SeatRow { blocked: blocked & row.seats(), ..row }
        };
        let mut rows: Vec<_> = rows.into_iter().enumerate().map(row).collect();
        if rows.is_empty() {
            rows.push(row((0, (0, 1, 0, 0))));
        }
        let focal = Focal { row: rows.len() as u16 - 1, half };
        SeatMap::new(rows, numbering, Some(focal)).expect("each part is in bounds")
    })
}

fn product() -> impl Strategy<Value = Product> {
    let head = (product_no(), text(), supplier_no(), text(), any::<bool>());
    let rebate_at = one_of(&[RebateAt::Payment, RebateAt::Redemption]);
    let money = (fen(), fen(), fen(), rebate_at, any::<u16>(), option::of(pool_no()));
    let dates = option::of((date(), date()));
    let calendar = (dates, capacity(), quantity(), list(exception())).prop_map(
        |(dates, capacity, allowance, exceptions)| Calendar {
            dates,
            capacity,
            allowance,
            exceptions,
        },
    );
    let timespan = (timespan(), any::<u16>(), any::<u16>())
        .prop_map(|(no, start_minute, end_minute)| TimespanDef { no, start_minute, end_minute });
    let seats = option::of(seat_map().prop_map(Arc::new));
    let area = (area_no(), text(), quantity(), seats, fen(), fen()).prop_map(
        |(no, id, capacity, seats, price, list_price)| AreaDef {
            no,
            id,
            capacity,
            seats,
            price,
            list_price,
        },
    );
    let parts = (calendar, list(timespan), list(area), text(), rules());
    (head, money, parts).prop_map(|(head, money, parts)| {
        let (no, id, supplier, name, on_sale) = head;
        let (price, list_price, rebate, rebate_at, uses, pool) = money;
        let (calendar, timespans, areas, scene_prefix, rules) = parts;
        Product {
            no,
            id,
            supplier,
            name,
            on_sale,
            price,
            list_price,
            rebate,
            rebate_at,
            uses,
            pool,
            calendar,
            timespans,
            areas,
            scene_prefix,
            rules,
        }
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let numbers = (quantity(), quantity(), any::<bool>(), any::<u16>(), any::<u32>());
    let persons = (any::<bool>(), any::<u8>(), list(condition()));
    (numbers, list(limit()), booking(), persons, refund_rule()).prop_map(
        |(numbers, limits, booking, persons, refund)| {
            let (order_min, order_max, document_per_ticket, horizon_days, hold_seconds) = numbers;
            let (unique_documents, channels, conditions) = persons;
            Rules {
                order_min,
                order_max,
                document_per_ticket,
                unique_documents,
                channels: Channels::from_bits(channels),
                booking,
                horizon_days,
                hold_seconds,
                limits,
                conditions,
                refund,
            }
        },
    )
}

fn limit() -> impl Strategy<Value = LimitRule> {
    let window = prop_oneof![
        one_of(&[
            LimitWindow::Timespan,
            LimitWindow::VisitDate,
            LimitWindow::OrderDate,
            LimitWindow::Lifetime,
            LimitWindow::Week,
            LimitWindow::Month,
        ]),
        any::<u16>().prop_map(|days| LimitWindow::Rolling { days }),
    ];
    let filter = (option::of(channel()), option::of(text()));
    (rule_no(), one_of(&LimitScope::ALL), window, quantity(), filter).prop_map(
        |(no, scope, window, max, (channel, agent))| LimitRule {
            no,
            scope,
            window,
            max,
            channel,
            agent,
        },
    )
}

fn weekdays() -> impl Strategy<Value = Weekdays> {
    (0..=Weekdays::ALL.bits()).prop_map(|bits| Weekdays::from_bits(bits).unwrap())
}

fn booking() -> impl Strategy<Value = Booking> {
    let sale = (option::of(instant()), option::of(instant()));
    let lead = (any::<u16>(), any::<u16>(), option::of(any::<u16>()), any::<bool>());
    let season = (any::<u16>(), any::<u16>(), any::<bool>())
        .prop_map(|(first, last, inverted)| Season { first, last, inverted });
    (sale, lead, option::of(season), weekdays(), list((date(), date()))).prop_map(
        |((sale_start, sale_end), lead, season, weekdays, blackouts)| {
            let (lead_days, lead_hours, cut_off_minute, same_day) = lead;
            Booking {
                sale_start,
                sale_end,
                lead_days,
                lead_hours,
                cut_off_minute,
                same_day,
                season,
                weekdays,
                blackouts,
            }
        },
    )
}

fn exception() -> impl Strategy<Value = CalendarException> {
    let when = (date(), date(), weekdays(), list(timespan()), option::of(text()));
    let places = (option::of(capacity()), option::of(quantity()));
    let prices = (option::of(fen()), option::of(fen()));
    (when, option::of(any::<bool>()), places, prices).prop_map(|(when, closed, places, prices)| {
        let (first, last, weekdays, timespans, area) = when;
        let ((capacity, allowance), (price, list_price)) = (places, prices);
        CalendarException {
            first,
            last,
            weekdays,
            timespans,
            area,
            closed,
            capacity,
            allowance,
            price,
            list_price,
        }
    })
}

fn condition() -> impl Strategy<Value = ConditionSet> {
    let kinds = list(one_of(&[
        DocumentType::ResidentId,
        DocumentType::HkMacauPermit,
        DocumentType::TaiwanPermit,
        DocumentType::HomeReturnPermit,
        DocumentType::TaiwanCompatriotPermit,
        DocumentType::Passport,
        DocumentType::ForeignPassport,
        DocumentType::PermanentResidenceCard,
        DocumentType::TravelDocument,
        DocumentType::OfficerCard,
        DocumentType::StudentCard,
        DocumentType::SeniorCard,
        DocumentType::DisabilityCard,
        DocumentType::Other,
    ]));
    let holder = (option::of(any::<u16>()), option::of(any::<u16>()));
    let sex = option::of(one_of(&[Sex::Male, Sex::Female]));
    let pattern = || "[0-9]{0,4}".prop_map(|text| Pattern::new(&text).unwrap());
    let forbidden = (pattern(), text()).prop_map(|(pattern, text)| Forbidden { pattern, text });
    (kinds, list(text()), list(text()), holder, sex, option::of(pattern()), option::of(forbidden))
        .prop_map(|(kinds, prefixes, regions, holder, sex, must_match, must_not_match)| {
            let (age_from, age_to) = holder;
            ConditionSet {
                kinds,
                prefixes,
                regions,
                age_from,
                age_to,
                sex,
                must_match,
                must_not_match,
            }
        })
}

fn refund_rule() -> impl Strategy<Value = RefundRule> {
    let fee = prop_oneof![fen().prop_map(Fee::Fixed), any::<u16>().prop_map(Fee::Percent)];
    let tier = (any::<i32>(), fee).prop_map(|(hours_before, fee)| FeeTier { hours_before, fee });
    list(tier).prop_map(|tiers| RefundRule { tiers })
}

// Entities.

fn stock() -> impl Strategy<Value = Stock> {
    (quantity(), quantity(), quantity(), quantity()).prop_map(|(held, sold, added, withdrawn)| {
        let sold = Quantity::new(sold.get().min(u32::MAX - held.get()));
        let stock = Stock::restored(Capacity::Unlimited, Quantity::ZERO, held, sold);
        stock.adjusted(added, withdrawn)
    })
}

fn counters() -> impl Strategy<Value = Counters> {
    let key = (rule_no(), identity(), option::of(date()));
    let counts = btree_map(key, 1..=u32::MAX, 0..=LIST_LEN_MAX);
    counts.prop_map(|counts| {
        Counters::restored(counts.into_iter().map(|((rule, identity, day), amount)| Count {
            rule,
            identity,
            amount: Quantity::new(amount),
            day,
        }))
    })
}

pub(super) fn slot() -> impl Strategy<Value = Slot> {
    // Areas lie in the order in which they came, not sorted.
    let areas = btree_map(area_no(), stock(), 0..=LIST_LEN_MAX)
        .prop_map(|areas| areas.into_iter().collect::<Vec<_>>())
        .prop_shuffle();
    // Each seat of an area is free, held or sold.
    let seats = btree_map(any::<u16>().prop_map(SeatNo::new), any::<bool>(), 1..=LIST_LEN_MAX)
        .prop_map(|seats| {
            let of = |sold| seats.iter().filter(move |(_, is)| **is == sold).map(|(seat, _)| *seat);
            let (held, sold): (Vec<_>, Vec<_>) = (of(false).collect(), of(true).collect());
            Seating::restored(&held, &sold).expect("a map has each seat once")
        });
    let seatings = btree_map(area_no(), seats, 0..=LIST_LEN_MAX)
        .prop_map(|seatings| seatings.into_iter().collect::<Vec<_>>());
    (areas, seatings, counters(), any::<bool>()).prop_map(|(areas, seatings, counters, open)| {
        Slot::new(areas.into(), counters).with_seatings(seatings).with_open(open)
    })
}

pub(super) fn pool() -> impl Strategy<Value = Pool> {
    stock().prop_map(Pool::new)
}

pub(super) fn limit_shard() -> impl Strategy<Value = LimitShard> {
    counters().prop_map(LimitShard::new)
}

pub(super) fn account() -> impl Strategy<Value = Account> {
    // Half of what fits, so that the difference does, and never nothing at all.
    let amounts = (1..i64::MAX / 2, -i64::MAX / 2..i64::MAX / 2);
    let standings = btree_map(balance(), amounts, 0..=LIST_LEN_MAX);
    (standings, credit(), list(booked())).prop_map(|(standings, credit, booked)| {
        let standings = standings.into_iter().map(|(balance, (recharged, consumed))| {
            let (recharged, consumed) = (Fen::new(recharged), Fen::new(consumed));
            Standing { balance, recharged, consumed }
        });
        Account::restored(standings, credit, booked)
    })
}

pub(super) fn order() -> impl Strategy<Value = Order> {
    let state = prop_oneof![
        instant().prop_map(|expires_at| OrderState::Held { expires_at }),
        (balance(), instant()).prop_map(|(from, at)| OrderState::Paid { from, at }),
        (close_reason(), instant()).prop_map(|(reason, at)| OrderState::Closed { reason, at }),
    ];
    let after = (list(redemption()), list(refund()), list(notice()), any::<u16>());
    let sold = (list(ticket(u16::MAX)), after);
    (order_placed(), state, sold).prop_map(|(placed, state, (mut tickets, after))| {
        let mut order = Order::placed(placed);
        (order.redemptions, order.refunds, order.notices, order.notices_queued) = after;
        let lines = u16::try_from(order.lines.len()).unwrap();
        tickets.iter_mut().for_each(|ticket| ticket.line %= lines);
        order.state = state;
        order.tickets = tickets;
        order
    })
}

pub(super) fn voucher() -> BoxedStrategy<Voucher> {
    let ids = (code(), any::<u64>(), any::<u64>(), order_id(), product_no());
    (ids, any::<u16>(), instant(), instant())
        .prop_map(|(ids, uses, valid_from, valid_until)| {
            let (code, number, ticket, order, product) = ids;
            Voucher {
                code,
                number,
                ticket: TicketId::new(ticket),
                order,
                product,
                uses,
                valid_from,
                valid_until,
            }
        })
        .boxed()
}

pub(super) fn catalogue() -> impl Strategy<Value = Catalogue> {
    vec(catalogue_event(), 0..=3 * LIST_LEN_MAX).prop_map(|events| {
        let mut catalogue = Catalogue::default();
        for event in events {
            let event = appended(event, &catalogue);
            catalogue.apply(&event);
        }
        catalogue
    })
}

/// The event with the next free number in place of an arbitrary one.
fn appended(event: CatalogueEvent, catalogue: &Catalogue) -> CatalogueEvent {
    let next = |len: usize| u32::try_from(len).unwrap();
    match event {
        CatalogueEvent::SupplierSet(mut supplier) => {
            let no = u16::try_from(catalogue.suppliers().len()).unwrap();
            Arc::make_mut(&mut supplier).no = SupplierNo::new(no);
            CatalogueEvent::SupplierSet(supplier)
        }
        CatalogueEvent::PoolSet(mut pool) => {
            Arc::make_mut(&mut pool).no = PoolNo::new(next(catalogue.pools().len()));
            CatalogueEvent::PoolSet(pool)
        }
        CatalogueEvent::ProductSet(mut product) => {
            Arc::make_mut(&mut product).no = ProductNo::new(next(catalogue.products().len()));
            CatalogueEvent::ProductSet(product)
        }
        CatalogueEvent::AgentSet(mut agent) => {
            Arc::make_mut(&mut agent).no = AgentNo::new(next(catalogue.agents().len()));
            CatalogueEvent::AgentSet(agent)
        }
        unnumbered => unnumbered,
    }
}
