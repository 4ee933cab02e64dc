//! Orders, their tickets and the stock behind them: each call becomes a command to the supplier's order
//! actor.

use std::sync::Arc;

use crate::actors::EngineError;
use crate::actors::gate::InFlight;
use crate::actors::handle::{
    EngineHandle, FoundVoucher, HOUSE, OrderCommand, OrderRequest, Owner, PayFrom, RedeemRequest,
    Redeemed, RefundRequest, Refunded, ReverseRequest, Seal, not_sent,
};
use crate::actors::order::{Asker, Command, Reply, WhoseTicket};
use crate::actors::request_keys::{Entered, Found, KeyClaim, KeyFingerprint};
use crate::actors::voucher::Find;
use crate::domain::account::Balance;
use crate::domain::order::{NoticeKind, NoticeOutcome, Order, RefundDecision, ReverseDecision};
use crate::engine::Rejection;
use crate::engine::admission::Admitted;
use crate::engine::checkout::NewOrder;
use crate::engine::ids::supplier_of;
use crate::engine::operator::StockCommand;
use crate::engine::transaction::Payment;
use crate::types::{AgentNo, OrderId, RequestKey, SupplierNo, TicketId, UnixMillis, VoucherCode};
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

impl EngineHandle {
    /// Whether an admitted order would be granted at this moment. Nothing is held.
    ///
    /// # Errors
    /// The [`Rejection`] that ordering would meet, or why there is no answer.
    pub async fn verify(&self, admitted: Admitted) -> Result<(), EngineError> {
        let in_flight = self.enter(admitted.agent)?;
        let (agent, supplier) = (admitted.agent, admitted.supplier_no());
        let command = look(admitted);
        match self.submit(supplier, command, Asker::Agent(agent), None, in_flight).await? {
            Reply::Done | Reply::Order(_) | Reply::Unchanged(_) => Ok(()),
            Reply::NotHere => Err(EngineError::OutcomeUnknown),
        }
    }

