//! Orders and tickets. Source: docs/protocols/ota.md, "Orders and tickets".

use std::borrow::Cow;
use std::sync::Arc;

use crate::actors::OrderCommand;
use crate::domain::catalogue::{Catalogue, Product, Supplier};
use crate::domain::identity::{mask_document, mask_name};
use crate::domain::order::{Order, OrderLine, OrderState, Ticket};
use crate::engine::Rejection;
use crate::http::ota::{order_id, status};
use crate::http::queries::text::{clipped, clock_time, count, instant};
use crate::http::queries::{Problem, Question};
use crate::http::{Answer, Outcome, webapi, within};
use crate::types::{AreaNo, Fen, RequestKey, SeatNo, TicketId, VoucherCode};
use crate::vault::{PrivateDetails, PrivateTraveller};
use crate::wire::codec::Text;
use crate::wire::ota::query;

/// Longest name of a line, in characters.
const SERVICE_NAME_MAX: usize = 32;
/// Activated over the network.
const DEAL_REMOTE: i32 = 2;
const UNKNOWN_TICKET: &str = "票不存在";

impl Question<'_> {
    /// The head of an order.
    pub(super) async fn order_main(&self, number: &str) -> Result<Answer, Problem> {
        let order = self.order(number).await?;
        let view = self.view(&order)?;
        Ok(webapi::result(self.request, &view.main(), Outcome::Ok))
    }

    /// The tickets of an order; before it is paid, its lines.
    pub(super) async fn order_detail(&self, number: &str) -> Result<Answer, Problem> {
        let order = self.order(number).await?;
        let view = self.view(&order)?;
        Ok(webapi::list(self.request, &view.details()))
    }

    /// The tickets of an order.
    pub(super) async fn tickets(&self) -> Result<Answer, Problem> {
        let order = self.named_order().await?;
        let view = self.view(&order)?;
        let tickets = order.tickets.iter().enumerate();
        let tickets: Vec<_> = tickets.map(|(at, ticket)| view.ticket(at, ticket)).collect();
        Ok(webapi::list(self.request, &tickets))
    }

    /// One ticket.
    pub(super) async fn ticket(&self) -> Result<Answer, Problem> {
        let wanted = self.parameters.required("ticketid")?.to_owned();
        let order = self.named_order().await?;
        let view = self.view(&order)?;
        let (at, ticket) = find_ticket(&order, &wanted).ok_or(Problem::Unknown(UNKNOWN_TICKET))?;
        Ok(webapi::result(self.request, &view.ticket(at, ticket), Outcome::Ok))
    }

    /// An order of the caller's by our number.
    pub(super) async fn order(&self, number: &str) -> Result<Arc<Order>, Problem> {
        let order = order_id(number.trim()).ok_or(Problem::Engine(unknown()))?;
        let engine = &self.state.engine;
        let query = engine.with_order(self.caller.agent().no, order, OrderCommand::Query);
        Ok(within(self.state, query).await?)
    }

    /// The order that `orderid` or `senderid` names; both must name the same.
    async fn named_order(&self) -> Result<Arc<Order>, Problem> {
        let (ours, theirs) = (self.parameters.find("orderid"), self.parameters.find("senderid"));
        if ours.is_none() && theirs.is_none() {
            return Err(Problem::Missing);
        }
        let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
        if ours.is_empty() && theirs.is_empty() {
            let text = "One of orderid and senderid is required.".to_owned();
            return Err(Problem::Invalid("orderid", text));
        }
        let key = RequestKey::new(theirs).ok();
        if ours.is_empty() {
            let key = key.ok_or(Problem::Engine(unknown()))?;
            let engine = &self.state.engine;
            let query = engine.order_by_key(self.caller.agent().no, &key);
            return Ok(within(self.state, query).await?);
        }
        let order = self.order(ours).await?;
        if theirs.is_empty() || order.request_key == key {
            return Ok(order);
        }
        Err(unknown().into())
    }

    fn view<'o>(&'o self, order: &'o Order) -> Result<View<'o>, Problem> {
        let private = self.state.keys.open_details(&order.private).map_err(|error| {
            tracing::error!(order = %order.id, %error, "an order's details cannot be opened");
            Problem::Sealed
        })?;
        let supplier = self.catalogue.supplier(order.supplier).map(|supplier| &**supplier);
        let customer = &self.caller.agent().name;
        Ok(View { order, catalogue: &self.catalogue, supplier, customer, private })
    }
}

