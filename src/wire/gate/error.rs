//! Why a gate is refused: a status, a stable code for programs and a sentence for people.
//!
//! Source: docs/protocols/gate.md, "Errors".

use serde::Serialize;

use crate::domain::order::{RedeemError, ReverseError};
use crate::engine::Rejection;
use crate::wire::message;

/// Why a request of a gate was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateError {
    /// The body cannot be read; what is wrong with it.
    InvalidRequest(String),
    /// No token, or none of a gate.
    Unauthenticated,
    /// The voucher is of a supplier that the gate does not serve.
    OtherSupplier,
    /// There is no such code.
    UnknownCode,
    /// No redemption of the code has this number, or none is left to take back.
    UnknownRedemption,
    /// The method is not the path's.
    MethodNotAllowed,
    /// The body is too large.
    TooLarge,
    /// Every use has been redeemed.
    AlreadyUsed,
    /// Fewer uses are left than asked for.
    NotEnoughUses {
        /// How many are left.
        left: u16,
    },
    /// The ticket's money was given back.
    Refunded,
    /// Its time has not come.
    NotYetValid,
    /// Its time is over.
    Expired,
    /// The redemption was taken back before, by another request.
    AlreadyReversed,
    /// The gate has used this number for something else.
    RequestNoReused,
    /// Too much is in flight; nothing was decided.
    Busy,
    /// We are starting or stopping; nothing was decided.
    Unavailable,
    /// It may have been done.
    OutcomeUnknown,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    code: &'a str,
    message: &'a str,
}

impl GateError {
    /// What the engine's refusal is to a gate; `None` for one that redemptions do not meet.
    #[must_use]
    pub const fn of(rejection: &Rejection) -> Option<Self> {
        match rejection {
            Rejection::UnknownOrder => Some(Self::UnknownCode),
            Rejection::Redeem(error) => Some(match error {
                RedeemError::RequestReused => Self::RequestNoReused,
                RedeemError::UnknownTicket => Self::UnknownCode,
                RedeemError::NoUses | RedeemError::UsedUp { left: 0, .. } => Self::AlreadyUsed,
                RedeemError::UsedUp { left, .. } => Self::NotEnoughUses { left: *left },
                RedeemError::Refunded(_) => Self::Refunded,
                RedeemError::TooEarly { .. } => Self::NotYetValid,
                RedeemError::Expired(_) => Self::Expired,
            }),
            Rejection::Reverse(error) => Some(match error {
                ReverseError::UnknownRedemption => Self::UnknownRedemption,
                ReverseError::AlreadyReversed => Self::AlreadyReversed,
            }),
            _ => None,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.row().0
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.row().1
    }

    /// The answer's body.
    #[must_use]
    pub fn body(&self) -> String {
        let message = match self {
            Self::InvalidRequest(why) => format!("请求格式错误：{why}"),
            Self::NotEnoughUses { left } => format!("剩余次数不足，仅剩{left}次"),
            other => other.row().2.to_owned(),
        };
        let body = Body { error: Content { code: self.code(), message: &message } };
        serde_json::to_string(&body).expect("structs with text keys are always JSON")
    }

    const fn row(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::InvalidRequest(_) => (400, "INVALID_REQUEST", "请求格式错误"),
            Self::Unauthenticated => (401, "UNAUTHENTICATED", "未提供令牌或令牌不正确"),
            Self::OtherSupplier => (403, "OTHER_SUPPLIER", "该券不属于本景区"),
            Self::UnknownCode => (404, "UNKNOWN_CODE", "券码不存在"),
            Self::UnknownRedemption => (404, "UNKNOWN_REDEMPTION", "核销记录不存在"),
            Self::MethodNotAllowed => (405, "METHOD_NOT_ALLOWED", "请求方法不正确"),
            Self::TooLarge => (413, "TOO_LARGE", "请求内容过大"),
            Self::AlreadyUsed => (409, "ALREADY_USED", "该券已使用"),
            Self::NotEnoughUses { .. } => (409, "NOT_ENOUGH_USES", "剩余次数不足"),
            Self::Refunded => (409, "REFUNDED", "该券已退款"),
            Self::NotYetValid => (409, "NOT_YET_VALID", "该券未到使用时间"),
            Self::Expired => (409, "EXPIRED", "该券已过期"),
            Self::AlreadyReversed => (409, "ALREADY_REVERSED", "该核销已冲正"),
            Self::RequestNoReused => (409, "REQUEST_NO_REUSED", "请求号已用于其他请求"),
            Self::Busy => (429, "BUSY", message::BUSY),
            Self::Unavailable => (503, "UNAVAILABLE", "服务暂不可用，请稍后重试"),
            Self::OutcomeUnknown => (504, "OUTCOME_UNKNOWN", "处理结果未知，请以同一请求号重试"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented_with_its_status() {
        let errors = [
            GateError::InvalidRequest("x".to_owned()),
            GateError::Unauthenticated,
            GateError::OtherSupplier,
            GateError::UnknownCode,
            GateError::UnknownRedemption,
            GateError::MethodNotAllowed,
            GateError::TooLarge,
            GateError::AlreadyUsed,
            GateError::NotEnoughUses { left: 1 },
            GateError::Refunded,
            GateError::NotYetValid,
            GateError::Expired,
            GateError::AlreadyReversed,
            GateError::RequestNoReused,
            GateError::Busy,
            GateError::Unavailable,
            GateError::OutcomeUnknown,
        ];
        let documented = include_str!("../../../docs/protocols/gate.md");
        for error in errors {
            let row = format!("| {} | `{}` |", error.status(), error.code());
            assert!(documented.contains(&row), "{row}");
            assert!(
                error.body().starts_with(&format!(r#"{{"error":{{"code":"{}","#, error.code()))
            );
        }
    }

    #[test]
    fn messages_have_the_facts() {
        let left = GateError::NotEnoughUses { left: 2 }.body();
        assert!(left.contains("仅剩2次"), "{left}");
        let wrong = GateError::InvalidRequest("a \"quoted\" word".to_owned()).body();
        assert!(wrong.contains(r#"a \"quoted\" word"#), "{wrong}");
    }
}
