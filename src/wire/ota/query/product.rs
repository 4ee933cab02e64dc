//! What is on sale, when, and how much of it is left. Source: docs/protocols/ota.md, "Products and
//! stock".

use crate::types::Fen;
use crate::wire::codec::{Text, wire_record};
use crate::wire::ota::RESULT_NAMESPACE;

wire_record! {
    /// A timespan (时段) of a line on a day.
    pub struct TimeSegment<'a> in RESULT_NAMESPACE {
        /// The line (线路).
        servicecode: Text<'a>,
        /// Its name.
        servicename: Text<'a>,
        /// The day, `yyyyMMdd`.
        date: Text<'a>,
        /// The timespan, from 1.
        timespanindex: i32,
        /// The gate opens, `HH:MM`.
        starttime: Text<'a>,
        /// The gate closes, `HH:MM`.
        endtime: Text<'a>,
        /// What is left: 0 unlimited, -1 nothing.
        quantity: i32,
    }
}

wire_record! {
    /// What is left of a product on a day. Its names alone are in camel case.
    #[expect(non_snake_case, reason = "wire names")]
    pub struct ProductInventory<'a> in RESULT_NAMESPACE {
        /// Product (票种) id.
        productId: Text<'a>,
        /// Its name.
        productName: Text<'a>,
        /// The day, `yyyyMMdd`.
        date: Text<'a>,
        /// What is left: 0 unlimited, -1 nothing.
        quantity: i32,
    }
}

wire_record! {
    /// A product on sale.
    pub struct Products<'a> in RESULT_NAMESPACE {
        /// Product (票种) id.
        productid: Text<'a>,
        /// Its name.
        productname: Text<'a>,
        /// What one is called.
        unit: Text<'a>,
        /// Sale price of one, in yuan; of the cheapest area at a theatre.
        price: Fen,
        /// First day it is offered for, `yyyyMMdd`; null for a product that is not bound to one.
        initdate: Text<'a>,
        /// Last day it is offered for.
        enddate: Text<'a>,
        /// Always null: the values are not published.
        conditionsofsale: Text<'a>,
        /// Fewest in one order.
        minimum: i32,
        /// Most in one order, 0 without a bound.
        maximum: i32,
    }
}

wire_record! {
    /// A performance (场次, spelled so). Times are `yyyyMMddHHmm`.
    pub struct Sence<'a> in RESULT_NAMESPACE {
        /// The theatre.
        theatreid: Text<'a>,
        /// Its name (spelled so).
        theatrename: Text<'a>,
        /// The performance: `sceneid` of a theatre order.
        senceid: Text<'a>,
        /// Its name.
        sencename: Text<'a>,
        /// The show.
        theatricalid: Text<'a>,
        /// Its name.
        theatricalname: Text<'a>,
        /// The day, `yyyyMMdd`.
        date: Text<'a>,
        /// It begins.
        starttime: Text<'a>,
        /// It ends.
        endtime: Text<'a>,
        /// Its sale ends.
        sellendtime: Text<'a>,
        /// Tickets let in from then on …
        startchecktime: Text<'a>,
        /// … until then.
        endchecktime: Text<'a>,
        /// Seats left.
        freecount: i32,
        /// Seats.
        totalseat: i32,
    }
}
