//! How everything outside the actor system reaches it: cheap to clone, usable from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use actix::Addr;
use actix::prelude::SendError;
use hashbrown::HashMap;
use tokio::sync::{Mutex, oneshot};

use crate::actors::EngineError;
use crate::actors::callback::Hub;
use crate::actors::catalogue::CatalogueSlot;
use crate::actors::cold::ColdStore;
use crate::actors::gate::{Gate, InFlight};
use crate::actors::order::{
    Asker, CatalogueChanged, Command, OrderActor, Reply, Submit, WhoseTicket,
};
use crate::actors::record::{Origin, Record, Routes};
use crate::actors::recovery::{catalogue_batch, lane_of, new_supplier_batch};
use crate::actors::request_keys::{Entered, Found, KeyClaim, KeyFingerprint, RequestKeys};
use crate::actors::voucher::{Find, VoucherActor};
use crate::clock::SharedClock;
use crate::domain::account::Balance;
use crate::domain::catalogue::{CallbackSettings, Catalogue, CatalogueCommand, CatalogueError};
use crate::domain::order::{
    NoticeKind, NoticeOutcome, Order, Redemption, Refund, RefundDecision, RefundSelection,
    ReverseDecision, ReverseSelection, UseSelection,
};
use crate::domain::voucher::Voucher;
use crate::engine::Rejection;
use crate::engine::admission::Admitted;
use crate::engine::checkout::NewOrder;
use crate::engine::ids::supplier_of;
use crate::engine::operator::{Operator, StockCommand};
use crate::engine::transaction::{Payment, Transaction};
use crate::journal::{JournalHandle, JournalStats};
use crate::types::{
    AgentNo, Lsn, OrderId, PartitionNo, RequestKey, Sealed, SupplierNo, TicketId, UnixMillis,
    VoucherCode,
};
use crate::vault::CodeMint;

/// Whether the engine takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineStatus {
    /// It does.
    Ready,
    /// It is stopping.
    Stopping,
    /// Its journal has failed: a restart reads the disk again.
    JournalFailed,
    /// Its snapshots were found damaged: a restart rebuilds them from the journal.
    SnapshotsDamaged,
}

/// What is to become of an order.
#[derive(Clone, Copy, Debug)]
pub enum OrderCommand {
    /// Pay it.
    Pay(Payment),
    /// Give it up while it is unpaid.
    Cancel,
    /// Only look.
    Query,
    /// Keep its places until then while it is unpaid. Time is only ever added.
    Extend {
        /// When its places go back unless it is paid before.
        until: UnixMillis,
    },
}

/// Tickets to be given back.
#[derive(Clone, Debug)]
pub struct RefundRequest {
    /// The order.
    pub order: OrderId,
    /// Which tickets.
    pub tickets: RefundSelection,
    /// The caller's own number of the refund, if it has one: repeating it gives the first refund again.
    pub request: Option<RequestKey>,
}

/// A refund that was made, now or before.
#[derive(Clone, Debug)]
pub struct Refunded {
    /// The order.
    pub order: Arc<Order>,
    /// The refund.
    pub refund: Refund,
    /// Whether it was made before, and this is the first answer again.
    pub repeated: bool,
}

/// Tickets to be used.
#[derive(Clone, Debug)]
pub struct RedeemRequest {
    /// Who asks: `top/` and an application's key, or `gate/` and a gate's name.
    pub by: Box<str>,
    /// The caller's own number of the request: repeating it gives the first answer again.
    pub request: RequestKey,
    /// The order.
    pub order: OrderId,
    /// Which of its tickets.
    pub uses: UseSelection,
}

/// A use to be taken back.
#[derive(Clone, Debug)]
pub struct ReverseRequest {
    /// Who asks, as in [`RedeemRequest::by`].
    pub by: Box<str>,
    /// The caller's own number of the request: repeating it gives the first answer again.
    pub request: RequestKey,
    /// The order.
    pub order: OrderId,
    /// Which redemption.
    pub redemption: ReverseSelection,
}

