//! Cases for every command and every refusal of the catalogue, and for what must survive a rebuild.

use std::sync::Arc;

use super::*;
use crate::domain::seats::{Numbering, SeatMap, SeatRow};
use crate::types::{Fen, PoolNo, RuleNo, Sealed, Timespan};

fn n(count: u32) -> Quantity {
    Quantity::new(count)
}

fn limited(places: u32) -> Capacity {
    Capacity::Limited(n(places))
}

fn sealed(key_id: u32) -> Sealed {
    Sealed { key_id, bytes: Box::new([1, 2, 3]) }
}

fn date(text: &str) -> ServiceDate {
    ServiceDate::parse_compact(text).unwrap()
}

fn set_supplier(id: &str) -> CatalogueCommand {
    let (id, name) = (id.to_owned(), "云山景区".to_owned());
    CatalogueCommand::SetSupplier { id, name, utc_offset_seconds: 8 * 3600 }
}

fn set_pool(id: &str, supplier: &str, capacity: Capacity) -> CatalogueCommand {
    let (id, supplier) = (id.to_owned(), supplier.to_owned());
    CatalogueCommand::SetPool { id, supplier, capacity, allowance: n(0) }
}

fn set_agent(id: &str, name: &str) -> CatalogueCommand {
    let (id, name) = (id.to_owned(), name.to_owned());
    CatalogueCommand::SetAgent { id, name, enabled: true, secrets: sealed(1) }
}

fn set_client(client_key: &str, agent: &str) -> CatalogueCommand {
    let (client_key, agent) = (client_key.to_owned(), agent.to_owned());
    CatalogueCommand::SetDouyinClient { client_key, secret: sealed(2), agent }
}

fn set_sku(sku_id: &str, product: &str, timespan: Option<u8>) -> CatalogueCommand {
    let (sku_id, product) = (sku_id.to_owned(), product.to_owned());
    CatalogueCommand::SetDouyinSku { sku_id, product, timespan: timespan.map(Timespan::new) }
}

fn set_app(app_key: &str) -> CatalogueCommand {
    let shops = vec!["2017".to_owned()];
    CatalogueCommand::SetTopApp { app_key: app_key.to_owned(), secret: sealed(3), shops }
}

fn timespan(no: u8, start_minute: u16, end_minute: u16) -> TimespanDef {
    TimespanDef { no: Timespan::new(no), start_minute, end_minute }
}

fn area(id: &str, capacity: u32) -> AreaDef {
    let (price, list_price) = (Fen::new(18_000), Fen::new(20_000));
    AreaDef {
        no: AreaNo::NONE,
        id: id.into(),
        capacity: n(capacity),
        seats: None,
        price,
        list_price,
    }
}

fn limit(scope: LimitScope, window: LimitWindow, max: u32) -> LimitRule {
    LimitRule { no: RuleNo::new(0), scope, window, max: n(max) }
}

/// A timed product of supplier 01 in pool GATE, on sale from 1 to 30 November 2026.
fn product(id: &str) -> SetProduct {
    SetProduct {
        id: id.to_owned(),
        supplier: "01".to_owned(),
        name: "成人票".to_owned(),
        on_sale: true,
        price: Fen::new(12_000),
        list_price: Fen::new(15_000),
        rebate: Fen::new(600),
        rebate_at: RebateAt::Payment,
        uses: 1,
        pool: Some("GATE".to_owned()),
        calendar: Calendar {
            dates: Some((date("20261101"), date("20261130"))),
            capacity: limited(10),
            allowance: n(1),
        },
        timespans: vec![timespan(1, 480, 660), timespan(2, 660, 840)],
        areas: vec![],
        scene_prefix: String::new(),
        rules: Rules {
            order_min: n(1),
            order_max: n(5),
            document_per_ticket: true,
            horizon_days: 60,
            hold_seconds: 1800,
            limits: vec![limit(LimitScope::Document, LimitWindow::VisitDate, 1)],
            ..Rules::default()
        },
    }
}

