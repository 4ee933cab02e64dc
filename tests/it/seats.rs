//! A theatre filled by a thousand random sales: no seat twice, nobody scattered while there was room
//! together, and books that say the same.

mod returned;

use std::collections::{BTreeMap, BTreeSet};

use piaoku::domain::order::Order;
use piaoku::types::AreaNo;
use serde_json::{Value, json};

use crate::support::Target;
use crate::support::books::audit;
use crate::support::http::Request;
use crate::support::message::{FORMATS, Json};
use crate::support::partner::{self, ADD_THEATRE, DEMO, PAY, THEATRE};
use crate::support::server::Server;

/// Rows of the demo's areas; every row has thirty seats and aisles after the eighth and the
/// twenty-second.
const AREAS: [(&str, u16); 2] = [("A", 10), ("B", 20)];
const ROW_LEN: u16 = 30;
const AISLES: [u16; 2] = [8, 22];

/// A seat by area, row and number.
type Seat = (&'static str, u16, u16);

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % bound
    }
}

/// The house as a child would keep it: a list of free seats.
struct House {
    free: BTreeSet<Seat>,
}

impl House {
    fn new() -> Self {
        let seats = AREAS.iter().flat_map(|&(area, rows)| {
            (1..=rows).flat_map(move |row| (1..=ROW_LEN).map(move |no| (area, row, no)))
        });
        Self { free: seats.collect() }
    }

    fn neighbours(seat: Seat) -> impl Iterator<Item = Seat> {
        let (area, row, no) = seat;
        let left = (no > 1 && !AISLES.contains(&(no - 1))).then(|| (area, row, no - 1));
        let right = (no < ROW_LEN && !AISLES.contains(&no)).then(|| (area, row, no + 1));
        left.into_iter().chain(right)
    }

    /// Every way to seat `n` together in an area.
    fn blocks(&self, area: &str, n: usize) -> Vec<Vec<Seat>> {
        let mut blocks = Vec::new();
        for &first in self.free.iter().filter(|seat| seat.0 == area) {
            let mut block = vec![first];
            while block.len() < n {
                let (area, row, last) = block[block.len() - 1];
                let next = (area, row, last + 1);
                if !self.free.contains(&next) || !Self::neighbours(next).any(|it| it.2 == last) {
                    break;
                }
                block.push(next);
            }
            if block.len() == n {
                blocks.push(block);
            }
        }
        blocks
    }

    /// Whether taking `seats` leaves a seat alone that had a neighbour.
    fn leaves_orphan(&self, seats: &[Seat]) -> bool {
        let beside = seats.iter().flat_map(|seat| Self::neighbours(*seat));
        let beside = beside.filter(|seat| self.free.contains(seat) && !seats.contains(seat));
        let alone = |seat: Seat| {
            let free = |it: &Seat| self.free.contains(it) && !seats.contains(it);
            !Self::neighbours(seat).any(|it| free(&it))
        };
        beside.into_iter().any(alone)
    }

    fn free_in(&self, area: &str) -> usize {
        self.free.iter().filter(|seat| seat.0 == area).count()
    }

    /// Checks what the system chose.
    fn check_choice(&self, area: &str, n: usize, seats: &[Seat]) {
        assert_eq!(seats.len(), n);
        assert!(seats.iter().all(|seat| seat.0 == area && self.free.contains(seat)), "{seats:?}");
        let blocks = self.blocks(area, n);
        if blocks.is_empty() {
            return;
        }
        assert!(blocks.iter().any(|block| block == seats), "scattered: {seats:?}");
        let tidy = blocks.iter().any(|block| !self.leaves_orphan(block));
        assert!(
            !tidy || !self.leaves_orphan(seats),
            "somebody's neighbour is left alone: {seats:?}"
        );
    }

    fn take(&mut self, seats: &[Seat]) {
        for seat in seats {
            assert!(self.free.remove(seat), "{seat:?} is given twice");
        }
    }
}

fn seat_id((area, row, no): Seat) -> String {
    format!("{area}-{row}-{no}")
}

