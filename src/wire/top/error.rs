//! Errors as the gateway words them: platform codes, and the sub-codes by which callers decide
//! whether to try again.
//!
//! That a voucher code cannot be used is no error in this sense but an answer, see `consult`.
//! Source: docs/protocols/top.md, "Error codes".

use std::borrow::Cow;

use super::request::ParamsError;
use super::reserve::Failure;
use crate::domain::order::{RedeemError, ReverseError};
use crate::engine::Rejection;
use crate::wire::message;

/// Platform codes we answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopCode {
    /// The app sends too much at once.
    AppCallLimited,
    /// Neither GET nor POST.
    HttpActionNotAllowed,
    /// No `method`.
    MissingMethod,
    /// A `method` we do not serve.
    InvalidMethod,
    /// A `format` other than xml and json.
    InvalidFormat,
    /// No `sign`.
    MissingSignature,
    /// The signature does not fit, or cannot be checked.
    InvalidSignature,
    /// No `app_key`.
    MissingAppKey,
    /// An `app_key` we do not know.
    InvalidAppKey,
    /// No `timestamp`.
    MissingTimestamp,
    /// A `timestamp` that cannot be read or is too far from now.
    InvalidTimestamp,
    /// No `v`.
    MissingVersion,
    /// A `v` that is no version.
    InvalidVersion,
    /// A version other than 2.0.
    UnsupportedVersion,
    /// A required argument is absent.
    MissingArguments,
    /// An argument is not what it should be.
    InvalidArguments,
    /// The parameters as a whole cannot be read.
    ParameterError,
    /// The parameters are not UTF-8.
    InvalidEncoding,
    /// The service behind the gateway did not answer as it should.
    RemoteServiceError,
}

impl TopCode {
    /// The code's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.row().0
    }

    /// The code's message, to which 40 and 41 add the argument's name.
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.row().1
    }

    const fn row(self) -> (u16, &'static str) {
        match self {
            Self::AppCallLimited => (7, "App call limited"),
            Self::HttpActionNotAllowed => (9, "Http action not allowed"),
            Self::MissingMethod => (21, "Missing method"),
            Self::InvalidMethod => (22, "Invalid method"),
            Self::InvalidFormat => (23, "Invalid format"),
            Self::MissingSignature => (24, "Missing signature"),
            Self::InvalidSignature => (25, "Invalid signature"),
            Self::MissingAppKey => (28, "Missing app key"),
            Self::InvalidAppKey => (29, "Invalid app Key"),
            Self::MissingTimestamp => (30, "Missing timestamp"),
            Self::InvalidTimestamp => (31, "Invalid timestamp"),
            Self::MissingVersion => (32, "Missing version"),
            Self::InvalidVersion => (33, "Invalid version"),
            Self::UnsupportedVersion => (34, "Unsupported version"),
            Self::MissingArguments => (40, "Missing required arguments"),
            Self::InvalidArguments => (41, "Invalid arguments"),
            Self::ParameterError => (43, "Parameter error"),
            Self::InvalidEncoding => (47, "Invalid encoding"),
            Self::RemoteServiceError => (50, "Remote service error"),
        }
    }
}

/// The content of an `error_response`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", code.number(), self.message())]
pub struct TopError {
    /// Platform code, which brings its message.
    pub code: TopCode,
    /// The argument that codes 40 and 41 name.
    pub argument: Option<&'static str>,
    /// `isp.…`: try again later; `isv.…`: the caller's fault. Absent for plain gateway checks.
    pub sub_code: Option<&'static str>,
    /// A Chinese sentence for the caller's developer.
    pub sub_msg: Option<Cow<'static, str>>,
}

const INVALID_PARAMETER: &str = "isv.invalid-parameter";
const MISSING_PARAMETER: &str = "isv.missing-parameter";

impl TopError {
    /// A gateway check that failed and needs no words beyond its code's.
    #[must_use]
    pub const fn check(code: TopCode) -> Self {
        Self { code, argument: None, sub_code: None, sub_msg: None }
    }

    /// The caller's fault, explained.
    #[must_use]
    pub const fn caller(code: TopCode, sub_msg: &'static str) -> Self {
        Self::with_sub(code, INVALID_PARAMETER, sub_msg)
    }

    /// A required argument is absent or empty.
    #[must_use]
    pub fn missing_argument(name: &'static str) -> Self {
        Self {
            code: TopCode::MissingArguments,
            argument: Some(name),
            sub_code: Some(MISSING_PARAMETER),
            sub_msg: Some(Cow::Owned(format!("缺少必要参数{name}"))),
        }
    }

    /// An argument is there but wrong; `why` completes the sentence that names it.
    #[must_use]
    pub fn invalid_argument(name: &'static str, why: &str) -> Self {
        Self {
            code: TopCode::InvalidArguments,
            argument: Some(name),
            sub_code: Some(INVALID_PARAMETER),
            sub_msg: Some(Cow::Owned(format!("非法参数{name}：{why}"))),
        }
    }

