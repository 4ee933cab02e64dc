//! The demo file holds exactly what is promised of it, and every slip of a pen is named.

use super::*;
use crate::domain::catalogue::{
    CallbackFormat, CallbackMethod, CallbackSettings, LimitScope, LimitWindow, Product, RebateAt,
};
use crate::types::{AgentNo, RuleNo, SlotKey};
use crate::vault::agent_secrets::decode_agent_secrets;

const DEMO: &str = include_str!("../../../data/demo/catalogue.toml");

fn today() -> ServiceDate {
    ServiceDate::parse_compact("20261121").unwrap()
}

/// Seals nothing: keeps purpose and secret readable, for the tests to look at.
fn unsealed(
    purpose: &'static str,
    secret: &[u8],
) -> Result<Sealed, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Sealed { key_id: 1, bytes: [purpose.as_bytes(), b"|", secret].concat().into() })
}

fn opened(sealed: &Sealed, purpose: &str) -> String {
    let bytes = sealed.bytes.strip_prefix(format!("{purpose}|").as_bytes());
    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
}

/// The catalogue and the opening balances a file leads to.
fn imported(text: &str) -> (Catalogue, Vec<Funding>) {
    let file = parse(text, today(), &unsealed).unwrap();
    let (mut catalogue, mut funding) = (Catalogue::default(), Vec::new());
    for entry in file.entries {
        match entry {
            CatalogueEntry::Command(command) => {
                let event = catalogue.decide(command).unwrap();
                catalogue.apply(&event);
            }
            CatalogueEntry::Funding(one) => funding.push(one),
        }
    }
    (catalogue, funding)
}

#[test]
fn the_demo_has_exactly_its_suppliers_and_products() {
    let (catalogue, _) = imported(DEMO);
    let suppliers: Vec<_> = catalogue.suppliers().iter().map(|s| (&*s.id, &*s.name)).collect();
    assert_eq!(suppliers, [("01", "云山景区"), ("02", "云山剧场")]);
    assert!(catalogue.suppliers().iter().all(|s| s.utc_offset_seconds == 8 * 3600));
    let [gate] = catalogue.pools() else { panic!("one pool") };
    assert_eq!((&*gate.id, gate.capacity), ("POOL-GATE", Capacity::Limited(Quantity::new(500))));

    // Id, supplier, fen, in the pool, capacity, last day, timespans, bounds, documents, rebate.
    let limited = |places| Capacity::Limited(Quantity::new(places));
    let three = [(480, 660), (660, 840), (840, 1020)];
    let expected = [
        (
            "P-ADULT",
            "01",
            12_000,
            true,
            Capacity::Unlimited,
            Some(59),
            &three[..],
            (1, 5),
            true,
            600,
        ),
        ("P-CHILD", "01", 6_000, true, Capacity::Unlimited, Some(59), &three[..], (1, 5), false, 0),
        ("P-FLASH", "01", 990, false, limited(10_000), Some(59), &[], (1, 5), true, 0),
        ("P-BULK", "01", 100, false, limited(1_000_000_000), Some(59), &[], (1, 100), false, 0),
        ("P-COUPON", "01", 8_800, false, limited(100_000), None, &[], (1, 100), false, 0),
        ("P-SHOW", "02", 18_000, false, limited(900), Some(59), &[(1170, 1260)], (1, 6), false, 0),
        ("P-CARD", "01", 24_000, false, limited(100_000), None, &[], (1, 10), false, 900),
    ];
    let supplier_of = |product: &Product| catalogue.supplier(product.supplier).unwrap().id.clone();
    assert_eq!(catalogue.products().len(), expected.len());
    for (product, expected) in catalogue.products().iter().zip(expected) {
        let (id, supplier, fen, pooled, capacity, last, spans, bounds, documents, rebate) =
            expected;
        let rules = &product.rules;
        assert_eq!((&*product.id, &*supplier_of(product)), (id, supplier));
        assert_eq!(product.price, Fen::new(fen), "{id}");
        assert!(product.list_price >= product.price && product.on_sale, "{id}");
        assert_eq!(product.pool, pooled.then_some(gate.no), "{id}");
        assert_eq!(product.calendar.capacity, capacity, "{id}");
        assert_eq!(product.calendar.allowance, Quantity::ZERO, "{id}");
        let dates = last.map(|last| (today(), today().plus_days(last)));
        assert_eq!(product.calendar.dates, dates, "{id}");
        let minutes = |t: &TimespanDef| (t.start_minute, t.end_minute);
        assert_eq!(product.timespans.iter().map(minutes).collect::<Vec<_>>(), spans, "{id}");
        assert!(product.timespans.iter().zip(1..).all(|(t, no)| t.no == Timespan::new(no)), "{id}");
        assert_eq!((rules.order_min.get(), rules.order_max.get()), bounds, "{id}");
        assert_eq!(rules.document_per_ticket, documents, "{id}");
        assert_eq!(product.rebate, Fen::new(rebate), "{id}");
        assert_eq!(rules.hold_seconds, 1800, "{id}");
        let reach = if product.calendar.dates.is_some() { 60 } else { 365 };
        assert_eq!(rules.horizon_days, reach, "{id}");
    }
}