    /// Orders, or says what the request's key has come to.
    ///
    /// A key that was never seen orders; one whose order is unpaid pays it; one whose order is paid
    /// gives it again; one whose order is closed is refused. Requests with one key at once have one
    /// outcome. Source: docs/protocols/ota.md, "Idempotency".
    ///
    /// # Errors
    /// The [`Rejection`], or why there is no answer.
    pub async fn order(&self, request: OrderRequest<impl Seal>) -> Result<Arc<Order>, EngineError> {
        let OrderRequest { agent, key, admitted, private, pay_from } = request;
        let now = self.now();
        let supplier = admitted.as_ref().ok().map(Admitted::supplier_no);
        let Some(key) = key else {
            let admitted = admitted?;
            let supplier = admitted.supplier_no();
            let in_flight = self.enter(agent)?;
            let command = new_order(admitted, None, private, pay_from)?;
            return self.order_reply(supplier, command, Asker::Agent(agent), None, in_flight).await;
        };
        let fingerprint = KeyFingerprint::new(agent, &key);
        let sold_out = &self.0.sold_out;
        let wish = admitted.as_ref().ok().map(|admitted| sold_out.wish(admitted));
        let mut looks_first = wish.is_some_and(|wish| sold_out.is_likely(wish));
        let note =
            |nothing_left| wish.into_iter().for_each(|wish| sold_out.note(wish, nothing_left));
        // Whatever sends it to order keeps it: nobody else could turn it down for another to try.
        let mut offer = admitted.map(|admitted| Some((admitted, key, private)));
        loop {
            let in_flight = self.enter(agent)?;
            let (route, claim, command) = match self.0.request_keys.enter(fingerprint, supplier) {
                Entered::Order(order) => {
                    let route = supplier_of(order.get());
                    let payment = pay_from.map(|from| self.payment_at(from, route, now));
                    (route, None, Command::Resume { order, payment })
                }
                Entered::Unknown => {
                    return Err(offer.err().map_or(EngineError::OutcomeUnknown, Into::into));
                }
                Entered::Supplier(route, claim) => {
                    let own = offer.as_mut().ok().filter(|_| supplier == Some(route));
                    let command = match own {
                        Some(Some((admitted, ..))) if looks_first => look(admitted.clone()),
                        Some(own) => match own.take() {
                            Some((admitted, key, private)) => {
                                new_order(admitted, Some(key), private, pay_from)?
                            }
                            None => Command::Await,
                        },
                        None => Command::Await,
                    };
                    (route, Some(claim), command)
                }
            };
            let only_looks = matches!(command, Command::Verify { .. });
            // What is said of an order that there is already is nothing about this wish.
            let is_wished =
                only_looks || matches!(command, Command::Sell { .. } | Command::Place { .. });
            match self.submit(route, command, Asker::Agent(agent), claim, in_flight).await {
                Err(error) if error.is_sold_out() => {
                    if is_wished {
                        note(true);
                    }
                    return Err(error);
                }
                // Something is left, or another reason to refuse may come first, or the key has an order
                // by now: it takes the usual way.
                Ok(_) | Err(EngineError::Rejected(_)) if only_looks => {
                    looks_first = false;
                    note(false);
                }
                Ok(Reply::Order(order)) if is_wished => {
                    note(false);
                    return Ok(order);
                }
                Ok(Reply::Order(order) | Reply::Unchanged(order)) => return Ok(order),
                // What was under way with the key has come to nothing: now it is this one's turn.
                Ok(Reply::NotHere | Reply::Done) => match &offer {
                    Err(rejection) => return Err(rejection.clone().into()),
                    Ok(Some(_)) => continue,
                    Ok(None) => return Err(EngineError::OutcomeUnknown),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Does something with an order of `agent`.
    ///
    /// # Errors
    /// The [`Rejection`], [`Rejection::UnknownOrder`] for another agent's, or why there is no answer.
    pub async fn with_order(
        &self,
        agent: AgentNo,
        order: OrderId,
        command: OrderCommand,
    ) -> Result<Arc<Order>, EngineError> {
        self.with_order_of(Owner::Agent(agent), order, command).await
    }

    /// Does something with an order of whoever `owner` allows.
    ///
    /// # Errors
    /// The [`Rejection`], [`Rejection::UnknownOrder`] for an order `owner` does not cover, or why there
    /// is no answer.
    pub async fn with_order_of(
        &self,
        owner: Owner,
        order: OrderId,
        command: OrderCommand,
    ) -> Result<Arc<Order>, EngineError> {
        let in_flight = self.enter(owner.counted_as())?;
        let command = match command {
            OrderCommand::Pay(payment) => Command::Pay { order, payment },
            OrderCommand::Cancel => Command::Cancel { order },
            OrderCommand::Query => Command::Query { order },
            OrderCommand::Extend { until } => Command::Extend { order, until },
        };
        let supplier = supplier_of(order.get());
        self.order_reply(supplier, command, owner.into(), None, in_flight).await
    }

    /// Gives tickets back. The same request again, or one for tickets that are all given back already,
    /// gets the refund that did it. Source: docs/protocols/ota.md, "Refund".
    ///
    /// # Errors
    /// The [`Rejection`], or why there is no answer.
    pub async fn refund(
        &self,
        owner: Owner,
        request: RefundRequest,
    ) -> Result<Refunded, EngineError> {
        let RefundRequest { order, tickets, request } = request;
        let (named, key) = (tickets.clone(), request.clone());
        let command = Command::Refund { order, selection: tickets, request };
        let (order, repeated) = self.on_order(owner, order, command).await?;
        match order.decide_refund(&named, key.as_ref()) {
            Ok(RefundDecision::Done(batch)) => {
                let refund = order.refund(batch).cloned();
                let refund = refund.ok_or(EngineError::OutcomeUnknown)?;
                Ok(Refunded { order, refund, repeated })
            }
            _ => Err(EngineError::OutcomeUnknown),
        }
    }

    /// Uses tickets. Two callers that ask for one use at once: one gets it. The same request again gets
    /// the first answer.
    ///
    /// # Errors
    /// The [`Rejection`], or why there is no answer.
    pub async fn redeem(&self, request: RedeemRequest) -> Result<Redeemed, EngineError> {
        let RedeemRequest { by, request, order, uses } = request;
        let command =
            Command::Redeem { order, by: by.clone(), request: request.clone(), selection: uses };
        let (order, repeated) = self.on_order(Owner::Anyone, order, command).await?;
        let redemption = order.redemption_by(&by, &request).cloned();
        let redemption = redemption.ok_or(EngineError::OutcomeUnknown)?;
        Ok(Redeemed { order, redemption, repeated })
    }

    /// Takes a use back, once. The same request again gets the first answer.
    ///
    /// # Errors
    /// The [`Rejection`], or why there is no answer.
    pub async fn reverse(&self, request: ReverseRequest) -> Result<Redeemed, EngineError> {
        let ReverseRequest { by, request, order, redemption: selection } = request;
        let command =
            Command::Reverse { order, by: by.clone(), request: request.clone(), selection };
        let (order, repeated) = self.on_order(Owner::Anyone, order, command).await?;
        match order.decide_reverse(&by, &request, selection) {
            Ok(ReverseDecision::Done(no)) => {
                let redemption = order.redemption(no).cloned();
                let redemption = redemption.ok_or(EngineError::OutcomeUnknown)?;
                Ok(Redeemed { order, redemption, repeated })
            }
            _ => Err(EngineError::OutcomeUnknown),
        }
    }

    /// The order with a ticket that has been used, by the ticket's number. Tickets that never were are
    /// not found: only a use can be taken back by it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn order_of_used_ticket(
        &self,
        ticket: TicketId,
    ) -> Result<Option<OrderId>, EngineError> {
        let _in_flight = self.enter(HOUSE)?;
        let Ok(orders) = self.route(supplier_of(ticket.get())) else { return Ok(None) };
        let (reply, receiver) = oneshot::channel();
        orders.try_send(WhoseTicket { ticket, reply }).map_err(|error| not_sent(&error))?;
        receiver.await.map_err(|_| EngineError::Unavailable)?
    }

    /// Says how a notice to an agent ended.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn settle_notice(
        &self,
        order: OrderId,
        no: u16,
        outcome: NoticeOutcome,
    ) -> Result<Arc<Order>, EngineError> {
        let command = Command::Settle { order, no, outcome };
        Ok(self.on_order(Owner::Anyone, order, command).await?.0)
    }

    /// Has the agent told again what it was told before.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn tell_again(
        &self,
        order: OrderId,
        kind: NoticeKind,
        about: u64,
    ) -> Result<Arc<Order>, EngineError> {
        let command = Command::TellAgain { order, kind, about };
        Ok(self.on_order(Owner::Anyone, order, command).await?.0)
    }

    /// The order after a command about it, and whether the command found it done already.
    async fn on_order(
        &self,
        owner: Owner,
        order: OrderId,
        command: Command,
    ) -> Result<(Arc<Order>, bool), EngineError> {
        let in_flight = self.enter(owner.counted_as())?;
        let supplier = supplier_of(order.get());
        match self.submit(supplier, command, owner.into(), None, in_flight).await? {
            Reply::Order(order) => Ok((order, false)),
            Reply::Unchanged(order) => Ok((order, true)),
            Reply::Done | Reply::NotHere => Err(EngineError::OutcomeUnknown),
        }
    }

    /// How the order stands that `agent` made under a number of its own.
    ///
    /// # Errors
    /// [`Rejection::UnknownOrder`] when it made none, [`EngineError::Overloaded`] while one is on its
    /// way, or why there is no answer.
    pub async fn order_by_key(
        &self,
        agent: AgentNo,
        key: &RequestKey,
    ) -> Result<Arc<Order>, EngineError> {
        match self.0.request_keys.find(KeyFingerprint::new(agent, key)) {
            Found::Order(order) => self.with_order(agent, order, OrderCommand::Query).await,
            Found::Busy => Err(EngineError::Overloaded),
            Found::Nothing => {
                // Whoever stops or has failed knows nothing for certain.
                self.check_status()?;
                Err(Rejection::UnknownOrder.into())
            }
        }
    }

    /// Changes stock while it sells. The slot or pool itself decides, between two sales.
    ///
    /// # Errors
    /// [`Rejection::NotAdjusted`], [`Rejection::UnknownProduct`] for a product or pool that does not
    /// exist, or why there is no answer.
    pub async fn adjust(&self, command: StockCommand) -> Result<(), EngineError> {
        let in_flight = self.enter(HOUSE)?;
        let catalogue = self.catalogue();
        let supplier = match command {
            StockCommand::Slot { slot, .. } | StockCommand::SetOpen { slot, .. } => {
                catalogue.product(slot.product).map(|product| product.supplier)
            }
            StockCommand::Pool { pool, .. } => catalogue.pool(pool.pool).map(|it| it.supplier),
        };
        let unknown = || Rejection::UnknownProduct { id: String::new() };
        let supplier = supplier.ok_or_else(unknown)?;
        let command = Command::Adjust(command);
        match self.submit(supplier, command, Asker::House, None, in_flight).await? {
            Reply::Done => Ok(()),
            Reply::Order(_) | Reply::Unchanged(_) | Reply::NotHere => {
                Err(EngineError::OutcomeUnknown)
            }
        }
    }

    /// How a payment of an order of `supplier` is made at `now`.
    #[must_use]
    pub fn payment_at(&self, from: PayFrom, supplier: SupplierNo, now: UnixMillis) -> Payment {
        let catalogue = self.catalogue();
        let offset = catalogue.supplier(supplier).map_or(0, |s| s.utc_offset_seconds);
        payment_in(from, crate::engine::transaction::calendar_year(now, offset))
    }

    /// What a code is worth; `None` when it cannot be used.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn preview(&self, code: VoucherCode) -> Result<Option<FoundVoucher>, EngineError> {
        let found = self.find_voucher(code).await?;
        let now = self.now();
        Ok(found.filter(|found| found.is_usable(now)))
    }

