//! Every purchase rule, told by Verify and by an order in the same words. docs/rules.md.

use std::sync::Arc;

use piaoku::clock::ManualClock;
use piaoku::domain::identity::sample;
use piaoku::http::SentAs;
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::message::{Json, Xml, with};
use crate::support::partner::{self, ADD_SCENIC, Agent, DEMO, POOR, SCENIC, VERIFY};
use crate::support::server::{NOW, Server, Setup};

/// Twelve products of the spot, each with rules of one kind. Servers begin on 22 November 2026, a
/// Sunday, at 01:05:12.
const RULES: &str = r#"
[[product]]
id = "R-CHANNEL"
supplier = "01"
name = "抖音专享票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
channels = ["douyin", "console"]

[[product]]
id = "R-EARLY"
supplier = "01"
name = "预售票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
sale_start = "2026-11-22 01:06"
sale_end = "2026-11-22 01:07"

[[product]]
id = "R-AHEAD"
supplier = "01"
name = "提前预订票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
lead_days = 1
cut_off = "01:06"

[[product]]
id = "R-HOURS"
supplier = "01"
name = "提前两小时票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
lead_hours = 2
timespans = ["03:00-06:00", "04:00-06:00"]

[[product]]
id = "R-TOMORROW"
supplier = "01"
name = "次日票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
same_day = false

[[product]]
id = "R-DAYS"
supplier = "01"
name = "择日票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
season = { from = "1101", to = "0110" }
weekdays = ["mon", "tue", "wed", "thu", "fri"]
blackouts = ["2026-11-24", "2026-12-24..2026-12-25"]

[[product]]
id = "R-CALENDAR"
supplier = "01"
name = "日历价票"
price = "1.00"
capacity = 2
order_min = 1
order_max = 9
first_day = 0
days = 60
timespans = ["08:00-11:00", "11:00-14:00"]
[[product.exception]]
from = "2026-11-23"
to = "2026-11-25"
price = "10.00"
[[product.exception]]
from = "2026-11-24"
to = "2026-11-24"
timespans = [1]
price = "5.00"
capacity = 1
allowance = 1
[[product.exception]]
from = "2026-11-25"
to = "2026-11-26"
closed = true
[[product.exception]]
from = "2026-11-26"
to = "2026-11-26"
timespans = [2]
closed = false

[[product]]
id = "R-SENIOR"
supplier = "01"
name = "老年票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
[[product.condition]]
types = ["resident_id"]
age_from = 60
[[product.condition]]
types = ["disability_card"]

[[product]]
id = "R-LADIES"
supplier = "01"
name = "女士票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
[[product.condition]]
sex = "female"
regions = ["11"]
must_not_match = "^110105"
text = "朝阳区居民请到窗口购票"

[[product]]
id = "R-LIMITS"
supplier = "01"
name = "限购票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
limits = [
    { scope = "document", window = "rolling", days = 2, max = 2 },
    { scope = "agent", window = "visit_date", max = 4 },
    { scope = "agent", window = "visit_date", agent = "poor-agent", max = 1 },
    { scope = "everyone", window = "month", max = 8 },
]

[[product]]
id = "R-USER"
supplier = "01"
name = "用户限购票"
price = "1.00"
capacity = 100
order_min = 1
order_max = 9
first_day = 0
days = 60
limits = [
    { scope = "agent_user", window = "week", max = 1 },
    { scope = "open_id", window = "lifetime", max = 1 },
    { scope = "channel", window = "order_date", channel = "ota", max = 3 },
]
"#;

const LINE: &str = "/orderdetails/0";
const DOCUMENT: &str = "/orderdetails/0/identificationnumber";
/// 31 December 1949, female, of Chaoyang in Beijing.
const CHAOYANG: &str = "11010519491231002X";
/// 1 January 1980, male, of Anhui.
const ANHUI: &str = "34052419800101001X";

struct Shop {
    server: Server,
    clock: Arc<ManualClock>,
}

impl Shop {
    fn open(dir: &std::path::Path) -> Self {
        let clock = ManualClock::at(NOW);
        let mut setup = Setup::new(dir).selling(RULES);
        setup.clock = clock.clone();
        Self { server: Server::start_with(setup), clock }
    }