/// A performance at 19:30 with areas A and B.
fn show() -> SetProduct {
    SetProduct {
        timespans: vec![timespan(1, 19 * 60 + 30, 21 * 60)],
        areas: vec![area("A", 300), area("B", 600)],
        scene_prefix: "SC".to_owned(),
        ..product("P-SHOW")
    }
}

fn set(product: SetProduct) -> CatalogueCommand {
    CatalogueCommand::SetProduct(Box::new(product))
}

fn run(catalogue: &mut Catalogue, command: CatalogueCommand) {
    let event = catalogue.decide(command).unwrap();
    catalogue.apply(&event);
}

/// Suppliers 01 and 02, pools GATE (of 01) and HALL (of 02), product P-ADULT, agent `a`.
fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    for command in [
        set_supplier("01"),
        set_supplier("02"),
        set_pool("GATE", "01", limited(500)),
        set_pool("HALL", "02", Capacity::Unlimited),
        set(product("P-ADULT")),
        set_agent("a", "代理商"),
    ] {
        run(&mut catalogue, command);
    }
    catalogue
}

fn check(command: CatalogueCommand, expected: CatalogueError) {
    let said = format!("{command:?}");
    assert_eq!(catalogue().decide(command), Err(expected), "{said}");
}

#[test]
fn ids_and_names_are_printable_and_bounded() {
    let bad = |what, id: &str, max| CatalogueError::BadId { what, id: id.to_owned(), max };
    let long = |len: usize| "票".repeat(len);
    check(set_supplier(""), bad("supplier", "", 16));
    check(set_supplier(&long(17)), bad("supplier", &long(17), 16));
    check(set_supplier("0\n"), bad("supplier", "0\n", 16));
    check(set_pool("", "01", limited(1)), bad("pool", "", 36));
    check(set(product(&long(37))), bad("product", &long(37), 36));
    check(set_agent(&long(51), "x"), bad("agent", &long(51), 50));
    check(set_agent("b", ""), bad("agent name", "", 100));
    check(
        set(SetProduct { name: long(101), ..product("P") }),
        bad("product name", &long(101), 100),
    );
    check(set_client("", "a"), bad("client_key", "", 64));
    check(set_sku("", "P-ADULT", None), bad("sku_id", "", 64));
    check(set_app(&long(65)), bad("app_key", &long(65), 64));
    check(set(SetProduct { areas: vec![area("", 1)], ..show() }), bad("area", "", 36));
    let prefix = long(23);
    let wanted = bad("scene prefix", &prefix, 22);
    check(set(SetProduct { scene_prefix: prefix, ..show() }), wanted);
    assert!(catalogue().decide(set_supplier(&long(16))).is_ok(), "characters count, not bytes");
}

#[test]
fn what_a_command_names_must_exist() {
    let unknown = |what, id: &str| CatalogueError::Unknown { what, id: id.to_owned() };
    check(set_pool("P", "03", limited(1)), unknown("supplier", "03"));
    check(set(SetProduct { supplier: "03".to_owned(), ..product("P") }), unknown("supplier", "03"));
    check(set(SetProduct { pool: Some("X".to_owned()), ..product("P") }), unknown("pool", "X"));
    check(set_client("k", "nobody"), unknown("agent", "nobody"));
    check(set_sku("7", "P-NONE", None), unknown("product", "P-NONE"));
}

#[test]
fn nothing_moves_to_another_supplier() {
    let other = |what, id: &str| CatalogueError::OtherSupplier { what, id: id.to_owned() };
    check(set_pool("GATE", "02", limited(1)), other("pool", "GATE"));
    check(set(SetProduct { pool: Some("HALL".to_owned()), ..product("P") }), other("pool", "HALL"));
    let moved = SetProduct { supplier: "02".to_owned(), pool: None, ..product("p-adult") };
    check(set(moved), other("product", "p-adult"));
}

