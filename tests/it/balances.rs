//! What an agent has, as golden transcripts in JSON and XML: docs/protocols/ota.md, "Balances". An
//! agent's accounts with all suppliers count as one.

use piaoku::domain::account::{AccountKey, Balance, BookMoney, BookingKind, Holder};
use piaoku::domain::identity::sample;
use piaoku::types::{Fen, RequestKey};
use serde_json::json;

use crate::support::books::audit;
use crate::support::http::Request;
use crate::support::message::{FORMATS, Json, with};
use crate::support::partner::{self, Agent, DEMO, POOR, REFUND, SCENIC, SCENIC_PREPAID, THEATRE};
use crate::support::server::Server;
use crate::support::transcript::Transcript;

const PREPAYMENT: &str = "/api/Agent/Prepayment";
const REBATE: &str = "/api/Agent/Rebate";

#[test]
fn what_came_in_what_was_spent_and_what_there_is() {
    for format in FORMATS {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        let mut transcript = Transcript::default();
        transcript.name(&server.addr.to_string(), "server");
        let mut ask = |title: &str, agent: &Agent, path: &str| {
            let request = Request::new("GET", path).header("Accept", format.content_type());
            let request = agent.sign(&server, request);
            transcript.step(title, &request, &request.send(&server));
        };
        ask("before anything was sold", &DEMO, PREPAYMENT);
        ask("the rebate of this year", &DEMO, &format!("{REBATE}?year=2026"));

        let plain = |key: &str, amount| {
            let info = partner::plain_info(&server, key, "P-BULK", amount);
            DEMO.and_pay(&with(&info, &[("/mobile", json!(sample::mobile(2)))]))
        };
        let bought = DEMO.call(&server, SCENIC_PREPAID, &plain("S1", 3), Json);
        let order = bought.field("orderid").unwrap();
        let show = partner::theatre_info(&server, "S2", 1, 2);
        assert_eq!(DEMO.json(&server, THEATRE, &DEMO.and_pay(&show))["resultcode"], 0);
        assert_eq!(DEMO.json(&server, SCENIC, &plain("S3", 1))["resultcode"], 0);
        ask("after sales at both venues", &DEMO, PREPAYMENT);
        ask("the rebate, of which some was spent", &DEMO, &format!("{REBATE}?year=2026"));

        let refund = json!({ "orderid": order, "refundallticket": "1" });
        assert_eq!(DEMO.json(&server, REFUND, &refund)["errcode"], 0);
        ask("after a refund: not spent after all", &DEMO, PREPAYMENT);

        let supplier = server.engine.catalogue().supplier_by_id("01").unwrap().no;
        let poor = Holder::Agent(server.agent_no(POOR.id));
        let account = AccountKey { supplier, holder: poor };
        let top_up = BookMoney {
            kind: BookingKind::TopUp,
            balance: Balance::Rebate { year: 2025 },
            amount: Fen::new(12_345),
            reference: Some(RequestKey::new("BANK-1").unwrap()),
        };
        server.wait(server.engine.book(account, top_up)).unwrap();
        ask("another agent: every year", &POOR, &format!("{REBATE}?year="));
        ask("a year nothing was earned in", &POOR, &format!("{REBATE}?YEAR=2024"));
        ask("the older addresses", &POOR, "/Source/QueryYFKRec.aspx");
        ask("the older addresses", &POOR, "/Source/QueryFKRec.aspx?year=2025");
        ask("no year", &POOR, REBATE);
        ask("a year that is none", &POOR, &format!("{REBATE}?year=twelve"));
        let stranger = Agent { id: "nobody", session_key: DEMO.session_key };
        ask("a stranger", &stranger, PREPAYMENT);
        transcript.check(&format!("balances.{}.txt", format.name()));
        server.stop();
        audit(dir.path());
    }
}
