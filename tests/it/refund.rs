//! Giving tickets back, row by row of docs/protocols/ota.md, "Refund", as golden transcripts in JSON
//! and XML. Each scenario has a store of its own, audited at the end.

use std::sync::Arc;

use piaoku::actors::RedeemRequest;
use piaoku::clock::ManualClock;
use piaoku::domain::account::{AccountKey, Balance, Holder, Standing};
use piaoku::domain::identity::sample;
use piaoku::domain::order::UseSelection;
use piaoku::engine::books::Audit;
use piaoku::types::RequestKey;
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::http::{Answer, Request};
use crate::support::message::{FORMATS, Format, encode, with};
use crate::support::partner::{
    self, ADD_SCENIC, Agent, CANCEL, DEMO, POOR, REFUND, REFUND_WITH_MEMORY, SCENIC, SCENIC_PREPAID,
};
use crate::support::server::{NOW, Server, Setup};
use crate::support::transcript::Transcript;

/// Two days a year at the gate, with a fee of five yuan a ticket until the day begins.
const FIXED_FEE: &str = r#"
[[product]]
id = "P-FIXED"
supplier = "01"
name = "云山夜游"
price = "30.00"
list_price = "30.00"
rebate = "1.00"
capacity = 2
first_day = 0
days = 30
horizon_days = 30
order_min = 1
order_max = 5
document_per_ticket = false
refund = [{ hours_before = 0, fee = "5.00" }]
"#;

/// A conversation with a server in one format.
struct Talk {
    server: Server,
    clock: Arc<ManualClock>,
    format: Format,
    transcript: Transcript,
}

impl Talk {
    fn post(&mut self, title: &str, agent: &Agent, path: &str, message: &Value) -> Answer {
        let body = encode(path, message, self.format);
        let request = agent.request(&self.server, path, self.format.content_type(), body);
        self.send(title, &request)
    }

    fn send(&mut self, title: &str, request: &Request) -> Answer {
        let answer = request.send(&self.server);
        self.transcript.step(title, request, &answer);
        answer
    }

    /// Orders and pays from the prepaid deposit; says the order's number.
    fn buy(&mut self, info: &Value) -> String {
        let order = DEMO.and_pay(info);
        let answer = self.post("bought", &DEMO, SCENIC_PREPAID, &order);
        assert_eq!(answer.code("resultcode"), 0, "{}", answer.text());
        answer.field("orderid").unwrap()
    }

    fn refund(&mut self, title: &str, order: &str, tickets: Option<&[&str]>) -> Answer {
        self.post(title, &DEMO, REFUND, &refund(order, tickets))
    }

    fn tickets(&self, order: &str) -> Vec<String> {
        self.server.order(DEMO.id, order).tickets.iter().map(|it| it.id.to_string()).collect()
    }

    /// What the demo agent's balance with the spot has come to.
    fn standing(&self, balance: Balance) -> Standing {
        let catalogue = self.server.engine.catalogue();
        let supplier = catalogue.supplier_by_id("01").unwrap().no;
        let agent = self.server.agent_no(DEMO.id);
        let account = AccountKey { supplier, holder: Holder::Agent(agent) };
        let view = self.server.wait(self.server.engine.account(agent, account)).unwrap();
        view.standing(balance)
    }

    fn prepaid(&self) -> i64 {
        self.standing(Balance::Prepaid).amount().get()
    }
}

/// Holds a conversation in both formats, compares it with its golden files, and audits what is left.
fn scenario(name: &str, talk: impl Fn(&mut Talk)) -> Vec<Audit> {
    let hold = |format: Format| {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOW);
        let setup = Setup { clock: clock.clone(), ..Setup::new(dir.path()) };
        let server = Server::start_with(setup.selling(FIXED_FEE));
        let transcript = Transcript::default();
        let mut talking = Talk { server, clock, format, transcript };
        talk(&mut talking);
        let Talk { server, transcript, .. } = talking;
        transcript.check(&format!("refund/{name}.{}.txt", format.name()));
        server.stop();
        audit(dir.path())
    };
    FORMATS.map(hold).into()
}