#[test]
fn a_product_must_make_sense() {
    let check = |product: SetProduct, reason: &'static str| {
        let id = product.id.clone();
        check(set(product), CatalogueError::BadProduct { id, reason });
    };
    let rules = |change: fn(&mut Rules)| {
        let mut product = product("P");
        change(&mut product.rules);
        product
    };
    let prices = "prices and rebates go from 0 to 10000000.00 yuan";
    check(SetProduct { price: Fen::new(-1), ..product("P") }, prices);
    check(SetProduct { list_price: Fen::new(1_000_000_001), ..product("P") }, prices);
    check(SetProduct { rebate: Fen::new(i64::MIN), ..product("P") }, prices);
    let dear = AreaDef { price: Fen::new(i64::MAX), ..area("A", 1) };
    check(SetProduct { areas: vec![dear], ..show() }, prices);
    let bounds = "an order needs a minimum of at least 1 and not above its maximum";
    check(rules(|rules| rules.order_min = n(0)), bounds);
    check(rules(|rules| rules.order_min = n(6)), bounds);
    let hold = "an unpaid order must keep its places for at least a second";
    check(rules(|rules| rules.hold_seconds = 0), hold);
    let mut backwards = product("P");
    backwards.calendar.dates = Some((date("20261102"), date("20261101")));
    check(backwards, "the calendar ends before it begins");
    let mut undated = product("P");
    undated.calendar.dates = None;
    check(undated, "a product not bound to a date has no timespans");
    let timespans = "timespans count up from 1 and begin before they end, within a day";
    for bad in [
        vec![timespan(0, 1, 2)],
        vec![timespan(1, 2, 2)],
        vec![timespan(1, 2, 24 * 60 + 1)],
        vec![timespan(2, 1, 2), timespan(1, 3, 4)],
        vec![timespan(1, 1, 2), timespan(1, 3, 4)],
    ] {
        check(SetProduct { timespans: bad, ..product("P") }, timespans);
    }
    let performance = "a performance needs a time of day and a scene prefix";
    check(SetProduct { timespans: vec![], ..show() }, performance);
    check(SetProduct { scene_prefix: String::new(), ..show() }, performance);
    let many = (0..256).map(|n| area(&n.to_string(), 1)).collect();
    check(SetProduct { areas: many, ..show() }, "a product has at most 255 areas");
    let twins = vec![area("A", 1), area("a", 1)];
    check(SetProduct { areas: twins, ..show() }, "two areas have the same id");
    let twice = rules(|rules| rules.limits.push(LimitRule { max: n(9), ..rules.limits[0] }));
    check(twice, "a product has at most one limit for each scope and window");
    let unused = SetProduct { uses: 0, ..product("P") };
    check(unused, "a voucher can be redeemed at least once");
}

#[test]
fn a_refund_rule_must_make_sense() {
    let tier = |hours_before, fee| FeeTier { hours_before, fee };
    let with = |tiers: Vec<FeeTier>| {
        let mut product = product("P");
        product.rules.refund = RefundRule { tiers };
        catalogue().decide(set(product)).map(|_| ())
    };
    let check = |tiers: Vec<FeeTier>, reason| {
        let id = "P".to_owned();
        assert_eq!(with(tiers), Err(CatalogueError::BadProduct { id, reason }));
    };
    let percent = Fee::Percent;
    let fee = "a refund fee goes from 0 to 10000000.00 yuan or to 100 per cent";
    check(vec![tier(0, Fee::Fixed(Fen::new(-1)))], fee);
    check(vec![tier(0, Fee::Fixed(Fen::new(1_000_000_001)))], fee);
    check(vec![tier(0, percent(10_001))], fee);
    let twice = "two tiers of a refund rule are for the same hour";
    check(vec![tier(1, percent(1)), tier(2, percent(2)), tier(1, percent(3))], twice);
    let many = "a refund rule has at most 16 tiers";
    check((0..17).map(|hour| tier(hour, percent(1))).collect(), many);
    assert_eq!(with(vec![]), Ok(()));
    assert_eq!(with((0..16).map(|hour| tier(hour, percent(10_000))).collect()), Ok(()));
}

