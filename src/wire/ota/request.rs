//! Request types of the ordering, paying and verifying endpoints.
//!
//! Member names are the wire names, misspellings included; text members that are absent are
//! `None`, integer members 0. Source: docs/protocols/ota.md, "Request types".

use crate::wire::codec::{Rules, Text, wire_record};

/// XML namespace of the request types.
pub const PARM_NAMESPACE: &str = concat!(
    "http://schemas.datacontract.org/2004/07/",
    "DigitalScience.DataTransfer.Tour.V5.Parm.WebInterface"
);

wire_record! {
    /// A chosen seat of a theatre order.
    pub struct Order2SeatItem<'a> in PARM_NAMESPACE {
        /// Opaque seat id, unique inside a performance.
        seatid: Text<'a>,
    }
}

wire_record! {
    /// One line of an order.
    pub struct OrderAddItemParm<'a> in PARM_NAMESPACE {
        /// Product (票种) id; agents send GUIDs in capitals.
        productid: Text<'a> => Rules::REQUIRED,
        /// Tickets of this product.
        amount: i32,
        /// The traveller's document number.
        identificationnumber: Text<'a>,
        /// The traveller's name.
        fullname: Text<'a>,
        /// Kind of document, one character; docs/protocols/ota.md, "Identification types".
        identificationtype: Text<'a>,
        /// The traveller's mobile; needed when `gateinmode` is `B`.
        mobile: Text<'a>,
        /// `I` ID card, `B` mobile barcode, `T` pick-up (default).
        gateinmode: Text<'a>,
        /// Chosen seats; scenic callers send null.
        seatitems: Option<Vec<Order2SeatItem<'a>>>,
    }
}

wire_record! {
    /// An order at a scenic spot (景区), and the question whether it could be placed.
    pub struct OrderAddParm<'a> in PARM_NAMESPACE {
        /// The lines; at least one.
        orderdetails: Option<Vec<OrderAddItemParm<'a>>> => Rules::REQUIRED,
        /// Mobile for notices about the order.
        mobile: Text<'a> => Rules::required_max(11),
        /// User in the caller's system; not for OTAs.
        otheruserid: i64,
        /// Document for picking up tickets that carry no name.
        identificationnumber: Text<'a> => Rules::max(20),
        /// Visit date, `yyyyMMdd`.
        effectdate: Text<'a> => Rules::required_max(8),
        /// `1` or `0`.
        needinvoice: Text<'a> => Rules::max(1),
        /// Buyer's name on the invoice.
        invoicetitle: Text<'a> => Rules::max(100),
        /// Buyer's credit code; empty for a person.
        invoicecode: Text<'a> => Rules::max(30),
        /// The caller's own order number: the request key. Without it no guard and no callback.
        senderid: Text<'a> => Rules::max(50),
        /// Line (线路) of a spot with timed entry.
        servicecode: Text<'a> => Rules::max(2),
        /// Timespan from 1; 0 where there are none; -1 chooses the earliest with room.
        timespanindex: i32,
        /// Trip bill number.
        tripbillcode: Text<'a>,
        /// Guide's licence.
        guidernumber: Text<'a>,
        /// Market area.
        marketareaid: Text<'a>,
        /// Stored with the order.
        reserve1: Text<'a>,
        /// Stored with the order.
        reserve2: Text<'a>,
    }
}

wire_record! {
    /// An order at a theatre (演艺剧场).
    pub struct Order2AddParm<'a> in PARM_NAMESPACE {
        /// The lines; at least one.
        orderdetails: Option<Vec<OrderAddItemParm<'a>>> => Rules::REQUIRED,
        /// Mobile for notices about the order.
        mobile: Text<'a> => Rules::required_max(11),
        /// User in the caller's system; not for OTAs.
        otheruserid: i64,
        /// Document for picking up tickets that carry no name.
        identificationnumber: Text<'a> => Rules::max(20),
        /// Visit date, `yyyyMMdd`.
        effectdate: Text<'a> => Rules::required_max(8),
        /// Performance (场次) id.
        sceneid: Text<'a>,
        /// `1` or `0`.
        needinvoice: Text<'a> => Rules::max(1),
        /// Buyer's name on the invoice.
        invoicetitle: Text<'a> => Rules::max(100),
        /// Buyer's credit code; empty for a person.
        invoicecode: Text<'a> => Rules::max(30),
        /// `1`: the system picks the seats; `0` or empty: `seatitems` name them.
        autoselseats: Text<'a>,
        /// Seat area inside which the system picks.
        seatareaid: Text<'a>,
        /// Trip bill number.
        tripbillcode: Text<'a>,
        /// The caller's own order number: the request key. Without it no guard and no callback.
        senderid: Text<'a> => Rules::max(50),
        /// Guide's licence.
        guidernumber: Text<'a>,
        /// Market area.
        marketareaid: Text<'a>,
    }
}

wire_record! {
    /// What paying with the pay password needs.
    pub struct PayOrderUsePayPasswordParm<'a> in PARM_NAMESPACE {
        /// Our order number. In the calls that order and pay at once callers put their own number
        /// here, so there it names no order of ours.
        orderid: Text<'a> => Rules::REQUIRED,
        /// Encrypted pay password; docs/protocols/ota.md, "Pay password".
        paypassword: Text<'a> => Rules::REQUIRED,
    }
}

wire_record! {
    /// Order at a theatre and pay at once.
    pub struct OrderAndPayWithPassword2Parm<'a> in PARM_NAMESPACE {
        /// The order.
        orderinfo: Option<Order2AddParm<'a>> => Rules::REQUIRED,
        /// The payment.
        payinfo: Option<PayOrderUsePayPasswordParm<'a>> => Rules::REQUIRED,
    }
}

wire_record! {
    /// Order at a scenic spot and pay at once.
    pub struct OrderAndPayWithPasswordParm<'a> in PARM_NAMESPACE {
        /// The order.
        orderinfo: Option<OrderAddParm<'a>> => Rules::REQUIRED,
        /// The payment.
        payinfo: Option<PayOrderUsePayPasswordParm<'a>> => Rules::REQUIRED,
    }
}

wire_record! {
    /// Where the caller wants to hear of its orders; docs/protocols/ota.md, "Callbacks".
    pub struct ProviderConfigParm<'a> in PARM_NAMESPACE {
        /// Address to call; empty for none.
        replayurl: Text<'a> => Rules::max(256),
        /// `0`: the caller tells its buyers by SMS; anything else: we do.
        sendofficiallysnotify: Text<'a> => Rules::max(1),
        /// `XML` or `JSON`.
        replaydatatype: Text<'a> => Rules::max(4),
        /// `POST` or `GET`.
        replaymethod: Text<'a> => Rules::max(4),
    }
}

wire_record! {
    /// Which tickets are given back; docs/protocols/ota.md, "Refund".
    pub struct RefundParm<'a> in PARM_NAMESPACE {
        /// Our order number.
        orderid: Text<'a> => Rules::required_max(20),
        /// `1`: the whole order, whatever `ticketids` says; `0`: those tickets.
        refundallticket: Text<'a> => Rules::required_max(1),
        /// Our ticket numbers.
        ticketids: Option<Vec<std::borrow::Cow<'a, str>>>,
        /// A remark of the caller's. Read and not kept.
        memory: Text<'a>,
    }
}