    /// The app has as much in flight as it may, or we all do: nothing was decided, and callers'
    /// libraries wait a second before they repeat.
    #[must_use]
    pub const fn busy() -> Self {
        const SUB_CODE: &str = "accesscontrol.limited-by-api-access-count";
        Self::with_sub(TopCode::AppCallLimited, SUB_CODE, "请求过于频繁，请稍后重试")
    }

    /// We are starting or stopping: nothing was decided, another node or moment may do better.
    #[must_use]
    pub const fn unavailable() -> Self {
        const SUB_CODE: &str = "isp.top-remote-service-unavailable";
        Self::with_sub(TopCode::RemoteServiceError, SUB_CODE, "服务暂不可用，请稍后重试")
    }

    /// The engine did not answer in time.
    #[must_use]
    pub const fn timed_out() -> Self {
        const SUB_CODE: &str = "isp.top-remote-connection-timeout";
        Self::with_sub(TopCode::RemoteServiceError, SUB_CODE, "服务响应超时，请稍后重试")
    }

    /// A fault of ours.
    #[must_use]
    pub const fn internal() -> Self {
        const SUB_CODE: &str = "isp.top-remote-unknown-error";
        Self::with_sub(TopCode::RemoteServiceError, SUB_CODE, "系统异常，请稍后重试")
    }

    /// `msg` as it is sent.
    #[must_use]
    pub fn message(&self) -> Cow<'static, str> {
        match self.argument {
            Some(argument) => Cow::Owned(format!("{}:{argument}", self.code.message())),
            None => Cow::Borrowed(self.code.message()),
        }
    }

    const fn with_sub(code: TopCode, sub_code: &'static str, sub_msg: &'static str) -> Self {
        Self {
            code,
            argument: None,
            sub_code: Some(sub_code),
            sub_msg: Some(Cow::Borrowed(sub_msg)),
        }
    }
}

/// Why nothing was redeemed or taken back. An API with a `result` says so in there, one without in an
/// `error_response`; the code is the same in other letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// `error_code` of a result.
    error_code: &'static str,
    /// `sub_code` of an error. All begin with `isv.`, for repeating the call does not help.
    sub_code: &'static str,
    /// In Chinese.
    message: Cow<'static, str>,
}

impl Refused {
    /// No such code.
    pub const UNKNOWN_CODE: Self =
        Self::new("TICKET_CODE_INVALID", "isv.ticket-code-invalid", "券码不存在");
    /// No such order or line.
    pub const UNKNOWN_ORDER: Self =
        Self::new("ORDER_NOT_FOUND", "isv.order-not-found", "订单不存在");
    /// The order is another buyer's.
    pub const OTHER_BUYER: Self =
        Self::new("BUYER_NOT_MATCHED", "isv.buyer-not-matched", "买家与订单不一致");
    /// No such redemption, or none of this ticket.
    pub const UNKNOWN_TRANSACTION: Self =
        Self::new("TRANS_NOT_FOUND", "isv.trans-not-found", "核销记录不存在");
    /// The number was used for something else.
    pub const REQUEST_REUSED: Self =
        Self::new("REQUEST_ID_REUSED", "isv.request-id-reused", "请求号已用于其他请求");

    const fn new(error_code: &'static str, sub_code: &'static str, message: &'static str) -> Self {
        Self { error_code, sub_code, message: Cow::Borrowed(message) }
    }

    /// What the engine's refusal is to this gateway; `None` for one that redemptions do not meet.
    #[must_use]
    pub fn of(rejection: &Rejection) -> Option<Self> {
        let (error_code, sub_code) = match rejection {
            Rejection::UnknownOrder => return Some(Self::UNKNOWN_ORDER),
            Rejection::Redeem(error) => match error {
                RedeemError::RequestReused => return Some(Self::REQUEST_REUSED),
                RedeemError::UnknownTicket => return Some(Self::UNKNOWN_CODE),
                RedeemError::Refunded(_) => ("TICKET_REFUNDED", "isv.ticket-refunded"),
                RedeemError::NoUses | RedeemError::UsedUp { left: 0, .. } => {
                    ("TICKET_USED_UP", "isv.ticket-used-up")
                }
                RedeemError::UsedUp { .. } => {
                    ("TICKET_QUANTITY_EXCEEDED", "isv.ticket-quantity-exceeded")
                }
                RedeemError::TooEarly { .. } => {
                    ("TICKET_NOT_YET_VALID", "isv.ticket-not-yet-valid")
                }
                RedeemError::Expired(_) => ("TICKET_EXPIRED", "isv.ticket-expired"),
            },
            Rejection::Reverse(error) => match error {
                ReverseError::UnknownRedemption => return Some(Self::UNKNOWN_TRANSACTION),
                ReverseError::AlreadyReversed => {
                    ("TRANS_ALREADY_REVERSED", "isv.trans-already-reversed")
                }
            },
            _ => return None,
        };
        let message = Cow::Owned(message::sentence(rejection));
        Some(Self { error_code, sub_code, message })
    }
}