#[test]
fn the_demo_has_exactly_its_limits() {
    let (catalogue, _) = imported(DEMO);
    let limits = |id: &str| {
        let product = catalogue.product_by_id(id).unwrap();
        let rule = |rule: &LimitRule| (rule.scope, rule.window, rule.max.get());
        product.rules.limits.iter().map(rule).collect::<Vec<_>>()
    };
    let (document, mobile) = (LimitScope::Document, LimitScope::Mobile);
    let visit = LimitWindow::VisitDate;
    assert_eq!(limits("P-ADULT"), [(document, visit, 1), (mobile, visit, 5)]);
    assert_eq!(limits("P-FLASH"), [(document, LimitWindow::Lifetime, 1)]);
    for free in ["P-CHILD", "P-BULK", "P-COUPON", "P-CARD", "P-SHOW"] {
        assert_eq!(limits(free), [], "{free}");
    }
}

#[test]
fn the_demo_has_a_card_of_three_uses_and_one_refund_rule() {
    let (catalogue, _) = imported(DEMO);
    for product in catalogue.products() {
        let card = &*product.id == "P-CARD";
        assert_eq!(product.uses, if card { 3 } else { 1 }, "{}", product.id);
        let rebate_at = if card { RebateAt::Redemption } else { RebateAt::Payment };
        assert_eq!(product.rebate_at, rebate_at, "{}", product.id);
        if &*product.id != "P-ADULT" {
            assert_eq!(product.rules.refund, RefundRule::default(), "{}", product.id);
        }
    }
    let tiers = &catalogue.product_by_id("P-ADULT").unwrap().rules.refund.tiers;
    let tier = |hours_before, fee| FeeTier { hours_before, fee };
    assert_eq!(tiers[..], [tier(24, Fee::Fixed(Fen::ZERO)), tier(0, Fee::Percent(2_000))]);
}

#[test]
fn the_demo_show_sells_two_areas_at_half_past_seven() {
    let (catalogue, _) = imported(DEMO);
    let show = catalogue.product_by_id("P-SHOW").unwrap();
    let area = |area: &AreaDef| (area.id.to_string(), area.capacity.get(), area.price.get());
    let areas: Vec<_> = show.areas.iter().map(area).collect();
    assert_eq!(areas, [("A".to_owned(), 300, 38_000), ("B".to_owned(), 600, 18_000)]);
    let scene = show.scene_id(today(), &show.timespans[0]);
    assert_eq!(scene, "SC-20261121-1930");
    let (date, timespan) = show.scene(&scene).unwrap();
    let slot = SlotKey { product: show.no, date: Some(date), timespan };
    assert_eq!(catalogue.slot_capacity(slot).len(), 2);
}