#[test]
fn a_sku_fixes_only_a_timespan_the_product_has() {
    let reason = "a Douyin SKU fixes a timespan the product does not have";
    let bad = CatalogueError::BadProduct { id: "P-ADULT".to_owned(), reason };
    check(set_sku("7", "p-adult", Some(3)), bad.clone());
    check(set_sku("7", "P-ADULT", Some(0)), bad);
    assert!(catalogue().decide(set_sku("7", "P-ADULT", Some(2))).is_ok());
}

#[test]
fn errors_come_in_the_order_they_are_listed() {
    let id = || "P-ADULT".to_owned();
    let other = || "02".to_owned();
    let price = Fen::new(-1);
    let pool = Some("X".to_owned());
    let nobody = SetProduct { supplier: "03".to_owned(), price, ..product("") };
    check(set(nobody), CatalogueError::BadId { what: "product", id: String::new(), max: 36 });
    let moved = SetProduct { supplier: other(), pool, price, ..product("P-ADULT") };
    check(set(moved), CatalogueError::Unknown { what: "pool", id: "X".to_owned() });
    let moved = SetProduct { supplier: other(), pool: None, price, ..product("P-ADULT") };
    check(set(moved), CatalogueError::OtherSupplier { what: "product", id: id() });
}

#[test]
fn numbers_run_out_rather_than_wrap() {
    let mut catalogue = Catalogue::default();
    // Order numbers carry four digits of their supplier.
    for no in 0..10_000_u16 {
        run(&mut catalogue, set_supplier(&no.to_string()));
    }
    assert_eq!(catalogue.decide(set_supplier("x")), Err(CatalogueError::TooMany("supplier")));
    assert!(catalogue.decide(set_supplier("7")).is_ok(), "a known one keeps its number");
}

#[test]
fn every_entry_is_found_by_number_and_by_id_and_replacing_keeps_its_number() {
    let mut catalogue = catalogue();
    run(&mut catalogue, set_client("ck", "a"));
    run(&mut catalogue, set_sku("7", "P-ADULT", None));
    run(&mut catalogue, set_app("12"));
    let before = catalogue.events().len();

    run(&mut catalogue, set_supplier("02"));
    run(&mut catalogue, set_pool("GATE", "01", limited(9)));
    run(&mut catalogue, set(SetProduct { on_sale: false, ..product("p-Adult") }));
    run(&mut catalogue, set_agent("a", "另一个名字"));
    run(&mut catalogue, set_client("ck", "a"));
    run(&mut catalogue, set_sku("7", "P-ADULT", Some(1)));
    run(&mut catalogue, set_app("12"));
    assert_eq!(catalogue.events().len(), before);

    assert_eq!(catalogue.supplier_by_id("02").unwrap().no, SupplierNo::new(1));
    let gate = catalogue.pool_by_id("GATE").unwrap();
    assert_eq!((gate.no, gate.capacity), (PoolNo::new(0), limited(9)));
    assert_eq!(catalogue.pool(gate.no), Some(gate));
    let adult = catalogue.product(ProductNo::new(0)).unwrap();
    assert!(!adult.on_sale);
    assert_eq!(&*catalogue.agent(AgentNo::new(0)).unwrap().name, "另一个名字");
    assert_eq!(catalogue.douyin_client("ck").unwrap().agent, AgentNo::new(0));
    assert_eq!(catalogue.douyin_sku("7").unwrap().timespan, Some(Timespan::new(1)));
    assert_eq!(&*catalogue.top_app("12").unwrap().shops[0], "2017");
    assert_eq!(catalogue.supplier(SupplierNo::new(2)), None);
}

#[test]
fn venue_time_is_at_most_fourteen_hours_from_utc() {
    for (utc_offset_seconds, fits) in [
        (14 * 3600, true),
        (-14 * 3600, true),
        (14 * 3600 + 1, false),
        (i32::MAX, false),
        (i32::MIN, false),
    ] {
        let (id, name) = ("01".to_owned(), "01".to_owned());
        let command = CatalogueCommand::SetSupplier { id, name, utc_offset_seconds };
        let decided = Catalogue::default().decide(command);
        assert_eq!(decided.is_ok(), fits, "{utc_offset_seconds}");
    }
}