    /// Minutes and days after the start.
    fn later(&self, days: i64, minutes: i64) {
        self.clock.set(NOW.plus_millis((days * 1440 + minutes) * 60_000));
    }

    fn info(&self, product: &str, day: i32, amount: i64, changes: &[(&str, Value)]) -> Value {
        let info = partner::plain_info(&self.server, "", product, amount);
        let day = json!(self.server.day(day));
        with(&with(&info, &[("/effectdate", day)]), changes)
    }

    /// Verify in both formats and an order: all three say `code` in the same words, and what they say
    /// is returned.
    fn check_by(&self, agent: &Agent, name: &str, info: &Value, code: i64) -> String {
        let [json, xml] = [Json, Xml].map(|format| agent.call(&self.server, VERIFY, info, format));
        assert_eq!(json.code("errcode"), code, "{name}: {}", json.text());
        assert_eq!(xml.code("errcode"), code, "{name}: {}", xml.text());
        let said = json.field("errmsg").unwrap();
        assert_eq!(xml.field("errmsg").as_ref(), Some(&said), "{name}");
        let ordered = agent.call(&self.server, SCENIC, &agent.and_pay(info), Json);
        assert_eq!(ordered.code("resultcode"), code, "{name}: {}", ordered.text());
        assert_eq!(ordered.field("returnmessgage"), Some(said.clone()), "{name}");
        said
    }

    fn check(&self, name: &str, info: &Value, code: i64) -> String {
        self.check_by(&DEMO, name, info, code)
    }

    fn close(self, dir: &std::path::Path) {
        self.server.stop();
        audit(dir);
    }
}

#[test]
fn channels_and_the_time_of_sale() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(dir.path());
    let said = shop.check("not for agents", &shop.info("R-CHANNEL", 1, 1, &[]), 2);
    assert_eq!(said, "该渠道不销售此产品");
    let early = shop.info("R-EARLY", 1, 1, &[]);
    assert_eq!(shop.check("too early", &early, 2), "产品尚未开售");
    shop.later(0, 1);
    shop.check("on sale", &early, 0);
    shop.later(0, 2);
    assert_eq!(shop.check("too late", &early, 2), "产品已结束销售");

    // 01:07 on the day before is past the cut-off of that day.
    shop.check("in time", &shop.info("R-AHEAD", 2, 1, &[]), 0);
    let ended = "已过所选日期或时段的预订截止时间";
    assert_eq!(shop.check("past the cut-off", &shop.info("R-AHEAD", 1, 1, &[]), 4), ended);
    assert_eq!(shop.check("no day ahead", &shop.info("R-AHEAD", 0, 1, &[]), 4), ended);
    let said = shop.check("same day", &shop.info("R-TOMORROW", 0, 1, &[]), 4);
    assert_eq!(said, "该产品不可预订当日");
    shop.check("tomorrow", &shop.info("R-TOMORROW", 1, 1, &[]), 0);

    let span = |no: i64| shop.info("R-HOURS", 0, 1, &[("/timespanindex", json!(no))]);
    assert_eq!(shop.check("less than two hours", &span(1), 4), ended);
    shop.check("nearly three hours", &span(2), 0);
    shop.check("the earliest", &span(-1), 0);
    shop.later(0, 55);
    assert_eq!(shop.check("neither", &span(-1), 4), ended);
    shop.close(dir.path());
}