#[test]
fn the_demo_has_exactly_its_agents_and_their_money() {
    let (catalogue, funding) = imported(DEMO);
    let ids: Vec<_> = catalogue.agents().iter().map(|agent| &*agent.id).collect();
    assert_eq!(ids, ["demo-agent", "poor-agent", "douyin"]);
    let keys = ["444444444444", "555555555555"];
    for (agent, key) in catalogue.agents().iter().zip(keys) {
        let secrets = opened(&agent.secrets, "agent-secrets");
        let secrets = decode_agent_secrets(secrets.as_bytes()).unwrap();
        assert_eq!(secrets.session_key, format!("00000000-1111-2222-3333-{key}"));
        // docs/protocols/ota.md, "Pay password", test vectors.
        assert_eq!(secrets.login_password_md5, "0357B4F8867BABD001D45275BBA96FC6");
        assert_eq!(secrets.pay_password_md5, "73E50497020C2F5C5EEE3C197588FA88");
        assert!(agent.enabled);
    }
    assert_eq!(catalogue.agents()[2].secrets, Sealed::default(), "it never logs in");
    let money = |agent: &str, supplier: &str, fen: i64| {
        let (agent, supplier) = (agent.to_owned(), supplier.to_owned());
        Funding { agent, supplier, prepaid: Fen::new(fen), rebate: Fen::new(fen) }
    };
    let expected = [
        money("demo-agent", "01", 100_000_000_000),
        money("demo-agent", "02", 100_000_000_000),
        money("poor-agent", "01", 10_000),
        money("poor-agent", "02", 10_000),
    ];
    assert_eq!(funding, expected);
}

#[test]
fn the_demo_has_exactly_its_channels() {
    let (catalogue, _) = imported(DEMO);
    let [client] = catalogue.douyin_clients() else { panic!("one client") };
    assert_eq!(&*client.client_key, "awdemo0000000001");
    let secret = opened(&client.secret, "douyin-client-secret");
    assert_eq!(secret, "0123456789abcdef0123456789abcdef");
    assert_eq!(client.agent, AgentNo::new(2));
    let product = |sku: &str| {
        let sku = catalogue.douyin_sku(sku).unwrap();
        assert_eq!(sku.timespan, None);
        &*catalogue.product(sku.product).unwrap().id
    };
    assert_eq!(catalogue.douyin_skus().len(), 2);
    assert_eq!(product("7000000000000000001"), "P-COUPON");
    assert_eq!(product("7000000000000000002"), "P-ADULT");
    let [app] = catalogue.top_apps() else { panic!("one application") };
    assert_eq!(
        (&*app.app_key, &*app.shops),
        ("12345678", &["2017112100077000000046517463".into()][..])
    );
    assert_eq!(opened(&app.secret, "top-app-secret"), "helloworld");
    assert!(parse(DEMO, today(), &unsealed).unwrap().uses_demo_secrets);
}

const SMALL: &str = r#"
[[supplier]]
id = "01"
name = "景区"

[[product]]
id = "P"
supplier = "01"
name = "票"
price = "1.00"
capacity = 5
first_date = "2026-12-01"
last_date = "2026-12-31"
order_min = 1
order_max = 5
limits = [
    { scope = "document", window = "order_date", max = 1 },
]

[[agent]]
id = "a"
name = "代理商"
session_key = "k"
login_password = "l"
pay_password = "p"

[[agent.funding]]
supplier = "01"
prepaid = "5"
"#;

#[test]
fn what_is_left_out_has_its_default() {
    let (catalogue, funding) = imported(SMALL);
    assert!(!parse(SMALL, today(), &unsealed).unwrap().uses_demo_secrets);
    let date = |text| ServiceDate::parse_compact(text).unwrap();
    let product = catalogue.product_by_id("P").unwrap();
    assert_eq!(product.calendar.dates, Some((date("20261201"), date("20261231"))));
    assert_eq!((product.list_price, product.rebate), (Fen::new(100), Fen::ZERO));
    assert_eq!(product.rules.horizon_days, 365);
    assert_eq!(product.rules.limits[0].no, RuleNo::new(2));
    assert_eq!(catalogue.suppliers()[0].utc_offset_seconds, 28_800);
    assert_eq!((funding[0].prepaid, funding[0].rebate), (Fen::new(500), Fen::ZERO));
    assert!(parse("", today(), &unsealed).unwrap().entries.is_empty());
}