#[test]
fn the_case_of_a_product_id_does_not_count_but_is_kept() {
    let guid = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
    let mut catalogue = catalogue();
    run(&mut catalogue, set(product(guid)));
    for asked in [guid.to_owned(), guid.to_ascii_uppercase(), guid.replace('f', "F")] {
        let found = catalogue.product_by_id(&asked).unwrap();
        assert_eq!((found.no, &*found.id), (ProductNo::new(1), guid), "{asked}");
    }
    assert_eq!(catalogue.product_by_id("6f9619ff"), None);
    // Agents, pools and suppliers are named exactly.
    assert!(catalogue.agent_by_id("A").is_none() && catalogue.pool_by_id("gate").is_none());
}

#[test]
fn events_rebuild_the_same_catalogue() {
    let mut catalogue = catalogue();
    for command in [
        set(show()),
        set_client("ck", "a"),
        set_sku("7", "P-SHOW", Some(1)),
        set_app("12"),
        set(SetProduct { price: Fen::new(1), ..product("P-ADULT") }),
    ] {
        run(&mut catalogue, command);
    }
    let mut rebuilt = Catalogue::default();
    assert!(rebuilt.is_empty());
    for event in catalogue.events() {
        rebuilt.apply(&event);
    }
    assert_eq!(rebuilt.events(), catalogue.events());
    assert_eq!(rebuilt.product_by_id("p-show"), catalogue.product_by_id("P-SHOW"));
    assert_eq!(rebuilt.douyin_sku("7"), catalogue.douyin_sku("7"));
    // A record that arrives twice changes nothing.
    for event in catalogue.events() {
        rebuilt.apply(&event);
    }
    assert_eq!(rebuilt.events(), catalogue.events());
}

#[test]
fn a_catalogue_of_one_entry_is_not_empty() {
    for command in [set_supplier("01"), set_agent("a", "x"), set_app("12")] {
        let mut catalogue = Catalogue::default();
        run(&mut catalogue, command);
        assert!(!catalogue.is_empty(), "{:?}", catalogue.events());
    }
}

/// Scope and window of a product's limit rules with their numbers.
fn rule_numbers(catalogue: &mut Catalogue, limits: &[(LimitScope, LimitWindow)]) -> Vec<RuleNo> {
    let mut product = product("P-ADULT");
    product.rules.limits = limits.iter().map(|&(scope, window)| limit(scope, window, 1)).collect();
    run(catalogue, set(product));
    let product = catalogue.product_by_id("P-ADULT").unwrap();
    product.rules.limits.iter().map(|rule| rule.no).collect()
}

#[test]
fn a_limit_rule_keeps_its_number_and_leaves_it_to_no_other() {
    use LimitScope::{Document, Mobile};
    use LimitWindow::{Lifetime, OrderDate, VisitDate};
    let mut catalogue = catalogue();
    let (document, mobile) = ((Document, VisitDate), (Mobile, Lifetime));
    let first = rule_numbers(&mut catalogue, &[document, mobile]);
    // Put the other way round, dropped, and put back.
    assert_eq!(rule_numbers(&mut catalogue, &[mobile, document]), [first[1], first[0]]);
    assert_eq!(rule_numbers(&mut catalogue, &[document]), [first[0]]);
    let replaced = rule_numbers(&mut catalogue, &[document, (Mobile, OrderDate)]);
    assert_eq!(replaced[0], first[0]);
    // The counters of the dropped rule still exist: its number must not come to mean another rule.
    assert_ne!(replaced[1], first[1]);
    assert_eq!(rule_numbers(&mut catalogue, &[document, mobile]), first);

    let scopes = [Document, Mobile];
    let windows = [LimitWindow::Timespan, VisitDate, OrderDate, Lifetime];
    let all = scopes.iter().flat_map(|&scope| windows.map(|window| (scope, window)));
    let mut numbers = rule_numbers(&mut catalogue, &all.collect::<Vec<_>>());
    // Journals carry these numbers.
    assert_eq!(numbers, [0, 1, 2, 3, 16, 17, 18, 19].map(RuleNo::new));
    numbers.dedup();
    assert_eq!(numbers.len(), 8);
}