#[test]
fn days_and_the_calendar() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(dir.path());
    let day = |day: i32| shop.info("R-DAYS", day, 1, &[]);
    assert_eq!(shop.check("sunday", &day(0), 4), "所选日期所在的星期不可预订");
    shop.check("monday", &day(1), 0);
    assert_eq!(shop.check("blackout", &day(2), 4), "所选日期暂停预订");
    assert_eq!(shop.check("christmas", &day(33), 4), "所选日期暂停预订");
    assert_eq!(shop.check("mid January", &day(53), 4), "所选日期不在销售季节内");
    shop.check("new year", &day(43), 0);

    let span = |day: i32, no: i64, amount: i64| {
        shop.info("R-CALENDAR", day, amount, &[("/timespanindex", json!(no))])
    };
    let bought = |info: &Value| {
        let sold = DEMO.json(&shop.server, SCENIC, &DEMO.and_pay(info));
        let order = shop.server.order(DEMO.id, sold["orderid"].as_str().expect("an order"));
        (order.lines[0].slot.timespan.get(), order.lines[0].unit_price.get(), order.total.get())
    };
    assert_eq!(bought(&span(0, 1, 1)), (1, 100, 100));
    assert_eq!(bought(&span(1, 1, 2)), (1, 1000, 2000));
    // On the 24th the first timespan is half the price and has a place and one to oversell.
    assert_eq!(bought(&span(2, -1, 2)), (1, 500, 1000));
    shop.check("no more than both", &span(2, 1, 1), 1);
    // The second timespan is chosen, and its price with it.
    assert_eq!(bought(&span(2, -1, 1)), (2, 1000, 1000));
    let closed = "所选日期或时段已关闭";
    assert_eq!(shop.check("closed", &span(3, 1, 1), 4), closed);
    assert_eq!(shop.check("closed all day", &span(3, -1, 1), 4), closed);
    assert_eq!(shop.check("closed in the morning", &span(4, 1, 1), 4), closed);
    assert_eq!(bought(&span(4, -1, 1)), (2, 100, 100));
    shop.close(dir.path());
}

#[test]
fn what_a_document_tells() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(dir.path());
    let line = |product: &str, kind: &str, document: &str| {
        let line = json!({ "productid": product, "amount": 1, "fullname": "某",
            "identificationtype": kind, "identificationnumber": document });
        shop.info(product, 1, 1, &[(LINE, line)])
    };
    shop.check("no document", &line("R-SENIOR", "1", ""), 13);
    let said = shop.check("too young", &line("R-SENIOR", "1", ANHUI), 5);
    assert_eq!(said, "游客年龄不符合购买条件（60周岁及以上），或证件无法核验年龄");
    shop.check("old enough", &line("R-SENIOR", "1", CHAOYANG), 0);
    shop.check("disabled", &line("R-SENIOR", "6", "12345"), 0);
    shop.check("a passport", &line("R-SENIOR", "2", "E12345678"), 11);
    shop.check("ciphertext", &line("R-SENIOR", "1", "Enc.abc"), 0);

    let said = shop.check("another region", &line("R-LADIES", "1", ANHUI), 10);
    assert_eq!(said, "该证件所属地区不符合购买条件，或证件无法核验地区");
    let said = shop.check("forbidden", &line("R-LADIES", "1", CHAOYANG), 11);
    assert_eq!(said, "朝阳区居民请到窗口购票");
    let of_sex = |odd: bool| {
        (1..100_u64)
            .map(sample::resident_id)
            .find(|id| (id.as_bytes()[16] % 2 == 1) == odd && id.starts_with("11"))
            .expect("both sexes are made up")
    };
    shop.check("a man of Beijing", &line("R-LADIES", "1", &of_sex(true)), 6);
    shop.check("a woman of Beijing", &line("R-LADIES", "1", &of_sex(false)), 0);
    shop.close(dir.path());
}

