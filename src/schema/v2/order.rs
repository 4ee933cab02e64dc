//! Orders.

use serde::{Deserialize, Serialize};

use super::account::BalanceV2;
use super::after_sale::{NoticeOutcomeV2, NoticeV2, request_key};
use super::inventory::SlotKeyV2;
use super::limits::{CountV2, LimitKeyV2};
use super::product::RebateAtV2;
use super::{Bytes, Invalid, List, Mirrored, Whole};
use crate::domain::account::Balance;
use crate::domain::order::{
    CloseReason, CounterHome, Notice, NoticeOutcome, Order, OrderEvent, OrderLine, OrderPlaced,
    OrderState, Redemption, Refund, Reversal, TakenCount, Ticket,
};
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, LineId, OrderId, PoolNo, ProductNo, Quantity, RequestKey,
    Sealed, SeatNo, SupplierNo, TicketId, UnixMillis, VoucherCode,
};

/// Twin of [`Channel`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum ChannelV2 {
    /// 0
    Ota,
    /// 1
    Douyin,
    /// 2
    LocalLife,
    /// 3
    Console,
}

impl Mirrored for Channel {
    type Mirror<'a> = ChannelV2;

    fn mirror(&self) -> ChannelV2 {
        match self {
            Self::Ota => ChannelV2::Ota,
            Self::Douyin => ChannelV2::Douyin,
            Self::LocalLife => ChannelV2::LocalLife,
            Self::Console => ChannelV2::Console,
        }
    }

    fn restore(mirror: ChannelV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            ChannelV2::Ota => Self::Ota,
            ChannelV2::Douyin => Self::Douyin,
            ChannelV2::LocalLife => Self::LocalLife,
            ChannelV2::Console => Self::Console,
        })
    }
}

/// Twin of [`CloseReason`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum CloseReasonV2 {
    /// 0
    Cancelled,
    /// 1
    Expired,
    /// 2
    Refunded,
}

impl Mirrored for CloseReason {
    type Mirror<'a> = CloseReasonV2;

    fn mirror(&self) -> CloseReasonV2 {
        match self {
            Self::Cancelled => CloseReasonV2::Cancelled,
            Self::Expired => CloseReasonV2::Expired,
            Self::Refunded => CloseReasonV2::Refunded,
        }
    }

    fn restore(mirror: CloseReasonV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            CloseReasonV2::Cancelled => Self::Cancelled,
            CloseReasonV2::Expired => Self::Expired,
            CloseReasonV2::Refunded => Self::Refunded,
        })
    }
}

/// Twin of [`Sealed`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct SealedV2<'a> {
    key_id: u32,
    #[serde(borrow)]
    bytes: Bytes<'a>,
}

impl Mirrored for Sealed {
    type Mirror<'a> = SealedV2<'a>;

    fn mirror(&self) -> SealedV2<'_> {
        let Self { key_id, bytes } = self;
        SealedV2 { key_id: *key_id, bytes: Bytes(bytes) }
    }

    fn restore(mirror: SealedV2<'_>) -> Result<Self, Invalid> {
        Ok(Self { key_id: mirror.key_id, bytes: mirror.bytes.0.into() })
    }
}

/// Twin of [`CounterHome`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum CounterHomeV2 {
    /// 0
    Slot(SlotKeyV2),
    /// 1
    Shard(LimitKeyV2),
}

/// Twin of [`TakenCount`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TakenCountV2 {
    line: u16,
    home: CounterHomeV2,
    count: CountV2,
}

impl Mirrored for TakenCount {
    type Mirror<'a> = TakenCountV2;

    fn mirror(&self) -> TakenCountV2 {
        let Self { line, home, count } = self;
        let home = match home {
            CounterHome::Slot(slot) => CounterHomeV2::Slot(slot.mirror()),
            CounterHome::Shard(limit) => CounterHomeV2::Shard(limit.mirror()),
        };
        TakenCountV2 { line: *line, home, count: count.mirror() }
    }

