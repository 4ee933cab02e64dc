//! Which action a path names. Case does not count, nor does a slash at the end: so the partner's
//! framework has it. Source: docs/protocols/ota.md, "Routes".

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Something of agents' own interface.
    Ota(OtaAction),
    /// A question of agents' own interface.
    Query(QueryAction),
    /// Douyin asks for codes.
    TicketCode,
    /// The TOP gateway.
    Router,
    /// A gate asks about a code or redeems it.
    Gate(GateAction),
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
    /// Order at a scenic spot and a theatre at once and pay from the deposit.
    OrderAndPayMixed,
    /// Order at a theatre.
    AddOrder2,
    /// Order at a scenic spot.
    AddOrder,
    /// Pay an order.
    PayOrder(Fund),
    /// Give an unpaid order up.
    CancelOrder,
    /// Give tickets back.
    Refund,
    /// Whether an order would be granted.
    Verify,
    /// Where the agent wants to be called back.
    ProviderConfig,
}

/// A question of agents' own interface. It changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryAction {
    /// How an order stands.
    OrderMain,
    /// What an order consists of.
    OrderDetail,
    /// The tickets of an order.
    Tickets,
    /// One ticket.
    Ticket,
    /// What a ticket's barcode says.
    Barcode,
    /// A ticket's QR code as an image.
    TicketImage,
    /// Timespans that can be booked.
    TimeSegments,
    /// What is left of products.
    Inventory,
    /// Products on sale.
    Products,
    /// Performances that can be booked.
    Performances,
    /// One performance.
    Performance,
    /// The seat areas of a performance.
    SeatAreas,
    /// Every seat of a performance.
    SeatPlan,
    /// The caller's prepaid deposit.
    Prepayment,
    /// The caller's rebate.
    Rebate,
}

/// An action of the gate API. The code is the open part of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GateAction {
    /// What a code is worth.
    Look,
    /// Redeem it.
    Redeem,
    /// Take a redemption back.
    Reverse,
}

/// Which balance a path pays from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fund {
    Rebate,
    Prepayment,
}

/// What came of looking for an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The action, and the parts of the path that its address leaves open: decoded, in order, their
    /// case kept.
    Found(Action, Vec<String>),
    /// The path is right, the method is not; these are.
    WrongMethod(Action, &'static str),
    Unknown,
}

/// Longest path of an action, open parts included.
const PATH_LEN_MAX: usize = 160;

/// Stands in an address for a part that may be anything but empty.
const OPEN: &str = "{}";

/// Addresses with open parts, in small letters.
const PATTERNS: &[(&str, Action)] = &[
    ("/api/order/query/main/{}", Action::Query(QueryAction::OrderMain)),
    ("/api/order/query/detail/{}", Action::Query(QueryAction::OrderDetail)),
    ("/api/ticket/barcode/string/{}/{}", Action::Query(QueryAction::Barcode)),
    ("/api/ticket/image/{}/{}", Action::Query(QueryAction::TicketImage)),
    ("/api/setting/jq_yq_pc/sp/query/simpleret/byid/{}", Action::Query(QueryAction::Performance)),
    ("/v1/performances/{}/seats", Action::Query(QueryAction::SeatPlan)),
    ("/v1/vouchers/{}", Action::Gate(GateAction::Look)),
    ("/v1/vouchers/{}/redeem", Action::Gate(GateAction::Redeem)),
    ("/v1/vouchers/{}/reverse", Action::Gate(GateAction::Reverse)),
];

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
    let found = action(lower).map(|action| (action, Vec::new()));
    let Some((action, parts)) = found.or_else(|| open_action(path)) else { return Route::Unknown };
    let allowed = action.methods();
    if allowed.split(", ").any(|allowed| allowed == method) {
        return Route::Found(action, parts);
    }
    // The gateway answers a wrong method itself, in its own form.
    if action == Action::Router {
        Route::Found(action, parts)
    } else {
        Route::WrongMethod(action, allowed)
    }
}

/// The action of an address with open parts, and what stands in them.
fn open_action(path: &[u8]) -> Option<(Action, Vec<String>)> {
    let path = std::str::from_utf8(path).ok()?;
    PATTERNS.iter().find_map(|(pattern, action)| Some((*action, open_parts(pattern, path)?)))
}