/// A redemption that was made or taken back, now or before.
#[derive(Clone, Debug)]
pub struct Redeemed {
    /// The order.
    pub order: Arc<Order>,
    /// The redemption.
    pub redemption: Redemption,
    /// Whether it was done before, and this is the first answer again.
    pub repeated: bool,
}

/// Whose orders a command may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Those of this agent; any other is unknown.
    Agent(AgentNo),
    /// Everybody's: for operators.
    Anyone,
}

/// A request to order, as the wire side hands it over.
#[derive(Debug)]
pub struct OrderRequest {
    /// Who orders.
    pub agent: AgentNo,
    /// The caller's own number. Without one a repeat is another order.
    pub key: Option<RequestKey>,
    /// What the catalogue says of it. A known key answers even when this is a refusal: only the key
    /// is compared, never the content.
    pub admitted: Result<Admitted, Rejection>,
    /// Everything personal.
    pub private: Sealed,
    /// How to pay, or `None` to leave it unpaid. For an admitted order the year is the venue's.
    pub pay_from: Option<PayFrom>,
}

/// Which balance pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayFrom {
    /// Rebate of the current calendar year.
    Rebate,
    /// Prepaid deposit.
    Prepaid,
    /// Settled later.
    OnAccount,
}

/// A voucher and the order it belongs to, whether it can be used or not.
#[derive(Clone, Debug)]
pub struct FoundVoucher {
    /// The order as it stands.
    pub order: Arc<Order>,
    /// The voucher as it was issued.
    pub voucher: Voucher,
}

impl FoundVoucher {
    /// Index of the voucher's ticket in the order.
    #[must_use]
    pub fn ticket(&self) -> Option<usize> {
        self.order.tickets.iter().position(|ticket| ticket.id == self.voucher.ticket)
    }

    /// Index of its line in the order.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.order.tickets.get(self.ticket()?).map(|ticket| usize::from(ticket.line))
    }

    /// Whether it can be used at `now` or later.
    #[must_use]
    pub fn is_usable(&self, now: UnixMillis) -> bool {
        self.ticket().is_some_and(|at| self.order.is_usable(at, now))
    }

    /// Indices of the tickets of the same product in the order that can be used at `now` or later, as in
    /// the order.
    #[must_use]
    pub fn usable_tickets(&self, now: UnixMillis) -> Vec<usize> {
        let product = |at: usize| {
            let line = self.order.tickets.get(at).map(|ticket| usize::from(ticket.line));
            line.and_then(|line| self.order.lines.get(line)).map(|line| line.product)
        };
        let same = |at: &usize| product(*at) == Some(self.voucher.product);
        let tickets = 0..self.order.tickets.len();
        tickets.filter(same).filter(|at| self.order.is_usable(*at, now)).collect()
    }
}

/// Handle to a running engine.
#[derive(Clone)]
pub struct EngineHandle(
    pub(super) Arc<Inner>,
    /// Whom every record names that is made through this handle.
    Option<Arc<Operator>>,
);

pub(super) struct Inner {
    pub(super) clock: SharedClock,
    pub(super) catalogue: CatalogueSlot,
    pub(super) routes: Routes,
    /// Voucher actors by lane of codes, with the last number used in each.
    pub(super) lanes: arc_swap::ArcSwap<HashMap<u16, Lane>>,
    pub(super) request_keys: RequestKeys,
    pub(super) gate: Gate,
    pub(super) journal: JournalHandle<Record>,
    pub(super) cold: ColdStore,
    pub(super) mint: Arc<CodeMint>,
    pub(super) status: AtomicU8,
    /// What the snapshots were given of the catalogue. Its lock serialises changes: each is decided on
    /// what the last one made, and given to the snapshots before the next.
    pub(super) catalogue_saved: Mutex<CatalogueSaved>,
    /// Where notices are delivered from.
    pub(super) callbacks: Hub,
    /// Starts the actors of a supplier that the catalogue has gained.
    pub(super) start_supplier: Box<dyn Fn(SupplierNo) + Send + Sync>,
}