/// What is said of [`SMALL`] with one text in it replaced.
fn check(from: &str, to: &str, expected: &str) {
    assert!(SMALL.contains(from), "{from:?} is not in the file");
    let text = SMALL.replacen(from, to, 1);
    let said = parse(&text, today(), &unsealed).map(|_| ()).unwrap_err().to_string();
    assert_eq!(said, expected, "{to:?}");
}

#[test]
fn a_departure_from_the_shape_is_named_by_section_line_and_key() {
    let known = "expected one of `id`, `name`, `utc_offset`";
    let unknown = format!("[[supplier]] (line 4), nome: unknown field `nome`, {known}");
    check("name = ", "nome = ", &unknown);
    check("id = \"01\"\n", "", "[[supplier]] (line 2), id: missing field `id`");
    let places = "expected a number of places from 0 to 4294967295 or \"unlimited\"";
    let expected =
        format!("[[product]] (line 11), capacity: invalid value: integer `-1`, {places}");
    check("capacity = 5", "capacity = -1", &expected);
    let expected =
        format!("[[product]] (line 11), capacity: invalid value: string \"many\", {places}");
    check("capacity = 5", "capacity = \"many\"", &expected);
    check(
        "scope = \"document\"",
        "scope = \"person\"",
        "[[product]] (line 17), scope: unknown variant `person`, expected `document` or `mobile`",
    );
    check(
        "[[supplier]]",
        "is_dmo = true\n[[supplier]]",
        "top level (line 2), is_dmo: unknown field `is_dmo`, expected one of `is_demo`, \
         `supplier`, `pool`, `product`, `agent`, `douyin_client`, `douyin_sku`, `top_app`",
    );
    // Money as a number might have been a float.
    check(
        "price = \"1.00\"",
        "price = 1.10",
        "[[product]] (line 10), price: invalid type: floating point `1.1`, expected a string",
    );
}

#[test]
fn no_error_shows_a_secret() {
    let wrong_type = "[[agent]] (line 24), login_password: must be text in quotes";
    check("login_password = \"l\"", "login_password = 987654", wrong_type);
    let text = SMALL.replacen("\"l\"", "\"hunter2", 1);
    let error = parse(&text, today(), &unsealed).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    assert_eq!(error.key, "login_password");
}

#[test]
fn a_value_that_makes_no_sense_is_named_by_section_id_and_key() {
    let product = |key: &str, problem: &str| format!("[[product]] \"P\", {key}: {problem}");
    let price = |text: &str, problem: &str| {
        let problem = product("price", &format!("\"{text}\" is {problem}"));
        check("\"1.00\"", &format!("\"{text}\""), &problem);
    };
    price("1.001", "finer than a fen: at most two decimals");
    price("1,00", "not an amount in yuan");
    price("￥1", "not an amount in yuan");
    price("99999999999999999999", "too much");
    check("price = \"1.00\"\n", "", &product("price", "missing"));
    check("capacity = 5\n", "", &product("capacity", "missing"));
    let reversed = "2026-11-30 is before first_date, 2026-12-01";
    check("2026-12-31", "2026-11-30", &product("last_date", reversed));
    let no_date = "\"2026-12-32\" is not a date that exists (yyyy-MM-dd)";
    check("2026-12-31", "2026-12-32", &product("last_date", no_date));
    let no_date = "\"20261201\" is not a date that exists (yyyy-MM-dd)";
    check("2026-12-01", "20261201", &product("first_date", no_date));
    let half = product("last_date", "missing beside first_date");
    check("last_date = \"2026-12-31\"\n", "", &half);
    let both = "dates are given by first_day and days, or by first_date and last_date";
    check("order_min", "days = 3\norder_min", &product("first_date", both));
    let dates = "first_date = \"2026-12-01\"\nlast_date = \"2026-12-31\"";
    check(dates, "first_day = 0\ndays = 0", &product("days", "must be at least 1"));
    check(dates, "first_day = 0", &product("days", "missing beside first_day"));
    for bad in ["8:00-11:00", "11:00-08:00", "08:00-25:00", "08:60-11:00", "08:00", ""] {
        let problem = format!("\"{bad}\" is not a span of a day such as \"08:00-11:00\"");
        let timespans = format!("timespans = [\"{bad}\"]\norder_min");
        check("order_min", &timespans, &product("timespans", &problem));
    }
    let area = "scene_prefix = \"S\"\ntimespans = [\"08:00-24:00\"]\narea = [{ id = \"A\", rows = 1, \
        seats_per_row = 1, price = \"1\" }]\norder_min";
    let in_area = product("price", "a product with areas has it in each [[product.area]]");
    check("order_min", area, &in_area);
    for bad in ["08:00", "+8:00", "+24:00", "+08:0é", "é", ""] {
        let problem = format!("\"{bad}\" is not an offset such as \"+08:00\"");
        let name = format!("name = \"景区\"\nutc_offset = \"{bad}\"");
        let expected = format!("[[supplier]] \"01\", utc_offset: {problem}");
        check("name = \"景区\"", &name, &expected);
    }
}

