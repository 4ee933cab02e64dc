//! Naive twin of [`Order`], for the property tests.
//!
//! The twin is the order's log: it keeps the events and reads them again for every question. It
//! does not model stock or money, which an order does not know either.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    CloseReason, CounterHome, Notice, NoticeKind, NoticeOutcome, Order, OrderError, OrderEvent,
    OrderLine, OrderPlaced, OrderState, PayDecision, RedeemDecision, RedeemError, Redemption,
    Refund, RefundDecision, RefundError, RefundSelection, RefundedTicket, Reversal,
    ReverseDecision, ReverseError, ReverseSelection, TakenCount, Ticket, TicketUses, UseSelection,
};
use crate::domain::account::Balance;
use crate::domain::catalogue::RebateAt;
use crate::domain::invariants::{RETURNED_ONCE, USED_ONCE};
use crate::domain::limits::Count;
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, IdentityHash, LineId, OrderId, ProductNo, Quantity, RequestKey,
    RuleNo, Sealed, ServiceDate, SlotKey, SupplierNo, TicketId, Timespan, UnixMillis, VoucherCode,
};

const EXPIRES_AT: i64 = 10;
/// Uses of each ticket.
const USES: u16 = 2;
/// First instants at which tickets are valid, and no longer.
const VALID: (i64, i64) = (5, 100);

fn at(millis: i64) -> UnixMillis {
    UnixMillis::new(millis)
}

fn order_placed() -> OrderPlaced {
    let slot = SlotKey {
        product: ProductNo::new(3),
        date: Some(ServiceDate::from_days(20_000)),
        timespan: Timespan::new(1),
    };
    let line = |id, quantity| OrderLine {
        id: LineId::new(id),
        product: slot.product,
        product_name: "成人票".into(),
        slot,
        area: AreaNo::NONE,
        pool: None,
        quantity: Quantity::new(quantity),
        unit_price: Fen::new(12_000),
        list_price: Fen::new(15_000),
        unit_rebate: Fen::new(600),
        rebate_at: RebateAt::Redemption,
        uses: USES,
        seats: vec![],
        valid_from: at(VALID.0),
        valid_until: at(VALID.1),
    };
    let (rule, identity) = (RuleNo::new(0), IdentityHash::new(9));
    let count = Count { rule, identity, amount: Quantity::new(2), day: None };
    OrderPlaced {
        id: OrderId::new(1),
        supplier: SupplierNo::new(0),
        agent: AgentNo::new(4),
        channel: Channel::Ota,
        request_key: Some(RequestKey::new("A-1").unwrap()),
        placed_at: at(0),
        expires_at: at(EXPIRES_AT),
        lines: vec![line(11, 2), line(12, 1)],
        counts: vec![TakenCount { line: 0, home: CounterHome::Slot(slot), count }],
        private: Sealed::default(),
        total: Fen::new(36_000),
    }
}

/// Three tickets: two of the first line, one of the second.
fn tickets() -> Vec<Ticket> {
    let ticket = |serial: u64, line| Ticket {
        id: TicketId::new(serial),
        line,
        code: VoucherCode::from_number(serial).unwrap(),
        used: 0,
        refunded: false,
        rebate_year: None,
    };
    vec![ticket(1, 0), ticket(2, 0), ticket(3, 1)]
}

fn request(no: u8) -> RequestKey {
    RequestKey::new(&format!("R-{no}")).unwrap()
}

#[derive(Clone, Debug)]
struct Log(Vec<OrderEvent>);

impl Log {
    /// What happened last of what changes the state.
    fn last(&self) -> Option<&OrderEvent> {
        self.0.iter().rev().find(|event| match event {
            OrderEvent::Paid { .. } | OrderEvent::Closed { .. } => true,
            OrderEvent::Refunded { .. } => (0..3).all(|ticket| self.is_refunded(ticket)),
            _ => false,
        })
    }

    fn expires_at(&self) -> UnixMillis {
        let extended = self.0.iter().rev().find_map(|event| match event {
            OrderEvent::Extended { expires_at, .. } => Some(*expires_at),
            _ => None,
        });
        extended.unwrap_or(at(EXPIRES_AT))
    }