/// The seats of an order, one a ticket.
fn seats_of(server: &Server, order: &Order) -> Vec<Seat> {
    let catalogue = server.engine.catalogue();
    let mut seats = Vec::new();
    for line in &order.lines {
        assert_eq!(line.seats.len(), line.quantity.get() as usize, "a seat for each ticket");
        let product = catalogue.product(line.product).unwrap();
        let area = product.area(line.area).unwrap();
        for seat in &line.seats {
            let (row, no) = area.seats.as_ref().unwrap().label(*seat).unwrap();
            let area = AREAS[usize::from(line.area.get()) - 1].0;
            seats.push((area, row.parse().unwrap(), no));
        }
    }
    seats
}

fn wants(server: &Server, area: &str, n: usize, named: &[Seat]) -> Value {
    let mut info = partner::theatre_info(server, &partner::sender_id(), 1, n as i64);
    info["seatareaid"] = json!(area);
    if !named.is_empty() {
        let seats: Vec<Value> = named.iter().map(|s| json!({ "seatid": seat_id(*s) })).collect();
        info["orderdetails"][0]["seatitems"] = json!(seats);
        info["autoselseats"] = json!("0");
    }
    info
}

#[test]
fn a_thousand_random_sales_fill_the_house_without_scattering_anybody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (mut random, mut house) = (Random(2026), House::new());
    let mut unpaid: Vec<(String, Vec<Seat>)> = Vec::new();
    let (mut full, mut given_back, mut together) = (0, 0, 0);
    for sale in 0..1000 {
        let (area, rows) = AREAS[random.below(2)];
        let n = 1 + random.below(6);
        // Named seats begin anywhere, taken or not.
        let named: Vec<Seat> = if random.below(5) == 0 {
            let row = 1 + random.below(usize::from(rows)) as u16;
            let first = 1 + random.below(usize::from(ROW_LEN) + 1 - n) as u16;
            (first..first + n as u16).map(|no| (area, row, no)).collect()
        } else {
            vec![]
        };
        let info = wants(&server, area, n, &named);
        let pays = random.below(3) > 0;
        let answer = if pays {
            DEMO.json(&server, THEATRE, &DEMO.and_pay(&info))
        } else {
            DEMO.json(&server, ADD_THEATRE, &info)
        };
        let code = answer["resultcode"].as_i64().unwrap();
        let possible = match &named[..] {
            [] => house.free_in(area) >= n,
            named => named.iter().all(|seat| house.free.contains(seat)),
        };
        assert_eq!(code, i64::from(!possible), "sale {sale}: {n} in {area}, {named:?}: {answer}");
        if code == 0 {
            let number = answer["orderid"].as_str().unwrap().to_owned();
            let seats = seats_of(&server, &server.order(DEMO.id, &number));
            if named.is_empty() {
                house.check_choice(area, n, &seats);
                together += 1;
            } else {
                assert_eq!(seats, named, "whoever chose gets what was chosen");
            }
            house.take(&seats);
            if !pays {
                unpaid.push((number, seats));
            }
        } else {
            full += 1;
        }
        // Once it is nearly full, people change their minds: what they give back is scattered.
        while house.free.len() < 60 && !unpaid.is_empty() {
            let (number, seats) = unpaid.swap_remove(random.below(unpaid.len()));
            assert_eq!(DEMO.cancel(&server, &number, Json).code("resultcode"), 0);
            house.free.extend(seats);
            given_back += 1;
        }
    }
    assert!(together > 150 && full > 100 && given_back > 40, "{together} {full} {given_back}");
    // The last seats go too, one by one.
    while let Some(&seat) = house.free.first() {
        let info = wants(&server, seat.0, 1, &[]);
        let answer = DEMO.json(&server, THEATRE, &DEMO.and_pay(&info));
        let order = server.order(DEMO.id, answer["orderid"].as_str().unwrap());
        house.take(&seats_of(&server, &order));
    }
    for (number, _) in unpaid {
        assert_eq!(DEMO.json(&server, PAY, &DEMO.pay_info(&number))["resultcode"], 0);
    }
    server.stop();
    audit(dir.path());
}

