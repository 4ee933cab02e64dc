//! Results of the OTA family. Source: docs/protocols/ota.md, "Result types".

use crate::wire::codec::{Text, wire_record};

/// XML namespace of the order results.
pub const RESULT_NAMESPACE: &str = concat!(
    "http://schemas.datacontract.org/2004/07/",
    "DigitalScience.DataTransfer.Tour.V5.Result.WebInterface"
);

/// XML namespace of the common result.
pub const COMMON_NAMESPACE: &str =
    "http://schemas.datacontract.org/2004/07/DigitalScience.DataTransfer";

wire_record! {
    /// Answer to placing, paying and cancelling an order.
    pub struct OrderOperatorResult<'a> in RESULT_NAMESPACE {
        /// Our order number.
        orderid: Text<'a>,
        /// The caller's order number (spelled so).
        sendid: Text<'a>,
        /// State of the order, one character; docs/protocols/ota.md, "Order states".
        orderstatus: Text<'a>,
        /// 0 or a [`ResultCode`](super::ResultCode).
        resultcode: i32,
        /// Message (spelled so).
        returnmessgage: Text<'a>,
    }
}

wire_record! {
    /// Answer of the verify endpoint and of operations without an order.
    pub struct CommonOperationResult<'a> in COMMON_NAMESPACE {
        /// 0 or a [`ResultCode`](super::ResultCode).
        errcode: i32,
        /// Message; may be shown to the buyer when `errcode` is not 0.
        errmsg: Text<'a>,
        /// A further value of the operation.
        tag: Text<'a>,
    }
}