impl From<Refused> for TopError {
    fn from(refused: Refused) -> Self {
        Self {
            code: TopCode::RemoteServiceError,
            argument: None,
            sub_code: Some(refused.sub_code),
            sub_msg: Some(refused.message),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self { error_code: refused.error_code, error_msg: refused.message, retry: false }
    }
}

impl From<ParamsError> for TopError {
    fn from(fault: ParamsError) -> Self {
        let (code, sub_msg) = match fault {
            ParamsError::UnsupportedContentType => {
                (TopCode::ParameterError, "请求体须为表单或multipart/form-data")
            }
            ParamsError::MalformedMultipart => (TopCode::ParameterError, "multipart请求体格式错误"),
            ParamsError::TooMany { .. } => (TopCode::ParameterError, "参数个数超过上限"),
            ParamsError::KeyTooLong { .. } => (TopCode::ParameterError, "参数名过长"),
            ParamsError::ValueTooLong { .. } => (TopCode::ParameterError, "参数值过长"),
            ParamsError::Conflict => (TopCode::ParameterError, "同名参数的取值不一致"),
            ParamsError::UnsupportedCharset | ParamsError::NotUtf8 => {
                (TopCode::InvalidEncoding, "参数须为UTF-8编码")
            }
        };
        Self::caller(code, sub_msg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{TicketId, UnixMillis};

    #[test]
    fn arguments_are_named_after_the_message() {
        let missing = TopError::missing_argument("shop_id");
        assert_eq!(missing.to_string(), "40: Missing required arguments:shop_id");
        let invalid = TopError::invalid_argument("shop_id", "超过32个字符");
        assert_eq!(invalid.message(), "Invalid arguments:shop_id");
        assert_eq!(invalid.sub_msg.as_deref(), Some("非法参数shop_id：超过32个字符"));
        assert_eq!(TopError::check(TopCode::InvalidSignature).to_string(), "25: Invalid signature");
    }

    /// Callers repeat on `isp.…` and on access control, and only nothing-happened answers may say so.
    #[test]
    fn sub_codes_say_whose_fault_it_is() {
        let class = |error: TopError| error.sub_code.and_then(|code| code.split('.').next());
        assert_eq!(class(TopError::busy()), Some("accesscontrol"));
        for error in [TopError::unavailable(), TopError::timed_out(), TopError::internal()] {
            assert_eq!(class(error), Some("isp"));
        }
        assert_eq!(class(TopError::missing_argument("x")), Some("isv"));
        assert_eq!(class(TopError::invalid_argument("x", "")), Some("isv"));
        assert_eq!(class(ParamsError::Conflict.into()), Some("isv"));
        assert_eq!(class(TopError::check(TopCode::InvalidSignature)), None);
        assert_eq!(class(Refused::UNKNOWN_CODE.into()), Some("isv"));
    }

    #[test]
    fn refusals_have_one_code_in_two_notations_and_are_documented() {
        let ticket = TicketId::new(1);
        let from = UnixMillis::new(0);
        let mut refusals = vec![Refused::OTHER_BUYER, Refused::UNKNOWN_CODE];
        let rejections = [
            Rejection::UnknownOrder,
            Rejection::Redeem(RedeemError::RequestReused),
            Rejection::Redeem(RedeemError::UnknownTicket),
            Rejection::Redeem(RedeemError::NoUses),
            Rejection::Redeem(RedeemError::Refunded(ticket)),
            Rejection::Redeem(RedeemError::UsedUp { ticket, left: 0 }),
            Rejection::Redeem(RedeemError::UsedUp { ticket, left: 2 }),
            Rejection::Redeem(RedeemError::TooEarly { ticket, from }),
            Rejection::Redeem(RedeemError::Expired(ticket)),
            Rejection::Reverse(ReverseError::UnknownRedemption),
            Rejection::Reverse(ReverseError::AlreadyReversed),
        ];
        refusals.extend(rejections.iter().map(|rejection| Refused::of(rejection).unwrap()));
        let documented = include_str!("../../../docs/protocols/top.md");
        for refused in refusals {
            let sub_code = format!("isv.{}", refused.error_code.to_lowercase().replace('_', "-"));
            assert_eq!(refused.sub_code, sub_code);
            let row = format!("| `{}` | `{sub_code}` |", refused.error_code);
            assert!(documented.contains(&row), "{row}");
        }
        assert_eq!(Refused::of(&Rejection::OrderPaid), None);
    }
}