/// The catalogue that the snapshots were given last, and up to which record it is the present one.
#[derive(Default)]
pub(super) struct CatalogueSaved {
    catalogue: Option<Arc<Catalogue>>,
    up_to: Lsn,
}

/// One lane of voucher codes.
#[derive(Clone)]
pub(super) struct Lane {
    pub(super) last_code: Arc<AtomicU64>,
    pub(super) vouchers: Vec<Addr<VoucherActor>>,
}

/// Counted as the partner of whatever no agent asks for: previews, gates, operators.
pub(super) const HOUSE: AgentNo = AgentNo::new(u32::MAX);

impl Owner {
    /// Whose requests in flight it counts among.
    const fn counted_as(self) -> AgentNo {
        match self {
            Self::Agent(agent) => agent,
            Self::Anyone => HOUSE,
        }
    }
}

impl From<Owner> for Asker {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Agent(agent) => Self::Agent(agent),
            Owner::Anyone => Self::House,
        }
    }
}

pub(super) const STATUS_READY: u8 = 1;
pub(super) const STATUS_STOPPING: u8 = 2;

/// Why the catalogue was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueChangeError {
    /// A command makes no sense.
    #[error(transparent)]
    Refused(#[from] CatalogueError),
    /// The engine does not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl EngineHandle {
    pub(super) const fn new(inner: Arc<Inner>) -> Self {
        Self(inner, None)
    }

    /// A handle whose records name an operator and the operator's reason: whatever is changed through
    /// it, stock, orders, money or the catalogue, the journal says for whom and why.
    #[must_use]
    pub fn acting(&self, operator: Operator) -> Self {
        Self(Arc::clone(&self.0), Some(Arc::new(operator)))
    }

    /// The catalogue as it is now.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.0.catalogue.load()
    }

    /// The engine's clock.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.0.clock.now()
    }

    /// Whether requests are taken.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        if self.0.journal.stopped().is_some() {
            return EngineStatus::JournalFailed;
        }
        if self.0.cold.is_damaged() {
            return EngineStatus::SnapshotsDamaged;
        }
        match self.0.status.load(Ordering::Acquire) {
            STATUS_READY => EngineStatus::Ready,
            _ => EngineStatus::Stopping,
        }
    }

    /// What the journal has done, for metrics.
    #[must_use]
    pub fn journal_stats(&self) -> &JournalStats {
        self.0.journal.stats()
    }

    /// Requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.0.gate.in_flight()
    }

    /// Whether an admitted order would be granted at this moment. Nothing is held.
    ///
    /// # Errors
    /// The [`Rejection`] that ordering would meet, or why there is no answer.
    pub async fn verify(&self, admitted: Admitted) -> Result<(), EngineError> {
        let in_flight = self.enter(admitted.agent)?;
        let (agent, supplier) = (admitted.agent, admitted.supplier_no());
        let year = payment(PayFrom::Rebate, &admitted).year;
        let command = Command::Verify { admitted: Box::new(admitted), year };
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
    pub async fn order(&self, request: OrderRequest) -> Result<Arc<Order>, EngineError> {
        let OrderRequest { agent, key, admitted, private, pay_from } = request;
        let now = self.now();
        let supplier = admitted.as_ref().ok().map(Admitted::supplier_no);
        let Some(key) = key else {
            let admitted = admitted?;
            let supplier = admitted.supplier_no();
            let command = new_order(admitted, None, private, pay_from);
            let in_flight = self.enter(agent)?;
            return self.order_reply(supplier, command, Asker::Agent(agent), None, in_flight).await;
        };
        let fingerprint = KeyFingerprint::new(agent, &key);
        loop {
            let in_flight = self.enter(agent)?;
            let (route, claim, command) = match self.0.request_keys.enter(fingerprint, supplier) {
                Entered::Order(order) => {
                    let route = supplier_of(order.get());
                    let payment = pay_from.map(|from| self.payment_at(from, route, now));
                    (route, None, Command::Resume { order, payment })
                }
                Entered::Unknown => {
                    return Err(admitted.err().map_or(EngineError::OutcomeUnknown, Into::into));
                }
                Entered::Supplier(route, claim) => {
                    let command = match &admitted {
                        Ok(admitted) if route == admitted.supplier_no() => new_order(
                            admitted.clone(),
                            Some(key.clone()),
                            private.clone(),
                            pay_from,
                        ),
                        _ => Command::Await,
                    };
                    (route, Some(claim), command)
                }
            };
            match self.submit(route, command, Asker::Agent(agent), claim, in_flight).await? {
                Reply::Order(order) | Reply::Unchanged(order) => return Ok(order),
                // What was under way with the key has come to nothing: now it is this one's turn.
                Reply::NotHere | Reply::Done => match &admitted {
                    Err(rejection) => return Err(rejection.clone().into()),
                    Ok(_) => continue,
                },
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

    /// Changes the catalogue, all commands or none. A change that has begun goes on when the caller
    /// goes away.
    ///
    /// # Errors
    /// [`CatalogueChangeError`].
    pub async fn change_catalogue(
        &self,
        commands: Vec<CatalogueCommand>,
    ) -> Result<(), CatalogueChangeError> {
        self.check_status()?;
        let this = self.clone();
        // A task of its own: were it dropped halfway, the next change would be decided on a catalogue
        // without this one, and nobody would hear of it.
        let change = tokio::spawn(async move { this.carry_out(commands).await });
        change.await.unwrap_or_else(|_| Err(EngineError::OutcomeUnknown.into()))
    }

    /// Sets where an agent is called back, or with `None` that it is not. What is so already costs no
    /// record.
    ///
    /// # Errors
    /// [`CatalogueChangeError`].
    pub async fn set_callback(
        &self,
        agent: AgentNo,
        callback: Option<CallbackSettings>,
    ) -> Result<(), CatalogueChangeError> {
        let in_flight = self.enter(agent)?;
        let catalogue = self.catalogue();
        let known = catalogue.agent(agent).ok_or(EngineError::Unavailable)?;
        if known.callback == callback {
            return Ok(());
        }
        let command = CatalogueCommand::SetCallback { agent: known.id.to_string(), callback };
        let this = self.clone();
        // Its room is taken until the change has ended, also when the caller goes away.
        let change = tokio::spawn(async move {
            let _in_flight = in_flight;
            this.change_catalogue(vec![command]).await
        });
        change.await.unwrap_or_else(|_| Err(EngineError::OutcomeUnknown.into()))
    }

    async fn carry_out(&self, commands: Vec<CatalogueCommand>) -> Result<(), CatalogueChangeError> {
        let mut saved = self.0.catalogue_saved.lock().await;
        let mut catalogue = Catalogue::clone(&self.catalogue());
        let mut events = Vec::with_capacity(commands.len());
        for command in commands {
            let event = catalogue.decide(command)?;
            catalogue.apply(&event);
            events.push(event);
        }
        let permit = self.0.journal.permit().map_err(|_| EngineError::Unavailable)?;
        let (sender, receiver) = oneshot::channel();
        let transaction = Transaction::catalogue(self.now(), events).done_for(self.1.as_deref());
        let origin = Origin::Catalogue(sender);
        permit.append(PartitionNo::default(), Record { transaction, origin });
        let lsn = receiver
            .await
            .map_err(|_| EngineError::OutcomeUnknown)?
            .map_err(|_| EngineError::Rejected(Rejection::TooLarge))?;
        // The journal thread has swapped the catalogue in; what depends on it follows.
        let changed = self.catalogue();
        for supplier in changed.suppliers() {
            if self.route(supplier.no).is_err() {
                // Before the catalogue that names it: without a position of its own it would have a
                // start read the journal from its very beginning.
                let _ = self.0.cold.snapshots().submit(new_supplier_batch(supplier.no, lsn));
            }
            (self.0.start_supplier)(supplier.no);
        }
        for orders in self.0.routes.load().values() {
            orders.do_send(CatalogueChanged);
        }
        self.give_to_snapshots(&mut saved, changed, lsn);
        Ok(())
    }

    /// Lets the snapshots know up to where the catalogue has not changed, so that a start need not look
    /// for changes before that. Never waits: a change under way saves it itself.
    pub(super) fn save_catalogue(&self) {
        let Ok(mut saved) = self.0.catalogue_saved.try_lock() else { return };
        // In this order: the catalogue has every change up to what was delivered before it is read.
        let delivered = self.0.journal.stats().delivered_lsn.load(Ordering::Acquire);
        let catalogue = self.catalogue();
        self.give_to_snapshots(&mut saved, catalogue, Lsn::new(delivered));
    }

    fn give_to_snapshots(&self, saved: &mut CatalogueSaved, present: Arc<Catalogue>, up_to: Lsn) {
        let known = saved.catalogue.as_ref().is_some_and(|saved| Arc::ptr_eq(saved, &present));
        if known && up_to <= saved.up_to {
            return;
        }
        let batch = catalogue_batch((!known).then_some(&*present), up_to);
        match self.0.cold.snapshots().submit(batch) {
            Ok(()) => *saved = CatalogueSaved { catalogue: Some(present), up_to },
            // A start reads the change from the journal, unless a later attempt succeeds.
            Err(refused) => tracing::warn!(why = %refused.why, "the catalogue was not saved"),
        }
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

    pub(super) async fn submit(
        &self,
        supplier: SupplierNo,
        command: Command,
        asker: Asker,
        claim: Option<KeyClaim>,
        in_flight: InFlight,
    ) -> Result<Reply, EngineError> {
        let (reply, receiver) = oneshot::channel();
        let orders = match self.route(supplier) {
            Ok(orders) => orders,
            // A number that carries no supplier of ours is no order of ours.
            Err(_) => return Err(Rejection::UnknownOrder.into()),
        };
        let operator = self.1.clone();
        let submit = Submit { command, asker, operator, claim, _in_flight: in_flight, reply };
        orders.try_send(submit).map_err(|error| not_sent(&error))?;
        receiver.await.map_err(|_| EngineError::OutcomeUnknown)?
    }

    pub(super) fn route(&self, supplier: SupplierNo) -> Result<Addr<OrderActor>, EngineError> {
        self.0.routes.load().get(&supplier).cloned().ok_or(EngineError::Unavailable)
    }

    pub(super) fn enter(&self, agent: AgentNo) -> Result<InFlight, EngineError> {
        self.check_status()?;
        self.0.gate.enter(agent).ok_or(EngineError::Overloaded)
    }

    fn check_status(&self) -> Result<(), EngineError> {
        match self.status() {
            EngineStatus::Ready => Ok(()),
            _ => Err(EngineError::Unavailable),
        }
    }
}

/// Lanes by number: which voucher actors may know a code.
pub(super) fn lane_entry(supplier: SupplierNo) -> u16 {
    lane_of(supplier).get()
}

fn new_order(
    admitted: Admitted,
    request_key: Option<RequestKey>,
    private: Sealed,
    pay_from: Option<PayFrom>,
) -> Command {
    let payment = pay_from.map(|from| payment(from, &admitted));
    let order = Box::new(NewOrder { admitted, request_key, private });
    match payment {
        Some(payment) => Command::Sell { order, payment },
        None => Command::Place { order },
    }
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

pub(super) fn not_sent<T>(error: &SendError<T>) -> EngineError {
    match error {
        SendError::Full(_) => EngineError::Overloaded,
        SendError::Closed(_) => EngineError::Unavailable,
    }
}