#[test]
fn what_the_catalogue_refuses_is_named_by_section_id_and_key() {
    check(
        "supplier = \"01\"\nname",
        "supplier = \"09\"\nname",
        "[[product]] \"P\", supplier: supplier \"09\" does not exist",
    );
    check(
        "supplier = \"01\"\nprepaid",
        "supplier = \"09\"\nprepaid",
        "[[agent.funding]] \"a\", supplier: supplier \"09\" does not exist",
    );
    check(
        "capacity = 5",
        "capacity = 5\npool = \"G\"",
        "[[product]] \"P\", pool: pool \"G\" does not exist",
    );
    check(
        "order_max = 5",
        "order_max = 0",
        "[[product]] \"P\": product \"P\": an order needs a minimum of at least 1 and not above its maximum",
    );
    check(
        "name = \"票\"",
        "name = \"\"",
        "[[product]] \"P\", name: product name \"\" must have 1 to 100 printable characters",
    );
    let sku = "[[douyin_sku]]\nsku_id = \"7\"\nproduct = \"Q\"\n[[agent]]";
    check("[[agent]]", sku, "[[douyin_sku]] \"7\", product: product \"Q\" does not exist");
    let client = "[[douyin_client]]\nclient_key = \"c\"\nsecret = \"s\"\nagent = \"b\"\n[[agent]]";
    check("[[agent]]", client, "[[douyin_client]] \"c\", agent: agent \"b\" does not exist");
    let again = "[[agent]]\nid = \"A\"\nname = \"x\"\n[[agent]]";
    check("[[agent]]", again, "[[agent]] \"a\", id: appears twice");
}

#[test]
fn secrets_and_money_of_an_agent_are_whole() {
    let agent = |key: &str, problem: &str| format!("[[agent]] \"a\", {key}: {problem}");
    let all = "missing: an agent has all three secrets or none";
    check("pay_password = \"p\"\n", "", &agent("pay_password", all));
    check("session_key = \"k\"", "session_key = \"\"", &agent("session_key", "must not be empty"));
    let funding = |key: &str, problem: &str| format!("[[agent.funding]] \"a\", {key}: {problem}");
    let most = "is not between 0 and 10000000000000.00";
    check("\"5\"", "\"-5\"", &funding("prepaid", &format!("\"-5\" {most}")));
    let much = "10000000000000.01";
    check("\"5\"", &format!("\"{much}\""), &funding("prepaid", &format!("\"{much}\" {most}")));
    let twice = "[[agent.funding]]\nsupplier = \"01\"\n[[agent.funding]]";
    check("[[agent.funding]]", twice, &funding("supplier", "\"01\" appears twice"));
    let refusal = parse(SMALL, today(), &|_, _| Err("no key".into())).unwrap_err();
    assert_eq!(refusal.to_string(), agent("session_key", "could not be sealed: no key"));
}