    fn restore(mirror: TakenCountV2) -> Result<Self, Invalid> {
        let TakenCountV2 { line, home, count } = mirror;
        let home = match home {
            CounterHomeV2::Slot(slot) => CounterHome::Slot(Mirrored::restore(slot)?),
            CounterHomeV2::Shard(limit) => CounterHome::Shard(Mirrored::restore(limit)?),
        };
        Ok(Self { line, home, count: Mirrored::restore(count)? })
    }
}

/// Twin of [`OrderLine`]. Money in fen, instants in milliseconds since 1970-01-01 UTC.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct OrderLineV2<'a> {
    /// Fixed width, like every number of 19 digits: as a varint it would take nine bytes.
    #[serde(with = "postcard::fixint::le")]
    id: u64,
    product: u32,
    product_name: &'a str,
    slot: SlotKeyV2,
    area: u8,
    pool: Option<u32>,
    quantity: u32,
    unit_price: i64,
    list_price: i64,
    unit_rebate: i64,
    rebate_at: RebateAtV2,
    uses: u16,
    #[serde(borrow)]
    seats: List<'a, SeatNo>,
    valid_from: i64,
    valid_until: i64,
}

impl Mirrored for OrderLine {
    type Mirror<'a> = OrderLineV2<'a>;

    fn mirror(&self) -> OrderLineV2<'_> {
        let Self {
            id,
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
        } = self;
        OrderLineV2 {
            id: id.get(),
            product: product.get(),
            product_name,
            slot: slot.mirror(),
            area: area.get(),
            pool: pool.map(PoolNo::get),
            quantity: quantity.get(),
            unit_price: unit_price.get(),
            list_price: list_price.get(),
            unit_rebate: unit_rebate.get(),
            rebate_at: rebate_at.mirror(),
            uses: *uses,
            seats: List::Borrowed(seats),
            valid_from: valid_from.get(),
            valid_until: valid_until.get(),
        }
    }

    fn restore(mirror: OrderLineV2<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            id: LineId::new(mirror.id),
            product: ProductNo::new(mirror.product),
            product_name: mirror.product_name.into(),
            slot: Mirrored::restore(mirror.slot)?,
            area: AreaNo::new(mirror.area),
            pool: mirror.pool.map(PoolNo::new),
            quantity: Quantity::new(mirror.quantity),
            unit_price: Fen::new(mirror.unit_price),
            list_price: Fen::new(mirror.list_price),
            unit_rebate: Fen::new(mirror.unit_rebate),
            rebate_at: Mirrored::restore(mirror.rebate_at)?,
            uses: mirror.uses,
            seats: mirror.seats.into_owned(),
            valid_from: UnixMillis::new(mirror.valid_from),
            valid_until: UnixMillis::new(mirror.valid_until),
        })
    }
}

impl Mirrored for SeatNo {
    type Mirror<'a> = u16;

    fn mirror(&self) -> u16 {
        self.get()
    }

    fn restore(mirror: u16) -> Result<Self, Invalid> {
        Ok(Self::new(mirror))
    }
}

/// Twin of [`Ticket`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct TicketV2 {
    #[serde(with = "postcard::fixint::le")]
    id: u64,
    line: u16,
    /// The code's digits read as a number.
    code: u64,
    used: u16,
    refunded: bool,
    rebate_year: Option<i16>,
}

impl Mirrored for Ticket {
    type Mirror<'a> = TicketV2;

    fn mirror(&self) -> TicketV2 {
        let Self { id, line, code, used, refunded, rebate_year } = *self;
        TicketV2 { id: id.get(), line, code: code.to_number(), used, refunded, rebate_year }
    }

    fn restore(mirror: TicketV2) -> Result<Self, Invalid> {
        let TicketV2 { id, line, code, used, refunded, rebate_year } = mirror;
        let code = VoucherCode::from_number(code).map_err(|_| Invalid)?;
        Ok(Self { id: TicketId::new(id), line, code, used, refunded, rebate_year })
    }
}