fn refund(order: &str, tickets: Option<&[&str]>) -> Value {
    match tickets {
        None => json!({ "orderid": order, "refundallticket": "1" }),
        Some(ids) => json!({ "orderid": order, "refundallticket": "0", "ticketids": ids }),
    }
}

/// An order of `amount` without persons, the same in every run.
fn plain(target: &impl Target, sender_id: &str, product: &str, amount: i64) -> Value {
    let info = partner::plain_info(target, sender_id, product, amount);
    with(&info, &[("/mobile", json!(sample::mobile(2)))])
}

/// An adult's ticket for today's first timespan, which begins in less than seven hours.
fn today(target: &impl Target, sender_id: &str) -> Value {
    let info = partner::adult_info(target, sender_id, 0, 1);
    let person = [
        ("/orderdetails/0/identificationnumber", json!(sample::resident_id(1))),
        ("/orderdetails/0/mobile", json!(sample::mobile(1))),
        ("/mobile", json!(sample::mobile(2))),
    ];
    with(&info, &person)
}

#[test]
fn a_whole_order_with_a_fixed_fee_once() {
    let audits = scenario("whole_fixed_fee", |talk| {
        let before = talk.prepaid();
        let order = talk.buy(&plain(&talk.server, "S1", "P-FIXED", 2));
        assert_eq!(talk.prepaid(), before - 6_000);
        let sold_out = DEMO.and_pay(&plain(&talk.server, "S2", "P-FIXED", 1));
        talk.post("nothing is left", &DEMO, SCENIC_PREPAID, &sold_out);
        let first = talk.refund("refunded whole, five yuan a ticket", &order, None);
        assert_eq!(talk.prepaid(), before - 1_000);
        let again = talk.refund("the same again: the same batch", &order, None);
        assert_eq!(again.field("tag"), first.field("tag"));
        let named = talk.tickets(&order);
        talk.refund("already refunded, by ticket", &order, Some(&[&named[1]]));
        assert_eq!(talk.prepaid(), before - 1_000);
        let rebate = talk.standing(Balance::Rebate { year: 2026 });
        assert_eq!(rebate.consumed.get(), 0);
        // The places are sold once more.
        talk.post("sold again", &DEMO, SCENIC_PREPAID, &sold_out);
        talk.post(
            "the order afterwards",
            &DEMO,
            SCENIC,
            &DEMO.and_pay(&plain(&talk.server, "S1", "P-FIXED", 2)),
        );
    });
    audits.iter().for_each(|audit| assert_eq!(audit.orders, 2));
}

#[test]
fn a_part_of_an_order_and_then_the_rest() {
    scenario("partial", |talk| {
        let before = talk.prepaid();
        let order = talk.buy(&plain(&talk.server, "S1", "P-BULK", 3));
        let price = (before - talk.prepaid()) / 3;
        let tickets = talk.tickets(&order);
        talk.refund("one ticket", &order, Some(&[&tickets[0]]));
        assert_eq!(talk.prepaid(), before - 2 * price);
        talk.refund("the same ticket again", &order, Some(&[&tickets[0]]));
        talk.refund("another, named twice", &order, Some(&[&tickets[1], &tickets[1]]));
        assert_eq!(talk.prepaid(), before - price);
        let memory = with(&refund(&order, None), &[("/memory", json!("客人改期"))]);
        talk.clock.set(NOW.plus_millis(60_000));
        talk.post("the rest, with a remark", &DEMO, REFUND_WITH_MEMORY, &memory);
        assert_eq!(talk.prepaid(), before);
    });
}