#[test]
fn callers_at_once_never_get_one_seat_twice() {
    const CALLERS: usize = 8;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let barrier = std::sync::Barrier::new(CALLERS);
    let orders: Vec<(String, Vec<Seat>)> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (server, barrier) = (&server, &barrier);
                scope.spawn(move || {
                    let mut random = Random(caller as u64);
                    let mut sold = Vec::new();
                    barrier.wait();
                    for _ in 0..50 {
                        // Everybody wants the small area; half of them name the same seats.
                        let n = 1 + random.below(4);
                        let row = 1 + random.below(10) as u16;
                        let first = 1 + random.below(27) as u16;
                        let named: Vec<Seat> = if random.below(2) == 0 {
                            (first..first + n as u16).map(|no| ("A", row, no)).collect()
                        } else {
                            vec![]
                        };
                        let info = wants(server, "A", n, &named);
                        let answer = DEMO.json(server, THEATRE, &DEMO.and_pay(&info));
                        match answer["resultcode"].as_i64() {
                            Some(0) => {
                                let number = answer["orderid"].as_str().unwrap();
                                sold.push((number.to_owned(), named));
                            }
                            code => assert_eq!(code, Some(1), "{answer}"),
                        }
                    }
                    sold
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let mut house = House::new();
    for (number, named) in &orders {
        let seats = seats_of(&server, &server.order(DEMO.id, number));
        assert!(named.is_empty() || seats == *named, "{number}: {seats:?}");
        house.take(&seats);
    }
    assert!(house.free_in("A") < 30, "the house is nearly full: {}", house.free_in("A"));
    server.stop();
    assert_eq!(audit(dir.path()).orders, orders.len());
}

#[test]
fn seats_survive_a_restart_and_come_back_when_an_order_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let named = [("A", 4, 15), ("A", 4, 16)];
    let server = Server::start(dir.path());
    let held = DEMO.json(&server, ADD_THEATRE, &wants(&server, "A", 2, &named));
    let held = held["orderid"].as_str().unwrap().to_owned();
    let sold = DEMO.json(&server, THEATRE, &DEMO.and_pay(&wants(&server, "A", 3, &[])));
    let sold = sold["orderid"].as_str().unwrap().to_owned();
    let before = seats_of(&server, &server.order(DEMO.id, &sold));
    server.stop();

    let server = Server::start(dir.path());
    assert_eq!(seats_of(&server, &server.order(DEMO.id, &held)), named);
    assert_eq!(seats_of(&server, &server.order(DEMO.id, &sold)), before);
    let ask = |seats: &[Seat]| {
        let info = wants(&server, "A", seats.len(), seats);
        DEMO.json(&server, THEATRE, &DEMO.and_pay(&info))
    };
    let refused = ask(&named);
    assert_eq!(refused["resultcode"], 1);
    assert_eq!(refused["returnmessgage"], "座位A-4-15已被占用，请重新选座");
    assert_eq!(ask(&before[..1])["resultcode"], 1);
    assert_eq!(DEMO.cancel(&server, &held, Json).code("resultcode"), 0);
    assert_eq!(ask(&named)["resultcode"], 0);
    server.stop();
    audit(dir.path());
}

#[test]
fn lines_of_one_request_sit_together() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut info = wants(&server, "A", 2, &[]);
    let mut second = info["orderdetails"][0].clone();
    second["amount"] = json!(3);
    info["orderdetails"].as_array_mut().unwrap().push(second);
    let answer = DEMO.json(&server, THEATRE, &DEMO.and_pay(&info));
    let order = server.order(DEMO.id, answer["orderid"].as_str().unwrap());
    let seats = seats_of(&server, &order);
    assert!(House::new().blocks("A", 5).contains(&seats), "{seats:?}");
    let lines: Vec<_> = order.lines.iter().map(|line| (line.area, line.seats.len())).collect();
    assert_eq!(lines, [(AreaNo::new(1), 2), (AreaNo::new(1), 3)]);
    let on_tickets: Vec<_> = (0..5).filter_map(|ticket| order.seat(ticket)).collect();
    let on_lines: Vec<_> = order.lines.iter().flat_map(|line| line.seats.clone()).collect();
    assert_eq!(on_tickets, on_lines);
    let different: BTreeMap<_, _> = seats.iter().map(|seat| (seat, ())).collect();
    assert_eq!(different.len(), 5);
}