/// Twin of [`OrderPlaced`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct OrderPlacedV2<'a> {
    #[serde(with = "postcard::fixint::le")]
    id: u64,
    supplier: u16,
    agent: u32,
    channel: ChannelV2,
    request_key: Option<&'a str>,
    placed_at: i64,
    expires_at: i64,
    #[serde(borrow)]
    lines: List<'a, OrderLine>,
    #[serde(borrow)]
    counts: List<'a, TakenCount>,
    #[serde(borrow)]
    private: SealedV2<'a>,
    total: i64,
}

impl Mirrored for OrderPlaced {
    type Mirror<'a> = OrderPlacedV2<'a>;

    fn mirror(&self) -> OrderPlacedV2<'_> {
        let Self {
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
        } = self;
        OrderPlacedV2 {
            id: id.get(),
            supplier: supplier.get(),
            agent: agent.get(),
            channel: channel.mirror(),
            request_key: request_key.as_ref().map(RequestKey::as_str),
            placed_at: placed_at.get(),
            expires_at: expires_at.get(),
            lines: List::Borrowed(lines),
            counts: List::Borrowed(counts),
            private: private.mirror(),
            total: total.get(),
        }
    }

    fn restore(mirror: OrderPlacedV2<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            id: OrderId::new(mirror.id),
            supplier: SupplierNo::new(mirror.supplier),
            agent: AgentNo::new(mirror.agent),
            channel: Mirrored::restore(mirror.channel)?,
            request_key: request_key(mirror.request_key)?,
            placed_at: UnixMillis::new(mirror.placed_at),
            expires_at: UnixMillis::new(mirror.expires_at),
            lines: mirror.lines.into_owned(),
            counts: mirror.counts.into_owned(),
            private: Mirrored::restore(mirror.private)?,
            total: Fen::new(mirror.total),
        })
    }
}

/// Twin of [`OrderEvent`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum OrderEventV2<'a> {
    /// 0
    #[serde(borrow)]
    Placed(Whole<'a, OrderPlaced>),
    /// 1
    Paid {
        #[serde(with = "postcard::fixint::le")]
        order: u64,
        at: i64,
        from: BalanceV2,
        #[serde(borrow)]
        tickets: List<'a, Ticket>,
    },
    /// 2
    Closed {
        #[serde(with = "postcard::fixint::le")]
        order: u64,
        at: i64,
        reason: CloseReasonV2,
    },
    /// 3
    Extended {
        #[serde(with = "postcard::fixint::le")]
        order: u64,
        at: i64,
        expires_at: i64,
    },
    /// 4
    Refunded {
        #[serde(with = "postcard::fixint::le")]
        order: u64,
        #[serde(borrow)]
        refund: Whole<'a, Refund>,
    },
    /// 5
    Redeemed {
        #[serde(with = "postcard::fixint::le")]
        order: u64,
        #[serde(borrow)]
        redemption: Whole<'a, Redemption>,
        rebate_year: Option<i16>,
    },
    /// 6
    Reversed {
        #[serde(with = "postcard::fixint::le")]
        order: u64,
        #[serde(with = "postcard::fixint::le")]
        redemption: u64,
        #[serde(borrow)]
        reversal: Whole<'a, Reversal>,
    },
    /// 7
    NoticeQueued {
        #[serde(with = "postcard::fixint::le")]
        order: u64,
        notice: NoticeV2,
    },
    /// 8
    NoticeSettled {
        #[serde(with = "postcard::fixint::le")]
        order: u64,
        no: u16,
        at: i64,
        outcome: NoticeOutcomeV2,
    },
}

impl Mirrored for OrderEvent {
    type Mirror<'a> = OrderEventV2<'a>;