#[test]
fn a_fee_in_per_cent_and_then_too_late() {
    scenario("tiers", |talk| {
        let before = talk.prepaid();
        let rebate = || Balance::Rebate { year: 2026 };
        let earned = talk.standing(rebate()).recharged;
        let order = talk.buy(&today(&talk.server, "S1"));
        let price = before - talk.prepaid();
        talk.refund("within a day of the visit: 20 per cent are kept", &order, None);
        assert_eq!(talk.prepaid(), before - price / 5);
        assert_eq!(talk.standing(rebate()).recharged, earned, "rebate is taken back");
        let late = with(&today(&talk.server, "S2"), &[]);
        let order = talk.buy(&late);
        let paid = talk.prepaid();
        let begins = i64::from(7 * 3600 - (5 * 60 + 12) + 1) * 1000;
        talk.clock.set(NOW.plus_millis(begins));
        talk.refund("the visit has begun: too late", &order, None);
        assert_eq!(talk.prepaid(), paid);
    });
}

#[test]
fn rebate_money_goes_back_to_the_rebate() {
    scenario("rebate", |talk| {
        let rebate = || Balance::Rebate { year: 2026 };
        let before = talk.standing(rebate());
        let order = DEMO.and_pay(&plain(&talk.server, "S1", "P-FIXED", 2));
        let answer = talk.post("paid from rebate", &DEMO, SCENIC, &order);
        let order = answer.field("orderid").unwrap();
        talk.refund("back to the rebate, less the fee", &order, None);
        let after = talk.standing(rebate());
        assert_eq!(after.amount().get(), before.amount().get() - 1_000);
        assert_eq!(after.recharged, before.recharged);
    });
}

#[test]
fn tickets_that_cannot_be_given_back() {
    scenario("refused", |talk| {
        let order = talk.buy(&plain(&talk.server, "S1", "P-BULK", 2));
        let paid = talk.prepaid();
        let number = talk.server.order(DEMO.id, &order);
        let used = number.tickets[0].id;
        let redeem = RedeemRequest {
            by: "gate/test".into(),
            request: RequestKey::new("G1").unwrap(),
            order: number.id,
            uses: UseSelection::Tickets([(used, 1)].into_iter().collect()),
        };
        // Tickets for tomorrow are used tomorrow.
        talk.clock.set(NOW.plus_millis(86_400_000 - 3_600_000));
        talk.server.wait(talk.server.engine.redeem(redeem)).unwrap();
        talk.clock.set(NOW);
        talk.refund("a used ticket", &order, Some(&[&used.to_string()]));
        talk.refund("a whole order with a used ticket", &order, None);
        let stolen = refund(&order, None);
        talk.post("another agent's order", &POOR, REFUND, &stolen);
        talk.refund("an order that does not exist", "9999999999999999999", None);
        talk.refund("no order number at all", "YD-2026-11-22-000001", None);
        talk.refund("a ticket of no order", &order, Some(&["1795280712000000001"]));
        talk.refund("no ticket number at all", &order, Some(&["WLPAA190000000000101"]));
        talk.refund("no ticket named", &order, Some(&[]));
        let neither = with(&stolen, &[("/refundallticket", json!("2"))]);
        talk.post("neither whole nor in part", &DEMO, REFUND, &neither);
        assert_eq!(talk.prepaid(), paid);

        let held = plain(&talk.server, "S2", "P-BULK", 1);
        let held =
            talk.post("ordered, not paid", &DEMO, ADD_SCENIC, &held).field("orderid").unwrap();
        talk.refund("an order that is not paid", &held, None);
        let request = Request::new("POST", &format!("{CANCEL}?orderid={held}"));
        let request = request.header("Accept", talk.format.content_type());
        let request = DEMO.sign(&talk.server, request);
        talk.send("cancelled", &request);
        talk.refund("a cancelled order", &held, None);

        talk.post("no order named", &DEMO, REFUND, &json!({ "refundallticket": "1" }));
        let long = with(&stolen, &[("/refundallticket", json!("10"))]);
        talk.post("too long", &DEMO, REFUND, &long);
        let content_type = talk.format.content_type();
        let empty = DEMO.request(&talk.server, REFUND, content_type, "");
        talk.send("no body", &empty);
        let bad = DEMO.request(&talk.server, REFUND, content_type, "<{");
        talk.send("a body that cannot be read", &bad);
        assert_eq!(talk.prepaid(), paid);
    });
}