    /// What a code stands for, whether it can be used or not; `None` when it was never given out.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn find_voucher(
        &self,
        code: VoucherCode,
    ) -> Result<Option<FoundVoucher>, EngineError> {
        let _in_flight = self.enter(HOUSE)?;
        let Some((lane, n)) = self.0.mint.locate(code) else { return Ok(None) };
        let lanes = self.0.lanes.load_full();
        let Some(lane) = lanes.get(&lane.get()) else { return Ok(None) };
        // A code that was never given out needs no look-up.
        if n > lane.last_code.load(Ordering::Acquire) {
            return Ok(None);
        }
        for vouchers in &lane.vouchers {
            let (reply, receiver) = oneshot::channel();
            vouchers.try_send(Find { code, reply }).map_err(|e| not_sent(&e))?;
            if let Some(found) = receiver.await.map_err(|_| EngineError::Unavailable)?? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn order_reply(
        &self,
        supplier: SupplierNo,
        command: Command,
        asker: Asker,
        claim: Option<KeyClaim>,
        in_flight: InFlight,
    ) -> Result<Arc<Order>, EngineError> {
        match self.submit(supplier, command, asker, claim, in_flight).await? {
            Reply::Order(order) | Reply::Unchanged(order) => Ok(order),
            Reply::Done | Reply::NotHere => Err(EngineError::OutcomeUnknown),
        }
    }
}

/// Asks whether an order would be granted.
fn look(admitted: Admitted) -> Command {
    let year = payment(PayFrom::Rebate, &admitted).year;
    Command::Verify { admitted: Box::new(admitted), year }
}

fn new_order(
    admitted: Admitted,
    request_key: Option<RequestKey>,
    private: impl Seal,
    pay_from: Option<PayFrom>,
) -> Result<Command, EngineError> {
    let private = private.seal().ok_or(EngineError::Unavailable)?;
    let payment = pay_from.map(|from| payment(from, &admitted));
    let order = Box::new(NewOrder { admitted, request_key, private });
    Ok(match payment {
        Some(payment) => Command::Sell { order, payment },
        None => Command::Place { order },
    })
}

fn payment(from: PayFrom, admitted: &Admitted) -> Payment {
    payment_in(from, admitted.today.to_civil().map_or(0, jiff::civil::Date::year))
}

fn payment_in(from: PayFrom, year: i16) -> Payment {
    let from = match from {
        PayFrom::Rebate => Balance::Rebate { year },
        PayFrom::Prepaid => Balance::Prepaid,
        PayFrom::OnAccount => Balance::Receivable,
    };
    Payment { from, year }
}
