//! The money of a record: what is paid, given back and earned, as postings that sum to zero.

use smallvec::SmallVec;

use crate::domain::account::{AccountKey, Balance, Holder, Posting, PostingKind};
use crate::domain::catalogue::RebateAt;
use crate::domain::order::{Order, OrderEvent, OrderLine, OrderState, Redemption, Refund, Ticket};
use crate::domain::voucher::{Voucher, VoucherEvent};
use crate::engine::Rejection;
use crate::engine::ids::IdSource;
use crate::engine::transaction::{Event, Payment};
use crate::types::{Fen, OrderId, TicketId, UnixMillis};

/// What is paid for.
pub(super) struct Bill<'a> {
    pub(super) order: OrderId,
    /// Who pays.
    pub(super) account: AccountKey,
    pub(super) lines: &'a [OrderLine],
    pub(super) total: Fen,
}

/// Payment: money, rebate, tickets and vouchers.
pub(super) fn pay(
    bill: &Bill<'_>,
    payment: Payment,
    now: UnixMillis,
    ids: &mut dyn IdSource,
) -> Result<Vec<Event>, Rejection> {
    // One ticket is the usual order: its voucher, both accounts, and that it was paid.
    let mut events = Vec::with_capacity(4);
    let mut tickets = Vec::new();
    let mut rebate = Fen::ZERO;
    let from = payment.from;
    for (index, line) in bill.lines.iter().enumerate() {
        // A channel that settles later pays the price agreed with it and earns no rebate.
        let earns = from != Balance::Receivable && line.rebate_at == RebateAt::Payment;
        if earns {
            let earned = line.unit_rebate.checked_mul(line.quantity);
            let sum = earned.and_then(|earned| rebate.checked_add(earned));
            rebate = sum.ok_or(Rejection::TotalOutOfRange)?;
        }
        let rebate_year = (earns && line.unit_rebate != Fen::ZERO).then_some(payment.year);
        for _ in 0..line.quantity.get() {
            let (number, code) = ids.next_code().ok_or(Rejection::CodesExhausted)?;
            let id = TicketId::new(ids.next_number(now));
            let line_index = u16::try_from(index).map_err(|_| Rejection::TotalOutOfRange)?;
            let (used, refunded) = (0, false);
            tickets.push(Ticket { id, line: line_index, code, used, refunded, rebate_year });
            events.push(Event::Voucher(VoucherEvent::Issued(Voucher {
                code,
                number,
                ticket: id,
                order: bill.order,
                product: line.product,
                uses: line.uses,
                valid_from: line.valid_from,
                valid_until: line.valid_until,
            })));
        }
    }
    let account = bill.account;
    let sale = (from, PostingKind::Sale);
    move_money(&mut events, account, sale, bill.total.negated(), Balance::Sales);
    if rebate != Fen::ZERO {
        let credited = (Balance::Rebate { year: payment.year }, PostingKind::Rebate);
        move_money(&mut events, account, credited, rebate, Balance::RebateGranted);
    }
    events.push(Event::Order(OrderEvent::Paid { order: bill.order, at: now, from, tickets }));
    Ok(events)
}

/// Money of a refund: back to where it came from, less the fee and the rebate withheld.
pub(super) fn refund_money(
    events: &mut Vec<Event>,
    order: &Order,
    from: Balance,
    refund: &Refund,
    rebate_year: i16,
) {
    let account = agent_account(order);
    let taken_back = PostingKind::RebateTakenBack;
    move_money(events, account, (from, PostingKind::Refund), refund.amount, Balance::Sales);
    if refund.fee != Fen::ZERO {
        let fee = (from, PostingKind::Fee);
        move_money(events, account, fee, refund.fee.negated(), Balance::Fees);
    }
    if refund.withheld != Fen::ZERO {
        let withheld = (from, taken_back);
        move_money(events, account, withheld, refund.withheld.negated(), Balance::RebateGranted);
    }
    let rest = refund.rebate.checked_sub(refund.withheld).unwrap_or(Fen::ZERO);
    if rest != Fen::ZERO {
        let rebate = (Balance::Rebate { year: rebate_year }, taken_back);
        move_money(events, account, rebate, rest.negated(), Balance::RebateGranted);
    }
}

/// Rebate that tickets earn by being used for the first time.
pub(super) fn earned_by_use(order: &Order, redemption: &Redemption) -> Fen {
    let paid_by_agent = !matches!(order.state, OrderState::Paid { from: Balance::Receivable, .. });
    let first_uses = redemption.uses.iter().filter_map(|used| {
        let ticket = order.tickets.get(usize::from(used.ticket))?;
        let line = order.lines.get(usize::from(ticket.line))?;
        let earns = line.rebate_at == RebateAt::Redemption && ticket.rebate_year.is_none();
        (earns && paid_by_agent).then_some(line.unit_rebate)
    });
    // An order's rebate is bounded when it is admitted, so that the sum cannot wrap.
    first_uses.fold(Fen::ZERO, |sum, rebate| sum.checked_add(rebate).unwrap_or(sum))
}

pub(super) fn agent_account(order: &Order) -> AccountKey {
    AccountKey { supplier: order.supplier, holder: Holder::Agent(order.agent) }
}

/// Moves `amount` into an agent's balance, out of one of the house's.
pub(super) fn move_money(
    events: &mut Vec<Event>,
    account: AccountKey,
    (balance, kind): (Balance, PostingKind),
    amount: Fen,
    against: Balance,
) {
    let house = AccountKey { supplier: account.supplier, holder: Holder::House };
    post(events, account, Posting { balance, kind, amount });
    post(events, house, Posting { balance: against, kind, amount: amount.negated() });
}

/// Adds a posting; one record has at most one event an account.
fn post(events: &mut Vec<Event>, account: AccountKey, posting: Posting) {
    let known = events.iter_mut().find_map(|event| match event {
        Event::Account(key, postings) if *key == account => Some(postings),
        _ => None,
    });
    match known {
        Some(postings) => postings.push(posting),
        None => {
            let postings = SmallVec::from_slice(&[posting]);
            events.push(Event::Account(account, postings));
        }
    }
}