    fn state(&self) -> OrderState {
        match self.last() {
            None => OrderState::Held { expires_at: self.expires_at() },
            Some(OrderEvent::Paid { at, from, .. }) => OrderState::Paid { from: *from, at: *at },
            Some(OrderEvent::Closed { at, reason, .. }) => {
                OrderState::Closed { reason: *reason, at: *at }
            }
            Some(OrderEvent::Refunded { refund, .. }) => {
                OrderState::Closed { reason: CloseReason::Refunded, at: refund.at }
            }
            Some(other) => panic!("{other:?} changes no state"),
        }
    }

    /// Whether the order is over for payment and closing, and why.
    fn verdict(&self) -> Result<(), OrderError> {
        match self.state() {
            OrderState::Held { .. } => Ok(()),
            OrderState::Paid { .. } => Err(OrderError::AlreadyPaid),
            OrderState::Closed { reason, .. } => Err(OrderError::Closed(reason)),
        }
    }

    fn decide_pay(&self) -> Result<PayDecision, OrderError> {
        match self.verdict() {
            Ok(()) => Ok(PayDecision::Confirm),
            Err(OrderError::Closed(CloseReason::Expired)) => Ok(PayDecision::Retake),
            Err(error) => Err(error),
        }
    }

    fn is_sold(&self) -> bool {
        self.0.iter().any(|event| matches!(event, OrderEvent::Paid { .. }))
    }

    fn refunds(&self) -> impl Iterator<Item = &Refund> {
        self.0.iter().filter_map(|event| match event {
            OrderEvent::Refunded { refund, .. } => Some(&**refund),
            _ => None,
        })
    }

    fn is_refunded(&self, ticket: u16) -> bool {
        self.refunds().any(|refund| refund.tickets.iter().any(|t| t.ticket == ticket))
    }

    fn reversal(&self, no: u64) -> Option<&Reversal> {
        self.0.iter().find_map(|event| match event {
            OrderEvent::Reversed { redemption, reversal, .. } if *redemption == no => {
                Some(&**reversal)
            }
            _ => None,
        })
    }

    fn redemptions(&self) -> impl DoubleEndedIterator<Item = &Redemption> {
        self.0.iter().filter_map(|event| match event {
            OrderEvent::Redeemed { redemption, .. } => Some(&**redemption),
            _ => None,
        })
    }

    fn used(&self, ticket: u16) -> u16 {
        let standing = self.redemptions().filter(|r| self.reversal(r.no).is_none());
        let uses = standing.flat_map(|redemption| &redemption.uses);
        uses.filter(|used| used.ticket == ticket).map(|used| used.uses).sum()
    }

    fn decide_refund(
        &self,
        named: &[u16],
        key: Option<&RequestKey>,
    ) -> Result<RefundDecision, RefundError> {
        if let Some(key) = key
            && let Some(known) = self.refunds().find(|refund| refund.request.as_ref() == Some(key))
        {
            return Ok(RefundDecision::Done(known.batch));
        }
        if !self.is_sold() {
            return Err(RefundError::NotPaid);
        }
        let open: Vec<u16> = named.iter().copied().filter(|t| !self.is_refunded(*t)).collect();
        if open.is_empty() {
            let has = |refund: &&Refund| refund.tickets.iter().any(|t| named.contains(&t.ticket));
            let batch = self.refunds().filter(has).last().unwrap().batch;
            return Ok(RefundDecision::Done(batch));
        }
        if let Some(ticket) = open.iter().find(|ticket| self.used(**ticket) > 0) {
            return Err(RefundError::TicketUsed(tickets()[usize::from(*ticket)].id));
        }
        Ok(RefundDecision::Tickets(open.into_iter().collect()))
    }

