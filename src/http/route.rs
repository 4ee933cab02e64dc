//! Which action a path names. Case does not count, nor does a slash at the end: so the partner's
//! framework has it. Source: docs/protocols/ota.md, "Routes".

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Something of agents' own interface.
    Ota(OtaAction),
    /// Douyin asks for codes.
    TicketCode,
    /// The TOP gateway.
    Router,
    /// Whether the process lives.
    Live,
    /// Whether it takes requests.
    Ready,
    /// Measurements.
    Metrics,
}

/// An action of agents' own interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtaAction {
    /// Order at a theatre and pay.
    OrderAndPay2(Fund),
    /// Order at a scenic spot and pay.
    OrderAndPay(Fund),
    /// Order at a theatre.
    AddOrder2,
    /// Order at a scenic spot.
    AddOrder,
    /// Pay an order.
    PayOrder(Fund),
    /// Give an unpaid order up.
    CancelOrder,
    /// Whether an order would be granted.
    Verify,
    /// Where the agent wants to be called back.
    ProviderConfig,
}

/// Which balance a path pays from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fund {
    Rebate,
    Prepayment,
}

/// What came of looking for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Found(Action),
    /// The path is right, the method is not; these are.
    WrongMethod(Action, &'static str),
    Unknown,
}

/// Longest path of an action.
const PATH_LEN_MAX: usize = 96;

/// Finds the action of a path and method.
pub(super) fn find(path: &str, method: &str) -> Route {
    if path.len() > PATH_LEN_MAX * 3 {
        return Route::Unknown;
    }
    let path = Cow::from(percent_decode_str(path));
    let path = path.strip_suffix(b"/").unwrap_or(&path);
    if path.len() > PATH_LEN_MAX {
        return Route::Unknown;
    }
    let mut lower = [0; PATH_LEN_MAX];
    let lower = &mut lower[..path.len()];
    lower.copy_from_slice(path);
    lower.make_ascii_lowercase();
    let Some(action) = action(lower) else { return Route::Unknown };
    let allowed = action.methods();
    if allowed.split(", ").any(|allowed| allowed == method) {
        return Route::Found(action);
    }
    // The gateway answers a wrong method itself, in its own form.
    if action == Action::Router {
        Route::Found(action)
    } else {
        Route::WrongMethod(action, allowed)
    }
}

fn action(path: &[u8]) -> Option<Action> {
    use Fund::{Prepayment, Rebate};
    use OtaAction::{
        AddOrder, AddOrder2, CancelOrder, OrderAndPay, OrderAndPay2, PayOrder, ProviderConfig,
        Verify,
    };
    Some(match path {
        b"/api/orderandpay2/withrebate" | b"/source/orderandpaywithfk2.aspx" => {
            Action::Ota(OrderAndPay2(Rebate))
        }
        b"/api/orderandpay2/withprepayment" => Action::Ota(OrderAndPay2(Prepayment)),
        b"/api/orderandpay/withrebate" => Action::Ota(OrderAndPay(Rebate)),
        b"/api/orderandpay/withprepayment" => Action::Ota(OrderAndPay(Prepayment)),
        b"/api/addorder2" => Action::Ota(AddOrder2),
        b"/api/addorder" => Action::Ota(AddOrder),
        b"/api/payorder/userebateandpassword" | b"/api/payorder/min/userebateandpassword" => {
            Action::Ota(PayOrder(Rebate))
        }
        b"/api/payorder/useprepaymentandpassword"
        | b"/api/payorder/min/useprepaymentandpassword" => Action::Ota(PayOrder(Prepayment)),
        b"/api/order/cancelorder" => Action::Ota(CancelOrder),
        b"/api/specialota/douyin/calendarticket/order/verify" => Action::Ota(Verify),
        b"/api/providerconfig" => Action::Ota(ProviderConfig),
        b"/api/order/fromdouyin/ticketcode/get" => Action::TicketCode,
        b"/router/rest" => Action::Router,
        b"/health/live" => Action::Live,
        b"/health/ready" => Action::Ready,
        b"/metrics" => Action::Metrics,
        _ => return None,
    })
}

impl Action {
    /// The action's name in metrics and logs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ota(OtaAction::OrderAndPay2(_)) => "order_and_pay2",
            Self::Ota(OtaAction::OrderAndPay(_)) => "order_and_pay",
            Self::Ota(OtaAction::AddOrder2) => "add_order2",
            Self::Ota(OtaAction::AddOrder) => "add_order",
            Self::Ota(OtaAction::PayOrder(_)) => "pay_order",
            Self::Ota(OtaAction::CancelOrder) => "cancel_order",
            Self::Ota(OtaAction::Verify) => "verify",
            Self::Ota(OtaAction::ProviderConfig) => "provider_config",
            Self::TicketCode => "ticket_code",
            Self::Router => "top",
            Self::Live => "live",
            Self::Ready => "ready",
            Self::Metrics => "metrics",
        }
    }

    /// The methods it takes, as the header `Allow` lists them.
    const fn methods(self) -> &'static str {
        match self {
            Self::Ota(_) | Self::TicketCode => "POST",
            Self::Router => "GET, POST",
            Self::Live | Self::Ready | Self::Metrics => "GET, HEAD",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_whatever_their_case() {
        let check = |path: &str, method: &str, expected: Route| {
            assert_eq!(find(path, method), expected, "{method} {path}");
        };
        let order = Action::Ota(OtaAction::OrderAndPay2(Fund::Rebate));
        check("/api/OrderAndPay2/WithRebate", "POST", Route::Found(order));
        check("/API/orderandpay2/WITHREBATE/", "POST", Route::Found(order));
        check("/Source/OrderAndPayWithFK2.aspx", "POST", Route::Found(order));
        check("/api/OrderAndPay2/WithRebate", "GET", Route::WrongMethod(order, "POST"));
        check("/api/OrderAndPay2/%57ithRebate", "POST", Route::Found(order));
        check("/%", "POST", Route::Unknown);
        check("/router/rest", "GET", Route::Found(Action::Router));
        check("/router/rest", "DELETE", Route::Found(Action::Router));
        check("/health/live", "HEAD", Route::Found(Action::Live));
        check("/health/live", "POST", Route::WrongMethod(Action::Live, "GET, HEAD"));
        check("/api/OrderAndPay2", "POST", Route::Unknown);
        check(&format!("/{}", "x".repeat(500)), "POST", Route::Unknown);
        check("", "POST", Route::Unknown);
    }
}