#[test]
fn whom_and_how_long_a_limit_counts() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(dir.path());
    let one = json!(partner::document());
    let of = |document: &Value, day: i32| {
        let document = (DOCUMENT, document.clone());
        shop.info("R-LIMITS", day, 1, &[document])
    };
    shop.check("first", &of(&one, 5), 0);
    shop.later(1, 0);
    shop.check("second", &of(&one, 4), 0);
    let said = shop.check("third within two days", &of(&one, 4), 7);
    assert_eq!(said, "超出限购数量，每个证件每2天限购2张，已购2张");
    shop.later(2, 0);
    shop.check("on the third day the first is forgotten", &of(&one, 3), 0);
    shop.check("and the second counts", &of(&one, 3), 7);
    // All three visits are on the 27th.
    let more = shop.info("R-LIMITS", 3, 2, &[(DOCUMENT, json!(partner::document()))]);
    let said = shop.check("the agent's allotment", &more, 11);
    assert_eq!(said, "超出限购数量，代理商每个游玩日限购4张，已购3张");
    let poor = of(&json!(partner::document()), 3);
    shop.check_by(&POOR, "another agent's own allotment", &poor, 0);
    let poor = of(&json!(partner::document()), 3);
    let said = shop.check_by(&POOR, "used up", &poor, 11);
    assert_eq!(said, "超出限购数量，代理商每个游玩日限购1张，已购1张");

    // A cancelled order gives back to the very day, and the month's quota too.
    let third = json!(partner::document());
    let held = with(&of(&third, 9), &[("/orderdetails/0/amount", json!(2))]);
    let ordered = DEMO.json(&shop.server, ADD_SCENIC, &held);
    let said = shop.check("two of them unpaid", &of(&third, 9), 7);
    assert_eq!(said, "超出限购数量，每个证件每2天限购2张，已购2张");
    DEMO.cancel(&shop.server, ordered["orderid"].as_str().unwrap(), Json);
    shop.check("cancelled", &of(&third, 9), 0);
    shop.check("cancelled", &of(&third, 9), 0);
    for day in [11, 12] {
        shop.check("the seventh and the eighth", &of(&json!(partner::document()), day), 0);
    }
    let full = of(&json!(partner::document()), 13);
    let said = shop.check("the month is full", &full, 11);
    assert_eq!(said, "超出限购数量，所有购买者每月限购8张，已购8张");
    shop.later(9, 0);
    shop.check("a new month", &of(&json!(partner::document()), 13), 0);
    shop.close(dir.path());
}

#[test]
fn users_of_agents_and_of_douyin_and_a_channels_quota() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(dir.path());
    let by = |user: i64| shop.info("R-USER", 20, 1, &[("/otheruserid", json!(user))]);
    assert_eq!(shop.check("nobody", &by(0), 11), "请提供购买用户的标识");
    shop.check("one", &by(7), 0);
    let said = shop.check("one again", &by(7), 11);
    assert_eq!(said, "超出限购数量，每个用户每周限购1张，已购1张");
    shop.check("another", &by(-7), 0);
    shop.check_by(&POOR, "another agent's seventh is somebody else", &by(7), 0);
    let said = shop.check("three a day", &by(8), 11);
    assert_eq!(said, "超出限购数量，该渠道每日限购3张，已购3张");
    // Monday is another week, and another day of the channel.
    shop.later(1, 0);
    shop.check("next week", &by(7), 0);

    // Douyin names no agent's user, and every buyer by an open id.
    let codes = |order: &str, open_id: &str| {
        let ask = partner::ticket_ask(&shop.server, order, "", 1);
        let changes = [("/third_sku_id", json!("R-USER")), ("/open_id", json!(open_id))];
        partner::ticket_codes(&shop.server, &with(&ask, &changes))
    };
    assert_eq!(partner::codes_of(&codes("D-1", "open-1")).len(), 1);
    let again = codes("D-2", "open-1");
    assert!(partner::codes_of(&again).is_empty(), "{again}");
    assert!(again.to_string().contains("每个用户限购1张"), "{again}");
    assert_eq!(partner::codes_of(&codes("D-3", "open-2")).len(), 1);
    assert!(codes("D-4", "").to_string().contains("请提供购买用户的标识"));
    shop.close(dir.path());
}

#[test]
fn a_partner_that_sends_only_ciphertext_is_counted_by_its_text() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup.http.ota.sent_as = SentAs::Ciphertext;
    let server = Server::start_with(setup);
    let sealed = |document: &str| {
        let info = partner::adult_info(&server, "", 1, 1);
        let changes = [(DOCUMENT, json!(document)), ("/mobile", json!("q2hpbmE="))];
        with(&info, &changes)
    };
    let order = |document: &str| {
        let info = DEMO.and_pay(&sealed(document));
        let verified = DEMO.json(&server, VERIFY, &sealed(document))["errcode"].clone();
        let ordered = DEMO.json(&server, SCENIC, &info)["resultcode"].clone();
        assert_eq!(verified, ordered, "{document}");
        ordered
    };
    // Neither is a document; a letter's case and a blank tell two ciphertexts apart.
    assert_eq!(order("aGVsbG8="), 0);
    assert_eq!(order("aGVsbG8="), 7);
    assert_eq!(order("AGVsbG8="), 0);
    assert_eq!(order(" aGVsbG8="), 0);
    server.stop();
    audit(dir.path());
}