#[test]
fn a_refund_tier_has_one_fee_and_it_is_exact() {
    let check = |tiers: &str, expected: Result<&[Fee], &str>| {
        let text = SMALL.replacen("limits = [", &format!("refund = {tiers}\nlimits = ["), 1);
        let parsed = parse(&text, today(), &unsealed).map_err(|error| error.to_string());
        if let Err(problem) = expected {
            let expected = format!("[[product]] \"P\", refund: {problem}");
            assert_eq!(parsed.map(|_| ()).unwrap_err(), expected, "{tiers}");
            return;
        }
        let (catalogue, _) = imported(&text);
        let tiers = &catalogue.product_by_id("P").unwrap().rules.refund.tiers;
        assert_eq!(Ok(&*tiers.iter().map(|tier| tier.fee).collect::<Vec<_>>()), expected);
    };
    check("[]", Ok(&[]));
    let fees = [Fee::Percent(1_250), Fee::Fixed(Fen::new(500))];
    let tiers =
        r#"[{ hours_before = 2, fee_percent = "12.5" }, { hours_before = -1, fee = "5.00" }]"#;
    check(tiers, Ok(&fees));
    let either = "each tier has either fee or fee_percent";
    check("[{ hours_before = 1 }]", Err(either));
    check(r#"[{ hours_before = 1, fee = "1", fee_percent = "1" }]"#, Err(either));
    for percent in ["100.01", "-1", "1.234", "some", "1%"] {
        let tiers = format!("[{{ hours_before = 1, fee_percent = {percent:?} }}]");
        let problem = "is not a percentage from 0 to 100 with at most two decimals";
        check(&tiers, Err(&format!("{percent:?} {problem}")));
    }
    let tiers = r#"[{ hours_before = 1, fee = "0.001" }]"#;
    check(tiers, Err("\"0.001\" is finer than a fen: at most two decimals"));
}

/// The first area of a performance whose area section has these keys.
fn area(keys: &str) -> Result<AreaDef, CatalogueFileError> {
    let text = format!(
        "[[supplier]]\nid = \"1\"\nname = \"S\"\n[[product]]\nid = \"P\"\nsupplier = \"1\"\n\
         name = \"P\"\nscene_prefix = \"S\"\nfirst_day = 0\ndays = 1\norder_min = 1\norder_max = 1\n\
         timespans = [\"08:00-24:00\"]\n[[product.area]]\nid = \"A\"\nprice = \"1\"\n{keys}\n"
    );
    let file = parse(&text, today(), &unsealed)?;
    let product = file.entries.into_iter().find_map(|entry| match entry {
        CatalogueEntry::Command(CatalogueCommand::SetProduct(product)) => Some(product),
        _ => None,
    });
    Ok(product.unwrap().areas.remove(0))
}

#[test]
fn the_demo_seats_its_show() {
    let (catalogue, _) = imported(DEMO);
    let show = catalogue.product_by_id("P-SHOW").unwrap();
    for (id, rows, seats, best) in [("A", 10, 300, ("4", 15)), ("B", 20, 600, ("1", 15))] {
        let area = show.area_by_id(id).unwrap();
        let map = area.seats.as_ref().unwrap();
        assert_eq!((map.rows().len(), area.capacity.get()), (rows, seats), "{id}");
        assert!(map.rows().iter().all(|row| row.links().count_ones() == 27), "two aisles in {id}");
        let best = map.find(best.0, best.1).unwrap();
        let focal = map.focal();
        assert_eq!(focal.row, best.row());
        assert!(focal.half.abs_diff(2 * u16::from(best.position()) + 1) <= 1, "{id}: {focal:?}");
    }
}

#[test]
fn an_area_is_drawn_as_its_section_says() {
    let drawn = area(
        "rows = 3\nseats_per_row = [2, 4, 4]\nrow_labels = [\"前\", \"A\", \"B\"]\n\
         numbering = \"odd_even\"\naisles_after = [1]\nblocked = [\"前-1\", \"b\"]\nfocal = \"A-4\"",
    );
    let drawn = drawn.unwrap();
    let map = drawn.seats.unwrap();
    let labels: Vec<_> = map.seats().filter_map(|seat| map.label(seat)).collect();
    let expected = [("前", 1), ("前", 2), ("A", 3), ("A", 1), ("A", 2), ("A", 4)];
    assert_eq!(labels[..6], expected);
    assert_eq!((map.rows()[0].first, map.rows()[1].links()), (1, 0b0110));
    assert_eq!((map.rows()[0].sellable(), map.rows()[2].sellable()), (0b0100, 0));
    assert_eq!((drawn.capacity.get(), map.focal().row, map.focal().half), (5, 1, 7));
    let emptied = area("rows = 2\nseats_per_row = 3\nblocked = [\"*\"]").unwrap();
    assert_eq!(emptied.capacity, Quantity::ZERO);
    let standing = area("capacity = 7").unwrap();
    assert_eq!((standing.capacity.get(), standing.seats), (7, None));
}

#[test]
fn an_area_that_cannot_be_drawn_is_named_by_key() {
    let check = |keys: &str, key: &str, problem: &str| {
        let error = area(keys).unwrap_err();
        assert_eq!(
            (&*error.key, &*error.problem),
            (key, &*format!("area \"A\" {problem}")),
            "{keys}"
        );
    };
    let either = "needs either rows and seats_per_row, or a capacity";
    for keys in ["", "rows = 1", "seats_per_row = 1", "rows = 1\nseats_per_row = 1\ncapacity = 1"] {
        check(keys, "area.rows", either);
    }
    let seatless = "has a capacity and no rows of seats";
    check("capacity = 1\nblocked = [\"1\"]", "area.blocked", seatless);
    check("capacity = 1\nnumbering = \"odd_even\"", "area.numbering", seatless);
    check("rows = 0\nseats_per_row = 1", "area.rows", "an area has 1 to 512 rows");
    let length = "a row has 1 to 128 seats";
    check("rows = 1\nseats_per_row = 129", "area.seats_per_row", length);
    check("rows = 1\nseats_per_row = [0]", "area.seats_per_row", length);
    let two = "rows = 2\nseats_per_row = 3\n";
    check(
        "rows = 2\nseats_per_row = [3]",
        "area.seats_per_row",
        "has 2 rows and 1 lengths of rows",
    );
    let with = |keys: &str| format!("{two}{keys}");
    check(&with("row_labels = [\"A\"]"), "area.row_labels", "has 2 rows and 1 labels");
    let same = "cannot be drawn: two rows have the same label";
    check(&with("row_labels = [\"A\", \"a\"]"), "area.row_labels", same);
    let no_aisle = "has no seats on both sides of an aisle after 3";
    check(&with("aisles_after = [3]"), "area.aisles_after", no_aisle);
    let no_seat = |name: &str| format!("has no seat {name:?}; a seat is named as in \"3-15\"");
    for name in ["3-1", "1-4", "1-x", "3", ""] {
        check(&with(&format!("blocked = [{name:?}]")), "area.blocked", &no_seat(name));
    }
    check(&with("focal = \"1\""), "area.focal", &no_seat("1"));
}

#[test]
fn an_agent_may_be_called_back_from_the_start() {
    let callback = |table: &str| {
        let text = format!("[[agent]]\nid = \"a\"\nname = \"A\"\n{table}");
        let (catalogue, _) = imported(&text);
        catalogue.agent_by_id("a").unwrap().callback.clone()
    };
    assert_eq!(callback(""), None);
    assert_eq!(callback("callback = { url = \"\" }"), None);
    let settings = CallbackSettings {
        url: "https://agent.example/callback".into(),
        official_sms: true,
        format: CallbackFormat::Json,
        method: CallbackMethod::Post,
    };
    let url = "callback = { url = \"https://agent.example/callback\"";
    assert_eq!(callback(&format!("{url} }}")), Some(settings.clone()));
    let (format, method) = (CallbackFormat::Xml, CallbackMethod::Get);
    let all = format!("{url}, official_sms = false, format = \"xml\", method = \"get\" }}");
    let expected = CallbackSettings { official_sms: false, format, method, ..settings };
    assert_eq!(callback(&all), Some(expected));

    let bad = "[[agent]]\nid = \"a\"\nname = \"A\"\ncallback = { url = \"agent.example\" }";
    let error = parse(bad, today(), &unsealed).unwrap_err();
    assert_eq!((&*error.section, &*error.key), ("[[agent]] \"a\"", "callback.url"));
}