#[test]
fn named_seats_say_their_area_themselves_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for (row, format) in (1..).zip(FORMATS) {
        let named = [("B", row, 2), ("B", row, 1)];
        let mut info = wants(&server, "", 2, &named);
        let answer = DEMO.call(&server, ADD_THEATRE, &info, format);
        assert_eq!(answer.code("resultcode"), 0, "{}", answer.text());
        // Another order wants one of them.
        info["senderid"] = json!(partner::sender_id());
        let answer = DEMO.call(&server, ADD_THEATRE, &info, format);
        assert_eq!(answer.code("resultcode"), 1, "{}", answer.text());
    }
    server.stop();
    let audit = audit(dir.path());
    assert_eq!(audit.orders, FORMATS.len());
}

/// The plan of tomorrow's performance, as whoever lets a buyer pick sees it.
fn plan(server: &Server) -> Value {
    let path = format!("/v1/performances/SC-{}-1930/seats", server.day(1));
    let answer = DEMO.sign(server, Request::new("GET", &path)).send(server);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// States of the seats of a plan by id, without those that can be bought.
fn not_sellable(plan: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut seats = BTreeMap::new();
    for area in plan["areas"].as_array().unwrap() {
        let rows = area["rows"].as_array().unwrap();
        let all = rows.iter().flat_map(|row| row["seats"].as_array().unwrap());
        for seat in all.filter(|seat| seat["state"] != "sellable") {
            seats.insert(text(&seat["seatid"]), text(&seat["state"]));
        }
    }
    seats
}

#[test]
fn a_plan_shows_every_seat_as_it_stands_awake_and_asleep() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let fresh = plan(&server);
    assert!(not_sellable(&fresh).is_empty());
    assert_eq!(fresh["senceid"], format!("SC-{}-1930", server.day(1)));
    for (area, (id, rows)) in fresh["areas"].as_array().unwrap().iter().zip(AREAS) {
        assert_eq!((&area["seatareaid"], &area["seats_free"]), (&json!(id), &area["seats_total"]));
        let row = &area["rows"][usize::from(rows) - 1];
        assert_eq!(row["row"], rows.to_string());
        let seats = row["seats"].as_array().unwrap();
        assert_eq!(seats.len(), usize::from(ROW_LEN));
        let aisles = seats.iter().filter(|seat| seat["aisle_after"] == true);
        assert!(aisles.map(|seat| seat["number"].as_u64().unwrap()).eq([8, 22]));
        assert_eq!((&seats[29]["position"], &seats[29]["number"]), (&json!(29), &json!(30)));
    }

    let held = DEMO.json(&server, ADD_THEATRE, &wants(&server, "B", 1, &[("B", 20, 30)]));
    assert_eq!(held["resultcode"], 0);
    let pair = wants(&server, "A", 2, &[("A", 1, 1), ("A", 1, 2)]);
    assert_eq!(DEMO.json(&server, THEATRE, &DEMO.and_pay(&pair))["resultcode"], 0);
    let expected = [("A-1-1", "sold"), ("A-1-2", "sold"), ("B-20-30", "held")];
    let expected = expected.map(|(id, state)| (id.to_owned(), state.to_owned()));
    let awake = plan(&server);
    assert_eq!(not_sellable(&awake), BTreeMap::from(expected));
    assert_eq!(
        (&awake["areas"][0]["seats_free"], &awake["areas"][1]["seats_free"]),
        (&json!(298), &json!(599))
    );
    server.stop();
    let server = Server::start(dir.path());
    assert_eq!(plan(&server), awake);
}

#[test]
fn a_plan_is_for_agents_and_of_a_performance() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let path = format!("/v1/performances/SC-{}-1930/seats", server.day(1));
    assert_eq!(Request::new("GET", &path).send(&server).status, 401);
    let posted = DEMO.sign(&server, Request::new("POST", &path)).send(&server);
    assert_eq!(posted.status, 405);
    let other = path.replace("1930", "2030");
    assert_eq!(DEMO.sign(&server, Request::new("GET", &other)).send(&server).status, 404);
}
