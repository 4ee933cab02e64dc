//! The OTA family: the agents' order and query interface in ASP.NET Web API style.
//!
//! Types of requests and answers, HAWK authentication, the pay password and the result codes. It
//! judges nothing beyond the form of a message: what an order may contain is the engine's matter.
//! Source: docs/protocols/ota.md.

mod callback;
mod code;
mod credential;
mod error;
pub mod hawk;
mod paypassword;
mod qr;
pub mod query;
mod request;
mod response;

pub use callback::{
    CALLBACK_NAMESPACE, CALLBACK_VERSION, CallbackParm, CallbackRequest, CallbackTicket,
    callback_sign, is_success,
};
pub use code::ResultCode;
pub use credential::{HawkCredential, UpperMd5};
pub use error::result_code;
pub use paypassword::{PayPassword, PayPasswordError};
pub use qr::{QrError, qr_png};
pub use request::{
    Order2AddParm, Order2SeatItem, OrderAddItemParm, OrderAddParm, OrderAndPayWithPassword2Parm,
    OrderAndPayWithPasswordParm, PARM_NAMESPACE, PayOrderUsePayPasswordParm, ProviderConfigParm,
    RefundParm,
};
pub use response::{
    COMMON_NAMESPACE, CommonOperationResult, OrderOperatorResult, RESULT_NAMESPACE,
};
