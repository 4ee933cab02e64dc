//! One sale as every peer understands it, read from the same bodies by Piaoku's own decoder.
//!
//! No rule is checked here beyond the body's declared ones; what a peer checks is in its own module.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use piaoku::http::HttpConfig;
use piaoku::wire::codec::{Body, Decoded, Limits, Text};
use piaoku::wire::ota::{OrderAddItemParm, OrderAddParm, OrderAndPayWithPassword2Parm};

/// The agent that everything is sold to.
pub(crate) const AGENT: &str = "demo-agent";

/// Tickets that one person may have of one slot, as in data/load/catalogue.toml.
pub(crate) const PER_PERSON_MAX: i32 = 1;

/// Price of a ticket in fen, as in data/load/catalogue.toml.
pub(crate) const PRICE_FEN: i64 = 100;

/// What is bought, by whom, under which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sale {
    /// The agent's own order number: the request key. Empty for a question.
    pub(crate) sender_id: String,
    /// `<product>:<yyyyMMdd>`.
    pub(crate) slot: String,
    /// Tickets, at least one.
    pub(crate) tickets: i32,
    /// The traveller's document.
    pub(crate) document: String,
    /// The traveller's name.
    pub(crate) name: String,
    /// Mobile for notices.
    pub(crate) mobile: String,
}

/// The bounds that Piaoku reads bodies with by default.
pub(crate) fn limits() -> Limits {
    let config = HttpConfig::default();
    Limits {
        list_len_max: config.list_len_max,
        text_len_max: config.text_bytes_max,
        ..Limits::default()
    }
}

/// The model of a WithRebate; `None` when the body cannot be read or breaks a declared rule.
pub(crate) fn order_model<'b>(
    body: &'b Body<'_>,
    limits: &Limits,
) -> Option<OrderAndPayWithPassword2Parm<'b>> {
    let Decoded { model, state } = body.read::<OrderAndPayWithPassword2Parm<'_>>("parm", limits);
    model.filter(|_| state.is_valid())
}

/// The model of a Verify; `None` as above.
pub(crate) fn verify_model<'b>(body: &'b Body<'_>, limits: &Limits) -> Option<OrderAddParm<'b>> {
    let Decoded { model, state } = body.read::<OrderAddParm<'_>>("orderparm", limits);
    model.filter(|_| state.is_valid())
}

/// The sale in a WithRebate. The pay password has to be there; only Piaoku verifies it.
pub(crate) fn order(body: &Body<'_>, limits: &Limits) -> Option<Sale> {
    let parm = order_model(body, limits)?;
    parm.payinfo?.paypassword?;
    let info = parm.orderinfo?;
    sale(&info.orderdetails?, &info.effectdate, info.senderid, info.mobile)
}

/// The sale that a Verify asks about.
pub(crate) fn verify(body: &Body<'_>, limits: &Limits) -> Option<Sale> {
    let info = verify_model(body, limits)?;
    sale(&info.orderdetails?, &info.effectdate, None, info.mobile)
}

/// The load sends one line for one traveller, and that is all the peers sell.
fn sale(
    lines: &[OrderAddItemParm<'_>],
    date: &Text<'_>,
    sender_id: Text<'_>,
    mobile: Text<'_>,
) -> Option<Sale> {
    let [line] = lines else { return None };
    let owned = |text: &Text<'_>| text.as_deref().unwrap_or_default().to_owned();
    let (product, date) = (line.productid.as_deref()?, date.as_deref()?);
    (line.amount > 0).then(|| Sale {
        sender_id: owned(&sender_id),
        slot: format!("{product}:{date}"),
        tickets: line.amount,
        document: owned(&line.identificationnumber),
        name: owned(&line.fullname),
        mobile: owned(&mobile),
    })
}

/// Sixteen random digits: a voucher code, where the peer's own store does not make one.
pub(crate) fn voucher_code() -> String {
    // A new state's keys differ from all before and are random to begin with.
    let random = RandomState::new().build_hasher().finish();
    format!("{:016}", random % 10_000_000_000_000_000)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const ORDER: &str = r#"{"orderinfo":{"orderdetails":[{"productid":"P-LOAD","amount":1,
        "identificationnumber":"110000199001011234","fullname":"张三","identificationtype":"1"}],
        "mobile":"13800000000","effectdate":"20261201","senderid":"S1"},
        "payinfo":{"orderid":"S1","paypassword":"x"}}"#;

    fn body(text: &str) -> Body<'_> {
        Body::new(Some("application/json"), text.as_bytes()).unwrap()
    }

    #[test]
    fn a_sale_is_read_from_the_partners_body() {
        let sale = order(&body(ORDER), &limits()).unwrap();
        let expected = Sale {
            sender_id: "S1".to_owned(),
            slot: "P-LOAD:20261201".to_owned(),
            tickets: 1,
            document: "110000199001011234".to_owned(),
            name: "张三".to_owned(),
            mobile: "13800000000".to_owned(),
        };
        assert_eq!(sale, expected);
        let info = ORDER.split_once(':').unwrap().1.rsplit_once("},").unwrap().0;
        let question = verify(&body(&format!("{info}}}")), &limits()).unwrap();
        assert_eq!(question, Sale { sender_id: String::new(), ..expected });
    }

    #[test]
    fn what_is_no_sale_is_none() {
        let check = |text: &str| assert_eq!(order(&body(text), &limits()), None, "{text}");
        check("");
        check("{");
        check("{}");
        check(&ORDER.replace(r#""amount":1"#, r#""amount":0"#));
        check(&ORDER.replace(r#""paypassword":"x""#, r#""paypassword":"""#));
        check(&ORDER.replace("20261201", "2026-12-01"));
    }

    #[test]
    fn codes_differ() {
        let (first, second) = (voucher_code(), voucher_code());
        assert_eq!(first.len(), 16);
        assert_ne!(first, second);
    }
}
