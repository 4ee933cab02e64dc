//! What there is to say about an order and its tickets. Source: docs/protocols/ota.md, "Orders and
//! tickets".

use crate::types::Fen;
use crate::wire::codec::{Text, wire_record};
use crate::wire::ota::RESULT_NAMESPACE;

wire_record! {
    /// The head of an order.
    pub struct OrderMain<'a> in RESULT_NAMESPACE {
        /// Our order number.
        orderid: Text<'a>,
        /// The caller's order number.
        senderid: Text<'a>,
        /// State of the order, one character; docs/protocols/ota.md, "Order states".
        orderstatus: Text<'a>,
        /// What was bought, for people.
        orderdescription: Text<'a>,
        /// Price of everything, in yuan.
        summary: Fen,
        /// The show (spelled so); null at scenic spots.
        theatrial: Text<'a>,
        /// Tickets.
        totalcount: i32,
        /// When the tickets let in, `HH:MM-HH:MM`; null without timespans.
        ticketchecktimespan: Text<'a>,
        /// Timespan from 1, 0 without timespans.
        timespanindex: i32,
        /// Name of the line (线路).
        servicename: Text<'a>,
        /// The line.
        servicecode: Text<'a>,
        /// Name of the agent.
        customername: Text<'a>,
        /// Visit date, `yyyyMMdd`; null for tickets that are not bound to one.
        effectdate: Text<'a>,
        /// When it was placed, `yyyyMMddHHmmss`.
        ordertime: Text<'a>,
        /// Minutes it may be paid in, from its placing on; 0 once it is paid or closed.
        paytimeout: i32,
        /// Always empty here: the detail has an address of its own.
        details: Option<Vec<OrderDetail<'a>>>,
    }
}

wire_record! {
    /// A ticket of an order; before it is paid, a line.
    pub struct OrderDetail<'a> in RESULT_NAMESPACE {
        /// Product (票种) id.
        productid: Text<'a>,
        /// The product's name when it was sold.
        productname: Text<'a>,
        /// Tickets: 1, or those of the line before it is paid.
        amount: i32,
        /// Price of one, in yuan.
        price: Fen,
        /// Price of all, in yuan.
        summary: Fen,
        /// Our ticket number; null before payment.
        ticketinnernumber: Text<'a>,
        /// The number by which tickets are asked for and refunded; null before payment.
        ticketcode: Text<'a>,
        /// Visit date, `yyyyMMdd`; null for a ticket that is not bound to one.
        ticketdate: Text<'a>,
        /// Timespan from 1, 0 without timespans.
        timespanindex: i32,
        /// Its beginning, `HH:MM`.
        starttime: Text<'a>,
        /// Its end, `HH:MM`.
        endtime: Text<'a>,
        /// State of the ticket; null before payment.
        status: Text<'a>,
        /// Area, row and seat.
        seatdesc: Text<'a>,
        /// The traveller's name, masked.
        name: Text<'a>,
        /// The traveller's document number, masked.
        identitycode: Text<'a>,
    }
}

wire_record! {
    /// A ticket.
    pub struct Ticket<'a> in RESULT_NAMESPACE {
        /// Product (票种) id.
        productid: Text<'a>,
        /// The product's name when it was sold.
        productname: Text<'a>,
        /// Our ticket number.
        ticketcode: Text<'a>,
        /// How many may pass with it.
        personcount: i32,
        /// Visit date, `yyyyMMdd`; null for a ticket that is not bound to one.
        ticketdate: Text<'a>,
        /// Given away with it.
        freecount: i32,
        /// Price of one, in yuan.
        price: Fen,
        /// Price of the ticket, in yuan.
        summary: Fen,
        /// The line (线路).
        servicecode: Text<'a>,
        /// Name of the line, at most 32 characters.
        servicename: Text<'a>,
        /// Timespan from 1, 0 without timespans.
        timespanindex: i32,
        /// Its beginning, `HH:MM`.
        starttime: Text<'a>,
        /// Its end, `HH:MM`.
        endtime: Text<'a>,
        /// State of the ticket, one character; docs/protocols/ota.md, "Ticket states".
        status: Text<'a>,
        /// The traveller's name, masked, at most 32 characters.
        name: Text<'a>,
        /// The traveller's document number, masked, at most 20 characters.
        identitycode: Text<'a>,
        /// 2: activated over the network.
        dealtype: i32,
        /// Area, row and seat.
        seatdesc: Text<'a>,
        /// Always null: the image has an address of its own.
        eticketimage: Text<'a>,
    }
}

wire_record! {
    /// What a ticket is shown by.
    pub struct TicketResourceResult<'a> in RESULT_NAMESPACE {
        /// The voucher code, which is what the image says.
        lbsbh: Text<'a>,
        /// Why there is none.
        errmsg: Text<'a>,
        /// 0 or a [`ResultCode`](crate::wire::ota::ResultCode).
        errcode: i32,
        /// A PNG image of a QR code, in Base64; null where only the text was asked for.
        imagebase64: Text<'a>,
        /// When the code has to be asked for again; always null, as it stays the same.
        needrefreshtime: Text<'a>,
    }
}