    fn mirror(&self) -> OrderEventV2<'_> {
        match self {
            Self::Placed(placed) => OrderEventV2::Placed(Whole::Borrowed(placed)),
            Self::Paid { order, at, from, tickets } => OrderEventV2::Paid {
                order: order.get(),
                at: at.get(),
                from: from.mirror(),
                tickets: List::Borrowed(tickets),
            },
            Self::Closed { order, at, reason } => {
                OrderEventV2::Closed { order: order.get(), at: at.get(), reason: reason.mirror() }
            }
            Self::Extended { order, at, expires_at } => OrderEventV2::Extended {
                order: order.get(),
                at: at.get(),
                expires_at: expires_at.get(),
            },
            Self::Refunded { order, refund } => {
                OrderEventV2::Refunded { order: order.get(), refund: Whole::Borrowed(refund) }
            }
            Self::Redeemed { order, redemption, rebate_year } => OrderEventV2::Redeemed {
                order: order.get(),
                redemption: Whole::Borrowed(redemption),
                rebate_year: *rebate_year,
            },
            Self::Reversed { order, redemption, reversal } => OrderEventV2::Reversed {
                order: order.get(),
                redemption: *redemption,
                reversal: Whole::Borrowed(reversal),
            },
            Self::NoticeQueued { order, notice } => {
                OrderEventV2::NoticeQueued { order: order.get(), notice: notice.mirror() }
            }
            Self::NoticeSettled { order, no, at, outcome } => OrderEventV2::NoticeSettled {
                order: order.get(),
                no: *no,
                at: at.get(),
                outcome: outcome.mirror(),
            },
        }
    }

    fn restore(mirror: OrderEventV2<'_>) -> Result<Self, Invalid> {
        Ok(match mirror {
            OrderEventV2::Placed(placed) => Self::Placed(placed.into_owned()),
            OrderEventV2::Paid { order, at, from, tickets } => Self::Paid {
                order: OrderId::new(order),
                at: UnixMillis::new(at),
                from: Balance::restore(from)?,
                tickets: tickets.into_owned(),
            },
            OrderEventV2::Closed { order, at, reason } => Self::Closed {
                order: OrderId::new(order),
                at: UnixMillis::new(at),
                reason: CloseReason::restore(reason)?,
            },
            OrderEventV2::Extended { order, at, expires_at } => Self::Extended {
                order: OrderId::new(order),
                at: UnixMillis::new(at),
                expires_at: UnixMillis::new(expires_at),
            },
            OrderEventV2::Refunded { order, refund } => {
                Self::Refunded { order: OrderId::new(order), refund: refund.into_owned() }
            }
            OrderEventV2::Redeemed { order, redemption, rebate_year } => Self::Redeemed {
                order: OrderId::new(order),
                redemption: redemption.into_owned(),
                rebate_year,
            },
            OrderEventV2::Reversed { order, redemption, reversal } => Self::Reversed {
                order: OrderId::new(order),
                redemption,
                reversal: reversal.into_owned(),
            },
            OrderEventV2::NoticeQueued { order, notice } => {
                Self::NoticeQueued { order: OrderId::new(order), notice: Notice::restore(notice)? }
            }
            OrderEventV2::NoticeSettled { order, no, at, outcome } => Self::NoticeSettled {
                order: OrderId::new(order),
                no,
                at: UnixMillis::new(at),
                outcome: NoticeOutcome::restore(outcome)?,
            },
        })
    }
}

/// Twin of [`OrderState`]. Numbers are never reordered.
#[derive(Serialize, Deserialize)]
pub(in crate::schema) enum OrderStateV2 {
    /// 0
    Held { expires_at: i64 },
    /// 1
    Paid { from: BalanceV2, at: i64 },
    /// 2
    Closed { reason: CloseReasonV2, at: i64 },
}

impl Mirrored for OrderState {
    type Mirror<'a> = OrderStateV2;