#[test]
fn an_area_keeps_its_number_and_is_never_dropped() {
    let mut catalogue = catalogue();
    let mut numbers = |areas: &[&str]| {
        let areas = areas.iter().map(|id| area(id, 10)).collect();
        let event = catalogue.decide(set(SetProduct { areas, ..show() }))?;
        catalogue.apply(&event);
        let product = catalogue.product_by_id("P-SHOW").unwrap();
        Ok(product.areas.iter().map(|area| area.no.get()).collect::<Vec<_>>())
    };
    assert_eq!(numbers(&["A", "B"]), Ok(vec![1, 2]));
    // Stock is kept by number: an area put in front must not take over what A has sold.
    assert_eq!(numbers(&["VIP", "A", "B"]), Ok(vec![3, 1, 2]));
    assert_eq!(numbers(&["b", "vip", "a"]), Ok(vec![2, 3, 1]));
    let reason = "an area cannot be dropped; give it a capacity of 0";
    let refusal = CatalogueError::BadProduct { id: "P-SHOW".to_owned(), reason };
    assert_eq!(numbers(&["VIP", "A"]), Err(refusal));
}

#[test]
fn a_scene_id_names_a_date_and_a_timespan() {
    let mut catalogue = catalogue();
    let mut show = show();
    show.timespans.push(timespan(2, 21 * 60 + 5, 22 * 60));
    run(&mut catalogue, set(show));
    let show = catalogue.product_by_id("P-SHOW").unwrap();
    assert!(show.is_performance());
    let day = date("20261121");
    assert_eq!(show.scene_id(day, &show.timespans[0]), "SC-20261121-1930");
    assert_eq!(show.scene_id(day, &show.timespans[1]), "SC-20261121-2105");
    let check = |scene: &str, expected: Option<u8>| {
        let expected = expected.map(|timespan| (day, Timespan::new(timespan)));
        assert_eq!(show.scene(scene), expected, "{scene:?}");
    };
    check("SC-20261121-1930", Some(1));
    check("SC-20261121-2105", Some(2));
    check("SC-20261121-1931", None);
    check("SC-20261121-1930 ", None);
    check("SC-20261131-1930", None);
    check("XX-20261121-1930", None);
    check("SC20261121-1930", None);
    check("SC-20261121", None);
    check("", None);
    let adult = catalogue.product_by_id("P-ADULT").unwrap();
    assert_eq!(adult.scene("-20261121-0800"), None, "it sells no performances");
}

#[test]
fn capacity_is_offered_on_the_calendar_and_nowhere_else() {
    let mut catalogue = catalogue();
    run(&mut catalogue, set(show()));
    let mut coupon = SetProduct { timespans: vec![], ..product("P-COUPON") };
    coupon.calendar.dates = None;
    run(&mut catalogue, set(coupon));
    let check = |product: &str, date: Option<&str>, timespan: u8, expected: &[(u8, u32)]| {
        let product = catalogue.product_by_id(product).unwrap().no;
        let date = date.map(|text| ServiceDate::parse_compact(text).unwrap());
        let slot = SlotKey { product, date, timespan: Timespan::new(timespan) };
        let area = |&(no, places): &(u8, u32)| (AreaNo::new(no), limited(places), n(1));
        let expected: Vec<_> = expected.iter().map(area).collect();
        assert_eq!(catalogue.slot_capacity(slot), expected, "{slot:?}");
    };
    check("P-ADULT", Some("20261101"), 1, &[(0, 10)]);
    check("P-ADULT", Some("20261130"), 2, &[(0, 10)]);
    check("P-ADULT", Some("20261031"), 1, &[]);
    check("P-ADULT", Some("20261201"), 1, &[]);
    check("P-ADULT", Some("20261101"), 0, &[]);
    check("P-ADULT", Some("20261101"), 3, &[]);
    check("P-ADULT", None, 1, &[]);
    check("P-SHOW", Some("20261101"), 1, &[(1, 300), (2, 600)]);
    check("P-COUPON", None, 0, &[(0, 10)]);
    check("P-COUPON", Some("20261101"), 0, &[]);
    let unknown = SlotKey { product: ProductNo::new(99), date: None, timespan: Timespan::NONE };
    assert!(catalogue.slot_capacity(unknown).is_empty());
    let adult = catalogue.product_by_id("P-ADULT").unwrap();
    assert_eq!(Catalogue::horizon(adult, date("20261101")), date("20261231"));
}