fn open_parts(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut parts = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parts),
            (Some(OPEN), Some(part)) if !part.is_empty() => parts.push(part.to_owned()),
            (Some(wanted), Some(given)) if wanted.eq_ignore_ascii_case(given) => {}
            _ => return None,
        }
    }
}

fn action(path: &[u8]) -> Option<Action> {
    use Fund::{Prepayment, Rebate};
    use OtaAction::{
        AddOrder, AddOrder2, CancelOrder, OrderAndPay, OrderAndPay2, OrderAndPayMixed, PayOrder,
        ProviderConfig, Refund, Verify,
    };
    Some(match path {
        b"/api/orderandpay2/withrebate" | b"/source/orderandpaywithfk2.aspx" => {
            Action::Ota(OrderAndPay2(Rebate))
        }
        b"/api/orderandpay2/withprepayment" => Action::Ota(OrderAndPay2(Prepayment)),
        b"/api/orderandpay/withrebate" => Action::Ota(OrderAndPay(Rebate)),
        b"/api/orderandpay/withprepayment" => Action::Ota(OrderAndPay(Prepayment)),
        b"/api/orderandpay/withprepayment/specialforyouyang" => Action::Ota(OrderAndPayMixed),
        b"/api/addorder2" => Action::Ota(AddOrder2),
        b"/api/addorder" => Action::Ota(AddOrder),
        b"/api/payorder/userebateandpassword" | b"/api/payorder/min/userebateandpassword" => {
            Action::Ota(PayOrder(Rebate))
        }
        b"/api/payorder/useprepaymentandpassword"
        | b"/api/payorder/min/useprepaymentandpassword" => Action::Ota(PayOrder(Prepayment)),
        b"/api/order/cancelorder" => Action::Ota(CancelOrder),
        b"/api/order/refundticket" | b"/api/order/refund" => Action::Ota(Refund),
        b"/api/specialota/douyin/calendarticket/order/verify" => Action::Ota(Verify),
        b"/api/providerconfig" => Action::Ota(ProviderConfig),
        b"/api/webinterface/order/query/tickets" => Action::Query(QueryAction::Tickets),
        b"/api/webinterface/order/query/ticket" => Action::Query(QueryAction::Ticket),
        b"/api/timesegment" => Action::Query(QueryAction::TimeSegments),
        b"/api/products/inventory" => Action::Query(QueryAction::Inventory),
        b"/api/products" | b"/api/webinterface/scenicspot/products" => {
            Action::Query(QueryAction::Products)
        }
        b"/api/agent/prepayment" | b"/source/queryyfkrec.aspx" => {
            Action::Query(QueryAction::Prepayment)
        }
        b"/api/agent/rebate" | b"/source/queryfkrec.aspx" => Action::Query(QueryAction::Rebate),
        b"/api/sencelist" => Action::Query(QueryAction::Performances),
        b"/api/setting/jq_yq_zwqy/sp/query/simpleret" => Action::Query(QueryAction::SeatAreas),
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
            Self::Ota(OtaAction::OrderAndPayMixed) => "order_and_pay_mixed",
            Self::Ota(OtaAction::AddOrder2) => "add_order2",
            Self::Ota(OtaAction::AddOrder) => "add_order",
            Self::Ota(OtaAction::PayOrder(_)) => "pay_order",
            Self::Ota(OtaAction::CancelOrder) => "cancel_order",
            Self::Ota(OtaAction::Refund) => "refund",
            Self::Ota(OtaAction::Verify) => "verify",
            Self::Query(QueryAction::OrderMain) => "query_order_main",
            Self::Query(QueryAction::OrderDetail) => "query_order_detail",
            Self::Query(QueryAction::Tickets) => "query_tickets",
            Self::Query(QueryAction::Ticket) => "query_ticket",
            Self::Query(QueryAction::Barcode) => "query_barcode",
            Self::Query(QueryAction::TicketImage) => "query_ticket_image",
            Self::Query(QueryAction::TimeSegments) => "query_time_segments",
            Self::Query(QueryAction::Inventory) => "query_inventory",
            Self::Query(QueryAction::Products) => "query_products",
            Self::Query(QueryAction::Performances) => "query_performances",
            Self::Query(QueryAction::Performance) => "query_performance",
            Self::Query(QueryAction::SeatAreas) => "query_seat_areas",
            Self::Query(QueryAction::SeatPlan) => "query_seat_plan",
            Self::Query(QueryAction::Prepayment) => "query_prepayment",
            Self::Query(QueryAction::Rebate) => "query_rebate",
            Self::Ota(OtaAction::ProviderConfig) => "provider_config",
            Self::TicketCode => "ticket_code",
            Self::Router => "top",
            Self::Gate(GateAction::Look) => "gate_look",
            Self::Gate(GateAction::Redeem) => "gate_redeem",
            Self::Gate(GateAction::Reverse) => "gate_reverse",
            Self::Live => "live",
            Self::Ready => "ready",
            Self::Metrics => "metrics",
        }
    }

    /// The methods it takes, as the header `Allow` lists them.
    const fn methods(self) -> &'static str {
        match self {
            Self::Ota(_) | Self::TicketCode => "POST",
            Self::Query(_) => "GET",
            Self::Router => "GET, POST",
            Self::Gate(GateAction::Look) => "GET",
            Self::Gate(GateAction::Redeem | GateAction::Reverse) => "POST",
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
        let found = |action| Route::Found(action, Vec::new());
        let order = Action::Ota(OtaAction::OrderAndPay2(Fund::Rebate));
        check("/api/OrderAndPay2/WithRebate", "POST", found(order));
        check("/API/orderandpay2/WITHREBATE/", "POST", found(order));
        check("/Source/OrderAndPayWithFK2.aspx", "POST", found(order));
        check("/api/OrderAndPay2/WithRebate", "GET", Route::WrongMethod(order, "POST"));
        check("/api/OrderAndPay2/%57ithRebate", "POST", found(order));
        check("/%", "POST", Route::Unknown);
        check("/router/rest", "GET", found(Action::Router));
        check("/router/rest", "DELETE", found(Action::Router));
        check("/health/live", "HEAD", found(Action::Live));
        check("/health/live", "POST", Route::WrongMethod(Action::Live, "GET, HEAD"));
        check("/api/OrderAndPay2", "POST", Route::Unknown);
        check(&format!("/{}", "x".repeat(500)), "POST", Route::Unknown);
        check("", "POST", Route::Unknown);
    }

    #[test]
    fn open_parts_are_handed_on_as_they_were_sent() {
        let check = |path: &str, expected: Option<(QueryAction, &[&str])>| {
            let expected = expected.map_or(Route::Unknown, |(action, parts)| {
                Route::Found(Action::Query(action), parts.iter().map(|&it| it.into()).collect())
            });
            assert_eq!(find(path, "GET"), expected, "{path}");
        };
        check("/api/Order/Query/Main/Ab1", Some((QueryAction::OrderMain, &["Ab1"])));
        check("/API/order/QUERY/main/%41b1/", Some((QueryAction::OrderMain, &["Ab1"])));
        check("/api/Ticket/Image/1/%E7%A5%A8", Some((QueryAction::TicketImage, &["1", "票"])));
        check("/api/Ticket/Image/1/%FF", None);
        check("/api/Ticket/Image//1", None);
        check("/api/Ticket/Image/1", None);
        check("/api/Ticket/Image/1/2/3", None);
        check("/api/Order/Query/Main", None);
        let main = Action::Query(QueryAction::OrderMain);
        let wrong = Route::WrongMethod(main, "GET");
        assert_eq!(find("/api/Order/Query/Main/1", "POST"), wrong);
    }

    #[test]
    fn codes_of_gates_stand_in_the_path() {
        let check = |path: &str, method: &str, expected: Option<(GateAction, &str)>| {
            let expected = expected.map_or(Route::Unknown, |(action, code)| {
                Route::Found(Action::Gate(action), vec![code.to_owned()])
            });
            assert_eq!(find(path, method), expected, "{method} {path}");
        };
        let code = "016569843362";
        check("/v1/vouchers/016569843362", "GET", Some((GateAction::Look, code)));
        check("/V1/Vouchers/016569843362/", "GET", Some((GateAction::Look, code)));
        check("/v1/vouchers/%30%3165698433%362/redeem", "POST", Some((GateAction::Redeem, code)));
        check("/v1/vouchers/X/reverse", "POST", Some((GateAction::Reverse, "X")));
        check("/v1/vouchers", "GET", None);
        check("/v1/vouchers//redeem", "POST", None);
        check("/v1/vouchers/1/void", "POST", None);
        let look = Action::Gate(GateAction::Look);
        assert_eq!(find("/v1/vouchers/1", "POST"), Route::WrongMethod(look, "GET"));
        assert_eq!(find("/v1/vouchers/%FF", "GET"), Route::Unknown);
    }
}