    fn mirror(&self) -> OrderStateV2 {
        match self {
            Self::Held { expires_at } => OrderStateV2::Held { expires_at: expires_at.get() },
            Self::Paid { from, at } => OrderStateV2::Paid { from: from.mirror(), at: at.get() },
            Self::Closed { reason, at } => {
                OrderStateV2::Closed { reason: reason.mirror(), at: at.get() }
            }
        }
    }

    fn restore(mirror: OrderStateV2) -> Result<Self, Invalid> {
        Ok(match mirror {
            OrderStateV2::Held { expires_at } => {
                Self::Held { expires_at: UnixMillis::new(expires_at) }
            }
            OrderStateV2::Paid { from, at } => {
                Self::Paid { from: Balance::restore(from)?, at: UnixMillis::new(at) }
            }
            OrderStateV2::Closed { reason, at } => {
                Self::Closed { reason: CloseReason::restore(reason)?, at: UnixMillis::new(at) }
            }
        })
    }
}

/// Twin of [`Order`].
#[derive(Serialize, Deserialize)]
pub(in crate::schema) struct OrderV2<'a> {
    #[serde(with = "postcard::fixint::le")]
    id: u64,
    supplier: u16,
    agent: u32,
    channel: ChannelV2,
    request_key: Option<&'a str>,
    placed_at: i64,
    #[serde(borrow)]
    lines: List<'a, OrderLine>,
    #[serde(borrow)]
    counts: List<'a, TakenCount>,
    #[serde(borrow)]
    private: SealedV2<'a>,
    total: i64,
    state: OrderStateV2,
    #[serde(borrow)]
    tickets: List<'a, Ticket>,
    #[serde(borrow)]
    redemptions: List<'a, Redemption>,
    #[serde(borrow)]
    refunds: List<'a, Refund>,
    #[serde(borrow)]
    notices: List<'a, Notice>,
    notices_queued: u16,
}

impl Mirrored for Order {
    type Mirror<'a> = OrderV2<'a>;

    fn mirror(&self) -> OrderV2<'_> {
        let Self {
            id,
            supplier,
            agent,
            channel,
            request_key,
            placed_at,
            lines,
            counts,
            private,
            total,
            state,
            tickets,
            redemptions,
            refunds,
            notices,
            notices_queued,
        } = self;
        OrderV2 {
            id: id.get(),
            supplier: supplier.get(),
            agent: agent.get(),
            channel: channel.mirror(),
            request_key: request_key.as_ref().map(RequestKey::as_str),
            placed_at: placed_at.get(),
            lines: List::Borrowed(lines),
            counts: List::Borrowed(counts),
            private: private.mirror(),
            total: total.get(),
            state: state.mirror(),
            tickets: List::Borrowed(tickets),
            redemptions: List::Borrowed(redemptions),
            refunds: List::Borrowed(refunds),
            notices: List::Borrowed(notices),
            notices_queued: *notices_queued,
        }
    }

    fn restore(mirror: OrderV2<'_>) -> Result<Self, Invalid> {
        let lines = mirror.lines.into_owned();
        let tickets: Vec<Ticket> = mirror.tickets.into_owned();
        // A ticket is shown with the line it belongs to.
        if tickets.iter().any(|ticket| usize::from(ticket.line) >= lines.len()) {
            return Err(Invalid);
        }
        Ok(Self {
            id: OrderId::new(mirror.id),
            supplier: SupplierNo::new(mirror.supplier),
            agent: AgentNo::new(mirror.agent),
            channel: Mirrored::restore(mirror.channel)?,
            request_key: request_key(mirror.request_key)?,
            placed_at: UnixMillis::new(mirror.placed_at),
            lines,
            counts: mirror.counts.into_owned(),
            private: Mirrored::restore(mirror.private)?,
            total: Fen::new(mirror.total),
            state: OrderState::restore(mirror.state)?,
            tickets,
            redemptions: mirror.redemptions.into_owned(),
            refunds: mirror.refunds.into_owned(),
            notices: mirror.notices.into_owned(),
            notices_queued: mirror.notices_queued,
        })
    }
}