/// An area with one row of so many seats, numbered as given.
fn seated(seats: u8, numbering: Numbering) -> AreaDef {
    let row = SeatRow { label: "1".into(), first: 0, len: seats, aisles: 0, blocked: 0 };
    let map = SeatMap::new(vec![row], numbering, None).unwrap();
    AreaDef { seats: Some(Arc::new(map)), ..area("A", 999) }
}

#[test]
fn an_area_with_a_seat_map_has_as_many_places_as_seats_and_keeps_them() {
    let mut catalogue = catalogue();
    let show = |area: AreaDef| {
        let mut show = SetProduct { areas: vec![area], ..show() };
        show.calendar.allowance = n(0);
        show
    };
    let set = |catalogue: &Catalogue, product| catalogue.decide(set(product));
    let first = set(&catalogue, show(seated(3, Numbering::LeftToRight))).unwrap();
    catalogue.apply(&first);
    let id = show(area("A", 1)).id;
    assert_eq!(catalogue.product_by_id(&id).unwrap().areas[0].capacity, n(3));

    assert!(set(&catalogue, show(seated(4, Numbering::LeftToRight))).is_ok());
    let reason = "a seat cannot be dropped, moved or given another label; block it instead";
    let refused = |reason| CatalogueError::BadProduct { id: id.clone(), reason };
    for other in [seated(2, Numbering::LeftToRight), seated(3, Numbering::OddEven), area("A", 3)] {
        assert_eq!(set(&catalogue, show(other)).unwrap_err(), refused(reason));
    }
    let mut oversold = show(seated(3, Numbering::LeftToRight));
    oversold.calendar.allowance = n(1);
    let reason = "numbered seats cannot be sold beyond their number: the allowance must be 0";
    assert_eq!(set(&catalogue, oversold).unwrap_err(), refused(reason));
}

#[test]
fn an_agent_keeps_where_it_is_called_back_until_that_is_set_anew() {
    let mut catalogue = Catalogue::default();
    run(&mut catalogue, set_agent("called", "一"));
    let settings = CallbackSettings {
        url: "http://agent.example/callback".into(),
        official_sms: false,
        format: CallbackFormat::Xml,
        method: CallbackMethod::Get,
    };
    let set = |callback: Option<CallbackSettings>| CatalogueCommand::SetCallback {
        agent: "called".to_owned(),
        callback,
    };
    run(&mut catalogue, set(Some(settings.clone())));
    run(&mut catalogue, set_agent("called", "二"));
    let agent = catalogue.agent_by_id("called").unwrap();
    assert_eq!((&*agent.name, agent.callback.as_ref()), ("二", Some(&settings)));
    assert_eq!(agent.secrets, sealed(1), "nothing else was touched");

    let refused = catalogue.decide(set(Some(CallbackSettings { url: "".into(), ..settings })));
    assert!(matches!(refused, Err(CatalogueError::BadCallback { .. })), "{refused:?}");
    let unknown = CatalogueCommand::SetCallback { agent: "nobody".to_owned(), callback: None };
    assert!(matches!(catalogue.decide(unknown), Err(CatalogueError::Unknown { .. })));
    run(&mut catalogue, set(None));
    assert_eq!(catalogue.agent_by_id("called").unwrap().callback, None);
}