    fn decide_redeem(
        &self,
        key: &RequestKey,
        ticket: u16,
        uses: u16,
        now: i64,
    ) -> Result<RedeemDecision, RedeemError> {
        let id = tickets()[usize::from(ticket)].id;
        if let Some(known) = self.redemptions().find(|known| known.request == *key) {
            let same = known.uses[..] == [TicketUses { ticket, uses }];
            let again = RedeemDecision::Done(known.no);
            return if same { Ok(again) } else { Err(RedeemError::RequestReused) };
        }
        let left = USES - self.used(ticket);
        match () {
            () if !self.is_sold() => Err(RedeemError::UnknownTicket),
            () if uses == 0 => Err(RedeemError::NoUses),
            () if self.is_refunded(ticket) => Err(RedeemError::Refunded(id)),
            () if left < uses => Err(RedeemError::UsedUp { ticket: id, left }),
            () if now < VALID.0 => Err(RedeemError::TooEarly { ticket: id, from: at(VALID.0) }),
            () if now >= VALID.1 => Err(RedeemError::Expired(id)),
            () => Ok(RedeemDecision::Use([TicketUses { ticket, uses }].into_iter().collect())),
        }
    }

    fn decide_reverse(&self, key: &RequestKey, ticket: u16) -> Result<u64, ReverseError> {
        let mine = |r: &&Redemption| self.reversal(r.no).is_some_and(|x| x.request == *key);
        if let Some(done) = self.redemptions().find(mine) {
            return Ok(done.no);
        }
        let names = |r: &&Redemption| r.uses.iter().any(|used| used.ticket == ticket);
        let mut of = self.redemptions().rev().filter(names);
        let mut standing = self.redemptions().rev().filter(names);
        let standing = standing.find(|redemption| self.reversal(redemption.no).is_none());
        match (standing, of.next()) {
            (Some(redemption), _) => Ok(redemption.no),
            (None, Some(_)) => Err(ReverseError::AlreadyReversed),
            (None, None) => Err(ReverseError::UnknownRedemption),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pay { from: Balance },
    Close(CloseReason),
    Extend { until: i64 },
    Refund { tickets: Vec<u16>, request: Option<u8> },
    Redeem { request: u8, ticket: u16, uses: u16 },
    Reverse { request: u8, ticket: u16 },
    Tell,
    Told { no: u16 },
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let balance = prop_oneof![Just(Balance::Prepaid), Just(Balance::Rebate { year: 2026 })];
    let reason = prop_oneof![Just(CloseReason::Cancelled), Just(CloseReason::Expired)];
    let request = proptest::option::of(0..3_u8);
    let step = prop_oneof![
        3 => balance.prop_map(|from| Step::Pay { from }),
        1 => reason.prop_map(Step::Close),
        1 => (0..30_i64).prop_map(|until| Step::Extend { until }),
        3 => (vec(0..3_u16, 1..4), request)
            .prop_map(|(tickets, request)| Step::Refund { tickets, request }),
        6 => (0..4_u8, 0..3_u16, 0..4_u16)
            .prop_map(|(request, ticket, uses)| Step::Redeem { request, ticket, uses }),
        4 => (0..4_u8, 0..3_u16).prop_map(|(request, ticket)| Step::Reverse { request, ticket }),
        1 => Just(Step::Tell),
        1 => (0..5_u16).prop_map(|no| Step::Told { no }),
    ];
    (0..VALID.1 + 5, step)
}

/// What `step` does to the real order, if it may; the twin must agree whether it may.
fn event_of(
    real: &Order,
    model: &Log,
    step: &Step,
    now: i64,
    serial: u64,
) -> Result<Option<OrderEvent>, TestCaseError> {
    let order = real.id;
    Ok(match step {
        Step::Pay { from } => {
            let decided = real.decide_pay();
            prop_assert_eq!(decided, model.decide_pay());
            let (at, from, tickets) = (at(now), *from, tickets());
            decided.is_ok().then_some(OrderEvent::Paid { order, at, from, tickets })
        }
        Step::Close(reason) => {
            let decided = real.decide_close();
            prop_assert_eq!(decided, model.verdict());
            let (at, reason) = (at(now), *reason);
            decided.is_ok().then_some(OrderEvent::Closed { order, at, reason })
        }
        Step::Extend { until } => {
            let decided = real.decide_extend(at(*until));
            let expected = model.verdict().map(|()| model.expires_at().max(at(*until)));
            prop_assert_eq!(decided, expected);
            let at = at(now);
            decided.ok().map(|expires_at| OrderEvent::Extended { order, at, expires_at })
        }
        Step::Refund { tickets: named, request: key } => {
            let key = key.map(request);
            let mut distinct = named.clone();
            distinct.dedup_by_key(|ticket| *ticket);
            let mut seen = Vec::new();
            distinct.retain(|ticket| {
                !seen.contains(ticket) && {
                    seen.push(*ticket);
                    true
                }
            });
            let ids = named.iter().map(|ticket| tickets()[usize::from(*ticket)].id).collect();
            let decided = real.decide_refund(&RefundSelection::Tickets(ids), key.as_ref());
            prop_assert_eq!(&decided, &model.decide_refund(&distinct, key.as_ref()));
            let Ok(RefundDecision::Tickets(tickets)) = decided else { return Ok(None) };
            let tickets = tickets.into_iter();
            let tickets = tickets.map(|ticket| RefundedTicket { ticket, fee: Fen::ZERO });
            let refund = Refund {
                batch: real.free_batch(7),
                request: key,
                at: at(now),
                tickets: tickets.collect(),
                amount: Fen::new(1),
                fee: Fen::ZERO,
                rebate: Fen::ZERO,
                withheld: Fen::ZERO,
            };
            Some(OrderEvent::Refunded { order, refund: Box::new(refund) })
        }
        Step::Redeem { request: key, ticket, uses } => {
            let key = request(*key);
            let id = tickets()[usize::from(*ticket)].id;
            let selection = UseSelection::Tickets([(id, *uses)].into_iter().collect());
            let decided = real.decide_redeem("gate/a", &key, &selection, at(now));
            prop_assert_eq!(&decided, &model.decide_redeem(&key, *ticket, *uses, now));
            let Ok(RedeemDecision::Use(uses)) = decided else { return Ok(None) };
            let (by, at) = ("gate/a".into(), at(now));
            let redemption = Redemption { no: serial, by, request: key, uses, at, reversed: None };
            let rebate_year = Some(2026);
            Some(OrderEvent::Redeemed { order, redemption: Box::new(redemption), rebate_year })
        }
        Step::Reverse { request: key, ticket } => {
            let key = request(*key);
            let id = tickets()[usize::from(*ticket)].id;
            let decided = real.decide_reverse("gate/a", &key, ReverseSelection::LastOf(id));
            let no = decided.map(|decided| match decided {
                ReverseDecision::Reverse(no) | ReverseDecision::Done(no) => no,
            });
            prop_assert_eq!(no, model.decide_reverse(&key, *ticket));
            let Ok(ReverseDecision::Reverse(redemption)) = decided else { return Ok(None) };
            let reversal = Reversal { by: "gate/a".into(), request: key, at: at(now) };
            Some(OrderEvent::Reversed { order, redemption, reversal: Box::new(reversal) })
        }
        Step::Tell => {
            let no = real.notices_queued + 1;
            let notice = Notice { no, kind: NoticeKind::Paid, at: at(now), about: 0 };
            Some(OrderEvent::NoticeQueued { order, notice })
        }
        Step::Told { no } => {
            let (no, at, outcome) = (*no, at(now), NoticeOutcome::Delivered);
            Some(OrderEvent::NoticeSettled { order, no, at, outcome })
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_order_does_what_its_log_says(steps in vec(step(), 1..40)) {
        let mut real = Order::placed(order_placed());
        let mut model = Log(vec![OrderEvent::Placed(Box::new(order_placed()))]);
        let first = real.clone();
        for (serial, (now, step)) in (1..).zip(steps) {
            let Some(event) = event_of(&real, &model, &step, now, serial)? else { continue };
            prop_assert_eq!(event.order(), real.id);
            real.apply(&event);
            model.0.push(event);
            prop_assert_eq!(&real.state, &model.state());
            for (at, ticket) in (0..).zip(&real.tickets) {
                prop_assert_eq!(ticket.used, model.used(at), "{}", USED_ONCE.says);
                prop_assert_eq!(ticket.refunded, model.is_refunded(at), "{}", RETURNED_ONCE.says);
                prop_assert!(ticket.used <= USES && !(ticket.refunded && ticket.used > 0));
            }
            // Notices go out in the order in which they came about.
            let open: Vec<u16> = real.notices.iter().map(|notice| notice.no).collect();
            prop_assert!(open.is_sorted() && real.next_notice() == real.notices.first());
        }
        // What must be given back, and to whom, never changes.
        prop_assert_eq!((real.id, real.lines, real.counts, real.total),
                        (first.id, first.lines, first.counts, first.total));
    }
}

fn check(
    given: &[OrderEvent],
    pay: Result<PayDecision, OrderError>,
    close: Result<(), OrderError>,
) {
    let mut order = Order::placed(order_placed());
    for event in given {
        order.apply(event);
    }
    assert_eq!(order.decide_pay(), pay, "{given:?}");
    assert_eq!(order.decide_close(), close, "{given:?}");
}

#[test]
fn a_held_order_can_be_paid_and_an_expired_one_if_its_places_are_there() {
    let order = OrderId::new(1);
    let (from, tickets) = (Balance::Prepaid, vec![]);
    let paid = OrderEvent::Paid { order, at: at(1), from, tickets };
    let closed = |reason| OrderEvent::Closed { order, at: at(1), reason };
    let (cancelled, expired) = (CloseReason::Cancelled, CloseReason::Expired);
    let is_closed = |reason| OrderError::Closed(reason);
    check(&[], Ok(PayDecision::Confirm), Ok(()));
    check(&[closed(cancelled)], Err(is_closed(cancelled)), Err(is_closed(cancelled)));
    check(&[closed(expired)], Ok(PayDecision::Retake), Err(is_closed(expired)));
    let is_paid = OrderError::AlreadyPaid;
    check(std::slice::from_ref(&paid), Err(is_paid), Err(is_paid));
    check(&[closed(expired), paid], Err(is_paid), Err(is_paid));
}

#[test]
fn a_redemption_earns_rebate_once_and_a_reversal_leaves_it() {
    let mut order = Order::placed(order_placed());
    let id = order.id;
    let (from, paid_at) = (Balance::Prepaid, at(1));
    order.apply(&OrderEvent::Paid { order: id, at: paid_at, from, tickets: tickets() });
    for (no, year) in [(1, 2026), (2, 2027)] {
        let uses = [TicketUses { ticket: 0, uses: 1 }].into_iter().collect();
        let (by, request) = ("gate/a".into(), request(0));
        let redemption = Redemption { no, by, request, uses, at: at(6), reversed: None };
        let (redemption, rebate_year) = (Box::new(redemption), Some(year));
        order.apply(&OrderEvent::Redeemed { order: id, redemption, rebate_year });
    }
    let reversal = Reversal { by: "gate/a".into(), request: request(1), at: at(7) };
    let reversal = Box::new(reversal);
    order.apply(&OrderEvent::Reversed { order: id, redemption: 1, reversal });
    assert_eq!((order.tickets[0].rebate_year, order.tickets[0].used), (Some(2026), 1));
    assert_eq!(order.tickets[1].rebate_year, None);
    // A ticket that has not been used gives its share of the counts back.
    let back = order.counts_of(&[RefundedTicket { ticket: 1, fee: Fen::ZERO }]);
    assert_eq!(back.iter().map(|taken| taken.count.amount.get()).collect::<Vec<_>>(), [1]);
}

#[test]
fn an_order_adds_up_its_lines_and_takes_its_date_from_the_first() {
    let order = Order::placed(order_placed());
    assert_eq!(order.quantity(), 3);
    assert_eq!(order.date(), Some(ServiceDate::from_days(20_000)));
    let empty = Order { lines: vec![], ..order };
    assert_eq!((empty.quantity(), empty.date()), (0, None));
}