fn unknown() -> crate::actors::EngineError {
    Rejection::UnknownOrder.into()
}

/// A ticket of an order by its number, or by its voucher code, and its place among them.
pub(super) fn find_ticket<'o>(order: &'o Order, wanted: &str) -> Option<(usize, &'o Ticket)> {
    let wanted = wanted.trim();
    let is_wanted = |ticket: &Ticket| match VoucherCode::parse(wanted) {
        Ok(code) => ticket.code == code,
        Err(_) => wanted.parse().is_ok_and(|id| ticket.id == TicketId::new(id)),
    };
    order.tickets.iter().enumerate().find(|(_, ticket)| is_wanted(ticket))
}

/// An order with what is needed to describe it.
struct View<'o> {
    order: &'o Order,
    catalogue: &'o Catalogue,
    supplier: Option<&'o Supplier>,
    customer: &'o str,
    private: PrivateDetails,
}

/// What tickets of a line have in common.
struct Occasion<'o> {
    product: Option<&'o Product>,
    date: Text<'o>,
    timespan: i32,
    start: Text<'o>,
    end: Text<'o>,
}

impl<'o> View<'o> {
    fn main(&self) -> query::OrderMain<'_> {
        let order = self.order;
        let first = order.lines.first();
        let occasion = first.map(|line| self.occasion(line));
        let (start, end) =
            occasion.as_ref().map_or((None, None), |it| (it.start.as_deref(), it.end.as_deref()));
        let lines = order.lines.iter();
        let described: Vec<String> =
            lines.map(|line| format!("{}×{}", line.product_name, line.quantity)).collect();
        let show = order.lines.iter().find(|line| line.area != AreaNo::NONE);
        let offset = self.supplier.map_or(0, |supplier| supplier.utc_offset_seconds);
        query::OrderMain {
            orderid: Some(order.id.to_string().into()),
            senderid: order.request_key.as_ref().map(|key| key.as_str().into()),
            orderstatus: Some(status(order).into()),
            orderdescription: Some(described.join("；").into()),
            summary: order.total,
            theatrial: show.map(|line| line.product_name.as_ref().into()),
            totalcount: count(order.quantity()),
            ticketchecktimespan: start.zip(end).map(|(start, end)| format!("{start}-{end}").into()),
            timespanindex: occasion.as_ref().map_or(0, |occasion| occasion.timespan),
            servicename: self.service_name(),
            servicecode: self.service_code(),
            customername: Some(self.customer.into()),
            effectdate: order.date().map(|date| date.to_compact().into()),
            ordertime: Some(instant(order.placed_at, offset).into()),
            paytimeout: match order.state {
                OrderState::Held { expires_at } => {
                    minutes(expires_at.get() - order.placed_at.get())
                }
                OrderState::Paid { .. } | OrderState::Closed { .. } => 0,
            },
            details: Some(Vec::new()),
        }
    }

    fn details(&self) -> Vec<query::OrderDetail<'_>> {
        let order = self.order;
        if order.tickets.is_empty() {
            let lines = order.lines.iter().enumerate();
            return lines.map(|(at, line)| self.detail(line, self.traveller(at, None))).collect();
        }
        let tickets = order.tickets.iter().enumerate().filter_map(|(at, ticket)| {
            let line = order.lines.get(usize::from(ticket.line))?;
            let number = || Some(ticket.id.to_string().into());
            Some(query::OrderDetail {
                amount: 1,
                summary: line.unit_price,
                ticketinnernumber: number(),
                ticketcode: number(),
                status: Some(ticket_status(ticket).into()),
                seatdesc: self.seat(line, self.order.seat(at).as_slice()),
                ..self.detail(line, self.traveller(usize::from(ticket.line), Some(at)))
            })
        });
        tickets.collect()
    }

    /// A line as a whole.
    fn detail(
        &self,
        line: &'o OrderLine,
        traveller: Option<&PrivateTraveller>,
    ) -> query::OrderDetail<'_> {
        let occasion = self.occasion(line);
        query::OrderDetail {
            productid: occasion.product.map(|product| product.id.as_ref().into()),
            productname: Some(line.product_name.as_ref().into()),
            amount: count(line.quantity.get().into()),
            price: line.unit_price,
            // What an order may cost fits; an amount beyond it was refused.
            summary: line.unit_price.checked_mul(line.quantity).unwrap_or(Fen::ZERO),
            ticketinnernumber: None,
            ticketcode: None,
            ticketdate: occasion.date,
            timespanindex: occasion.timespan,
            starttime: occasion.start,
            endtime: occasion.end,
            status: None,
            seatdesc: self.seat(line, &line.seats),
            name: traveller.and_then(name),
            identitycode: traveller.and_then(document),
        }
    }

    fn ticket(&self, at: usize, ticket: &Ticket) -> query::Ticket<'_> {
        let Some(line) = self.order.lines.get(usize::from(ticket.line)) else {
            return query::Ticket::default();
        };
        let occasion = self.occasion(line);
        let traveller = self.traveller(usize::from(ticket.line), Some(at));
        query::Ticket {
            productid: occasion.product.map(|product| product.id.as_ref().into()),
            productname: Some(line.product_name.as_ref().into()),
            ticketcode: Some(ticket.id.to_string().into()),
            personcount: i32::from(line.uses),
            ticketdate: occasion.date,
            freecount: 0,
            price: line.unit_price,
            summary: line.unit_price,
            servicecode: self.service_code(),
            servicename: self.service_name(),
            timespanindex: occasion.timespan,
            starttime: occasion.start,
            endtime: occasion.end,
            status: Some(ticket_status(ticket).into()),
            name: traveller.and_then(name),
            identitycode: traveller.and_then(document),
            dealtype: DEAL_REMOTE,
            seatdesc: self.seat(line, self.order.seat(at).as_slice()),
            eticketimage: None,
        }
    }

    fn occasion(&self, line: &OrderLine) -> Occasion<'o> {
        let product = self.catalogue.product(line.product).map(|product| &**product);
        let timespan = product.and_then(|product| product.timespan(line.slot.timespan));
        Occasion {
            product,
            date: line.slot.date.map(|date| date.to_compact().into()),
            timespan: i32::from(line.slot.timespan.get()),
            start: timespan.map(|timespan| clock_time(timespan.start_minute).into()),
            end: timespan.map(|timespan| clock_time(timespan.end_minute).into()),
        }
    }

    /// The area of a performance, and there the seats.
    fn seat(&self, line: &OrderLine, seats: &[SeatNo]) -> Text<'o> {
        let area = self.catalogue.product(line.product)?.area(line.area)?;
        let map = area.seats.as_ref();
        let labels = seats.iter().filter_map(|seat| map?.label(*seat));
        let labels: Vec<_> =
            labels.map(|(row, no)| format!("{}区{row}排{no}座", area.id)).collect();
        if labels.is_empty() {
            return Some(Cow::Borrowed(area.id.as_ref()));
        }
        Some(labels.join("、").into())
    }

    fn service_code(&self) -> Text<'o> {
        self.supplier.map(|supplier| supplier.id.as_ref().into())
    }

    fn service_name(&self) -> Text<'o> {
        self.supplier.map(|supplier| clipped(&supplier.name, SERVICE_NAME_MAX).into())
    }

    /// Whose ticket it is: agents send a traveller a line, Douyin one a copy.
    fn traveller(&self, line: usize, ticket: Option<usize>) -> Option<&PrivateTraveller> {
        let travellers = &self.private.travellers;
        if travellers.len() == self.order.lines.len() {
            return travellers.get(line);
        }
        let one_each = travellers.len() == self.order.tickets.len();
        ticket.filter(|_| one_each).and_then(|at| travellers.get(at))
    }
}

/// A ticket's state as one character. Source: docs/protocols/ota.md, "Ticket states".
const fn ticket_status(ticket: &Ticket) -> &'static str {
    if ticket.refunded {
        "2"
    } else if ticket.used > 0 {
        "4"
    } else {
        "1"
    }
}

fn name(traveller: &PrivateTraveller) -> Text<'static> {
    let name = traveller.name.trim();
    (!name.is_empty()).then(|| mask_name(name).into())
}

fn document(traveller: &PrivateTraveller) -> Text<'static> {
    let number = traveller.document_number.trim();
    (!number.is_empty()).then(|| mask_document(number).into())
}

/// Whole minutes, begun ones included.
fn minutes(millis: i64) -> i32 {
    let minutes = millis.max(0).unsigned_abs().div_ceil(60_000);
    count(minutes)
}
