//! The auditor's notes on what becomes of orders after they were placed: extensions, refunds,
//! redemptions, reversals and notices.

use std::collections::{BTreeMap, BTreeSet};

use piaoku::domain::catalogue::Catalogue;
use piaoku::domain::invariants;
use piaoku::domain::order::{
    CloseReason, Notice, NoticeKind, NoticeOutcome, Order, OrderEvent, OrderState, RedeemError,
    Redemption, RefundError, ReverseError,
};
use piaoku::engine::Rejection;
use piaoku::engine::transaction::{Event, Transaction};
use piaoku::types::{Fen, Lsn, OrderId, RequestKey, UnixMillis};

use crate::auditor::{Findings, broken};
use crate::message::{Call, Reply, Request};

/// What gates were answered about one order: the number of a redemption by who asked, and their
/// number of the request.
type Answered = BTreeMap<(&'static str, RequestKey), u64>;

#[derive(Debug, Default)]
pub struct AfterSale {
    /// Answers given: until when an order keeps its places.
    extended: BTreeMap<OrderId, UnixMillis>,
    /// Answers given: refunds by batch, with their tickets and what went back.
    refunded: BTreeMap<(OrderId, u64), (Vec<u16>, Fen)>,
    refund_requests: BTreeMap<(OrderId, RequestKey), u64>,
    /// Answers given: redemptions and reversals.
    redeemed: BTreeMap<OrderId, Answered>,
    reversed: BTreeMap<OrderId, Answered>,
    /// Numbers of redemptions in the log, with the order of each.
    numbers: BTreeMap<u64, OrderId>,
    /// The last notice each agent was told of an order.
    told: BTreeMap<OrderId, u16>,
    /// How often what happened in the log or was answered that a reply's kind does not show.
    pub edges: Vec<&'static str>,
}

impl AfterSale {
    /// The log is what a crash has left of it.
    pub fn restarted(&mut self, log: &[Transaction]) {
        self.numbers.clear();
        for event in log.iter().flat_map(|record| &record.events) {
            if let Event::Order(OrderEvent::Redeemed { order, redemption, .. }) = event {
                self.numbers.insert(redemption.no, *order);
            }
        }
    }

    /// A record is about to be applied to `order`, if there is one.
    pub fn applied(
        &mut self,
        lsn: Lsn,
        record: &Transaction,
        order: Option<&Order>,
        catalogue: &Catalogue,
    ) -> Findings {
        let mut news = Vec::new();
        let mut queued = Vec::new();
        let mut key = order.and_then(|order| order.request_key.clone());
        let mut agent = order.map(|order| order.agent);
        for event in &record.events {
            let Event::Order(event) = event else { continue };
            match event {
                OrderEvent::Placed(placed) => {
                    key = placed.request_key.clone();
                    agent = Some(placed.agent);
                    news.push((NoticeKind::Booked, 0));
                }
                OrderEvent::Paid { .. } => {
                    if let Some(OrderState::Closed { .. }) = order.map(|order| &order.state) {
                        self.edges.push("retaken");
                    }
                    news.push((NoticeKind::Paid, 0));
                }
                OrderEvent::Refunded { refund, .. } => {
                    let known =
                        |at: u16| order.and_then(|order| order.tickets.get(usize::from(at)));
                    let may_go = |at: u16| known(at).is_some_and(|t| t.used == 0 && !t.refunded);
                    if !refund.tickets.iter().all(|back| may_go(back.ticket)) {
                        let detail = format!("record {lsn} gives back what it may not: {refund:?}");
                        return broken(invariants::USED_ONCE, detail);
                    }
                    if refund.withheld != Fen::ZERO {
                        self.edges.push("rebate withheld");
                    }
                    news.push((NoticeKind::Refunded, refund.batch));
                }
                OrderEvent::Redeemed { order: id, redemption, .. } => {
                    self.redeems(lsn, *id, redemption, order)?;
                    news.push((NoticeKind::Consumed, redemption.no));
                }
                OrderEvent::Reversed { redemption, .. } => {
                    let known = order.and_then(|order| order.redemption(*redemption));
                    if known.is_none_or(|known| known.reversed.is_some()) {
                        let detail = format!("record {lsn} takes {redemption} back: {known:?}");
                        return broken(invariants::USED_ONCE, detail);
                    }
                }
                OrderEvent::Closed { order: id, at, reason } => {
                    let kept = self.extended.get(id);
                    if *reason == CloseReason::Expired && kept.is_some_and(|until| at < until) {
                        let detail = format!("order {id} expired at {at:?}, promised {kept:?}");
                        return broken(invariants::ONE_ORDER_PER_KEY, detail);
                    }
                }
                OrderEvent::NoticeQueued { notice, .. } => queued.push(*notice),
                OrderEvent::NoticeSettled { order: id, no, outcome, .. } => {
                    let told = self.told.get(id).is_some_and(|told| told >= no);
                    if *outcome == NoticeOutcome::Delivered && !told {
                        let detail = format!("notice {no} of order {id} went to nobody");
                        return broken(invariants::ALL_OR_NOTHING, detail);
                    }
                }
                OrderEvent::Extended { .. } => {}
            }
        }
        let wants = key.is_some() && agent.is_some_and(|agent| catalogue.wants_notices(agent));
        if !wants {
            news.clear();
        }
        let before = order.map_or(0, |order| order.notices_queued);
        let right = queued.len() == news.len()
            && queued.iter().zip(before + 1..).all(|(notice, no)| notice.no == no)
            && queued.iter().map(|notice| (notice.kind, notice.about)).eq(news.iter().copied());
        if right {
            return Ok(());
        }
        let detail = format!("record {lsn} should tell {news:?}, tells {queued:?}");
        broken(invariants::ALL_OR_NOTHING, detail)
    }

    /// An agent is about to be told something: one thing after another, none left out.
    pub fn told(&mut self, order: OrderId, notice: Notice) -> Findings {
        let last = self.told.entry(order).or_default();
        if notice.no > *last + 1 {
            let detail = format!("order {order}: {notice:?} follows {last}");
            return broken(invariants::ALL_OR_NOTHING, detail);
        }
        *last = notice.no.max(*last);
        Ok(())
    }

    /// An answer was given; from now on it has to stay true, and be the same again.
    pub fn heard(&mut self, call: &Call, reply: &Reply, order: &Order) -> Findings {
        let id = order.id;
        let same = match (&call.request, reply) {
            (_, Reply::Extended { until, .. }) => {
                let known = self.extended.entry(id).or_insert(*until);
                *known = (*known).max(*until);
                true
            }
            (
                Request::Refund { request, .. },
                Reply::Refunded { batch, tickets, paid_back, .. },
            ) => {
                let what = (tickets.clone(), *paid_back);
                let before = self.refunded.insert((id, *batch), what.clone());
                // A request for tickets that another gave back is answered with that one's refund.
                let own = order.refund(*batch).and_then(|refund| refund.request.clone());
                let own = own.filter(|own| Some(own) == request.as_ref());
                let first = own.map(|key| *self.refund_requests.entry((id, key)).or_insert(*batch));
                before.is_none_or(|before| before == what) && first.is_none_or(|no| no == *batch)
            }
            (Request::Redeem { by, request, .. }, Reply::Redeemed { no, .. }) => {
                let answered = self.redeemed.entry(id).or_default();
                let before = answered.insert((by, request.clone()), *no);
                before.is_none_or(|before| before == *no)
            }
            (Request::Reverse { by, request, .. }, Reply::Reversed { no, .. }) => {
                let answered = self.reversed.entry(id).or_default();
                let before = answered.insert((by, request.clone()), *no);
                before.is_none_or(|before| before == *no)
            }
            _ => false,
        };
        if same {
            return Ok(());
        }
        let detail = format!("{call:?} is answered {reply:?}, and was answered otherwise before");
        broken(invariants::ONE_ORDER_PER_KEY, detail)
    }

    /// Orders about which something was answered.
    pub fn orders(&self) -> BTreeSet<OrderId> {
        let gates = self.redeemed.keys().chain(self.reversed.keys()).copied();
        let refunds = self.refunded.keys().map(|(order, _)| *order);
        self.extended.keys().copied().chain(gates).chain(refunds).collect()
    }

    /// Whether what was answered about `order` is still so.
    pub fn still(&self, order: &Order) -> Findings {
        let id = order.id;
        let mut right = true;
        if let (Some(until), OrderState::Held { expires_at }) =
            (self.extended.get(&id), &order.state)
        {
            right &= expires_at >= until;
        }
        for ((_, batch), (tickets, paid_back)) in self.refunded.range((id, 0)..=(id, u64::MAX)) {
            let refunds = || order.refunds.iter().filter(|refund| refund.batch == *batch);
            let same = refunds().all(|refund| {
                let has = refund.tickets.iter().map(|back| back.ticket);
                has.eq(tickets.iter().copied()) && refund.paid_back() == *paid_back
            });
            right &= refunds().count() == 1 && same;
            let gone = |at: &u16| order.tickets.get(usize::from(*at)).is_some_and(|t| t.refunded);
            right &= tickets.iter().all(gone);
        }
        for ((by, request), no) in self.redeemed.get(&id).into_iter().flatten() {
            let mine = |it: &&Redemption| &*it.by == *by && it.request == *request;
            let mut found = order.redemptions.iter().filter(mine);
            right &= found.next().is_some_and(|it| it.no == *no);
            right &= found.next().is_none();
        }
        for ((by, request), no) in self.reversed.get(&id).into_iter().flatten() {
            let mine = |it: &&Redemption| {
                let reversal = it.reversed.as_ref();
                reversal.is_some_and(|r| &*r.by == *by && r.request == *request)
            };
            let mut found = order.redemptions.iter().filter(mine);
            right &= found.next().is_some_and(|it| it.no == *no);
            right &= found.next().is_none();
        }
        if right {
            return Ok(());
        }
        let detail = format!("what was answered about order {id} is not so any more: {order:?}");
        broken(invariants::ONE_ORDER_PER_KEY, detail)
    }

    /// Whether a refusal fits how the order stands. What was done under a number is never refused to
    /// that number.
    pub fn may_refuse(order: &Order, request: &Request, rejection: &Rejection) -> bool {
        let ticket = |id| order.tickets.iter().find(|ticket| ticket.id == id);
        let allowed = |id| {
            let line = ticket(id).and_then(|t| order.lines.get(usize::from(t.line)));
            line.map_or(0, |line| line.uses)
        };
        match (request, rejection) {
            (Request::Refund { request: Some(request), .. }, _)
                if order.refunds.iter().any(|known| known.request.as_ref() == Some(request)) =>
            {
                false
            }
            (Request::Refund { .. }, Rejection::RefundClosed) => true,
            (Request::Refund { .. }, Rejection::Refund(error)) => match error {
                RefundError::NotPaid => order.tickets.is_empty(),
                RefundError::TicketUsed(id) => ticket(*id).is_some_and(|t| t.used > 0),
                RefundError::UnknownTicket(id) => ticket(*id).is_none(),
                RefundError::NoTickets => false,
            },
            (Request::Redeem { by, request, .. }, Rejection::Redeem(error)) => {
                let known = order.redemption_by(by, request).is_some();
                known == (*error == RedeemError::RequestReused)
                    && match error {
                        RedeemError::Refunded(id) => ticket(*id).is_some_and(|t| t.refunded),
                        RedeemError::UsedUp { ticket: id, left } => {
                            ticket(*id).is_some_and(|t| t.used + left == allowed(*id))
                        }
                        RedeemError::UnknownTicket => {
                            order.tickets.is_empty()
                                || matches!(order.state, OrderState::Held { .. })
                        }
                        _ => true,
                    }
            }
            (Request::Reverse { by, request, .. }, Rejection::Reverse(error)) => {
                let mine = |it: &Redemption| {
                    let reversal = it.reversed.as_ref();
                    reversal.is_some_and(|r| &*r.by == *by && r.request == *request)
                };
                !order.redemptions.iter().any(mine)
                    && match error {
                        ReverseError::AlreadyReversed => {
                            order.redemptions.iter().any(|it| it.reversed.is_some())
                        }
                        ReverseError::UnknownRedemption => true,
                    }
            }
            _ => false,
        }
    }

    /// A redemption has a number of its own, stands under its request alone and takes uses there are.
    fn redeems(
        &mut self,
        lsn: Lsn,
        id: OrderId,
        redemption: &Redemption,
        order: Option<&Order>,
    ) -> Findings {
        let detail = format!("record {lsn}: {redemption:?} of {order:?}");
        if self.numbers.insert(redemption.no, id).is_some() {
            return broken(invariants::CODES_UNIQUE, detail);
        }
        let Some(order) = order else { return broken(invariants::USED_ONCE, detail) };
        if order.redemption_by(&redemption.by, &redemption.request).is_some() {
            return broken(invariants::ONE_ORDER_PER_KEY, detail);
        }
        let left = |used: &piaoku::domain::order::TicketUses| {
            used.uses > 0 && used.uses <= order.uses_left(usize::from(used.ticket))
        };
        if !redemption.uses.iter().all(left) {
            return broken(invariants::USED_ONCE, detail);
        }
        Ok(())
    }
}
