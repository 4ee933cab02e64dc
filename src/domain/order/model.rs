//! Naive twin of [`Order`], for the property tests.
//!
//! The twin is the order's log: it keeps the events and reads them again for every question. It
//! does not model stock, money or vouchers, which an order does not know either.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    CloseReason, CounterHome, Order, OrderError, OrderEvent, OrderLine, OrderPlaced, OrderState,
    TakenCount, Ticket,
};
use crate::domain::account::Balance;
use crate::domain::invariants::{ONE_ORDER_PER_KEY, RETURNED_ONCE};
use crate::domain::limits::Count;
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, IdentityHash, LineId, OrderId, ProductNo, Quantity, RequestKey,
    RuleNo, Sealed, ServiceDate, SlotKey, SupplierNo, TicketId, Timespan, UnixMillis, VoucherCode,
};

const EXPIRES_AT: i64 = 10;

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
        valid_from: at(0),
        valid_until: at(100),
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
        counts: vec![TakenCount { home: CounterHome::Slot(slot), count }],
        private: Sealed::default(),
        total: Fen::new(36_000),
    }
}

#[derive(Clone, Debug)]
struct Log(Vec<OrderEvent>);

impl Log {
    fn expires_at(&self) -> UnixMillis {
        let placed = self.0.iter().find_map(|event| match event {
            OrderEvent::Placed(placed) => Some(placed.expires_at),
            _ => None,
        });
        placed.unwrap()
    }

    /// What ended the order's time as an unpaid one, if anything did.
    fn verdict(&self) -> Result<(), OrderError> {
        for event in &self.0 {
            match event {
                OrderEvent::Placed(_) => {}
                OrderEvent::Paid { .. } => return Err(OrderError::AlreadyPaid),
                OrderEvent::Closed { reason, .. } => return Err(OrderError::Closed(*reason)),
            }
        }
        Ok(())
    }

    fn decide_pay(&self, now: UnixMillis) -> Result<(), OrderError> {
        self.verdict()?;
        if now < self.expires_at() { Ok(()) } else { Err(OrderError::Expired) }
    }

    fn state(&self) -> OrderState {
        match self.0.last() {
            Some(OrderEvent::Paid { at, from, .. }) => OrderState::Paid { from: *from, at: *at },
            Some(OrderEvent::Closed { at, reason, .. }) => {
                OrderState::Closed { reason: *reason, at: *at }
            }
            _ => OrderState::Held { expires_at: self.expires_at() },
        }
    }

    fn tickets(&self) -> Vec<Ticket> {
        let issued = self.0.iter().filter_map(|event| match event {
            OrderEvent::Paid { tickets, .. } => Some(tickets.clone()),
            _ => None,
        });
        issued.flatten().collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pay { from: Balance },
    Close(CloseReason),
    Check,
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let balance = prop_oneof![Just(Balance::Prepaid), Just(Balance::Rebate { year: 2026 })];
    let reason = prop_oneof![Just(CloseReason::Cancelled), Just(CloseReason::Expired)];
    // Checks are frequent, so that many orders live long enough to meet their expiry.
    let step = prop_oneof![
        1 => balance.prop_map(|from| Step::Pay { from }),
        1 => reason.prop_map(Step::Close),
        4 => Just(Step::Check),
    ];
    (0..2 * EXPIRES_AT, step)
}

fn ticket(serial: u64, line: u16) -> Ticket {
    let code = VoucherCode::from_number(serial).unwrap();
    Ticket { id: TicketId::new(serial), line, code }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_order_does_what_its_log_says(steps in vec(step(), 1..20)) {
        let mut real = Order::placed(order_placed());
        let mut model = Log(vec![OrderEvent::Placed(Box::new(order_placed()))]);
        let first = real.clone();
        for (now, step) in steps {
            let now = at(now);
            let pay = real.decide_pay(now);
            prop_assert_eq!(pay, model.decide_pay(now));
            let close = real.decide_close();
            prop_assert_eq!(close, model.verdict());
            let order = real.id;
            let event = match step {
                Step::Pay { from } if pay.is_ok() => {
                    let tickets = vec![ticket(1, 0), ticket(2, 0), ticket(3, 1)];
                    OrderEvent::Paid { order, at: now, from, tickets }
                }
                Step::Close(reason) if close.is_ok() => {
                    OrderEvent::Closed { order, at: now, reason }
                }
                _ => continue,
            };
            prop_assert_eq!(event.order(), order);
            real.apply(&event);
            model.0.push(event);
            prop_assert_eq!(&real.state, &model.state());
            prop_assert_eq!(&real.tickets, &model.tickets());
            // INV-5 and INV-3: an order ends once, whichever way, and for ever.
            prop_assert!(real.decide_close().is_err(), "{}", RETURNED_ONCE.says);
            prop_assert!(real.decide_pay(at(0)).is_err(), "{}", ONE_ORDER_PER_KEY.says);
        }
        prop_assert!(model.0.len() <= 2);
        // What must be given back, and to whom, never changes.
        let unchanged = Order { state: first.state.clone(), tickets: vec![], ..real.clone() };
        prop_assert_eq!(unchanged, first);
    }
}

fn check(
    given: &[OrderEvent],
    now: i64,
    pay: Result<(), OrderError>,
    close: Result<(), OrderError>,
) {
    let mut order = Order::placed(order_placed());
    for event in given {
        order.apply(event);
    }
    assert_eq!(order.decide_pay(at(now)), pay, "{given:?} at {now}");
    assert_eq!(order.decide_close(), close, "{given:?} at {now}");
}

#[test]
fn only_a_held_order_in_its_time_can_be_paid() {
    let order = OrderId::new(1);
    let paid = OrderEvent::Paid { order, at: at(1), from: Balance::Prepaid, tickets: vec![] };
    let closed = |reason| OrderEvent::Closed { order, at: at(1), reason };
    let (cancelled, expired) = (CloseReason::Cancelled, CloseReason::Expired);
    let is_paid = Err(OrderError::AlreadyPaid);
    let is_closed = |reason| Err(OrderError::Closed(reason));

    check(&[], EXPIRES_AT - 1, Ok(()), Ok(()));
    // The instant of expiry is too late to pay, and the time to close.
    check(&[], EXPIRES_AT, Err(OrderError::Expired), Ok(()));
    check(&[closed(cancelled)], 2, is_closed(cancelled), is_closed(cancelled));
    check(&[closed(expired)], 2, is_closed(expired), is_closed(expired));
    // Paid and closed come before expired: what happened counts, not what time it is.
    check(&[paid], EXPIRES_AT, is_paid, is_paid);
    check(&[closed(cancelled)], EXPIRES_AT, is_closed(cancelled), is_closed(cancelled));
}

#[test]
fn an_order_adds_up_its_lines_and_takes_its_date_from_the_first() {
    let order = Order::placed(order_placed());
    assert_eq!(order.quantity(), 3);
    assert_eq!(order.date(), Some(ServiceDate::from_days(20_000)));
    let empty = Order { lines: vec![], ..order };
    assert_eq!((empty.quantity(), empty.date()), (0, None));
}
