//! Agents are called back about their orders: docs/protocols/ota.md, "Callbacks".

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use piaoku::actors::{
    CallbackFailure, Delivery, DeliveryResult, Owner, RedeemRequest, RefundRequest,
};
use piaoku::clock::{Clock, ManualClock};
use piaoku::domain::catalogue::{CallbackFormat, CallbackMethod, CallbackSettings};
use piaoku::domain::order::{NoticeKind, RefundSelection, UseSelection};
use piaoku::types::{OrderId, RequestKey};
use serde_json::{Value, json};

use crate::support::partner::{self, ADD_SCENIC, DEMO, PAY, POOR, PROVIDER, SCENIC};
use crate::support::process::{self, Process};
use crate::support::receiver::{Call, Receiver, Reply};
use crate::support::server::{NOW, Server, Setup};
use crate::support::transcript::Transcript;

/// A server whose clock the test moves, and an agent's receiver.
struct Play {
    server: Server,
    receiver: Receiver,
    clock: Arc<ManualClock>,
}

impl Play {
    /// Begins with callbacks on, in JSON by POST.
    fn start(dir: &Path) -> Self {
        Self::start_with(Setup::new(dir), Receiver::start(&DEMO))
    }

    fn start_with(setup: Setup, receiver: Receiver) -> Self {
        let clock = ManualClock::at(NOW);
        let shared = Arc::clone(&clock);
        let server = Server::start_with(Setup { clock: shared, ..setup });
        let play = Self { server, receiver, clock };
        play.set(CallbackFormat::Json, CallbackMethod::Post);
        play
    }

    fn set(&self, format: CallbackFormat, method: CallbackMethod) {
        let url = self.receiver.url().into();
        self.call_back(Some(CallbackSettings { url, official_sms: true, format, method }));
    }

    fn call_back(&self, settings: Option<CallbackSettings>) {
        let agent = self.server.agent_no(DEMO.id);
        self.server.wait(self.server.engine.set_callback(agent, settings)).unwrap();
    }

    /// Books two tickets; returns the order number.
    fn book(&self) -> String {
        self.order(ADD_SCENIC, &partner::sender_id())
    }

    fn order(&self, path: &str, sender_id: &str) -> String {
        let info = partner::plain_info(&self.server, sender_id, "P-BULK", 2);
        let message = if path == SCENIC { DEMO.and_pay(&info) } else { info };
        number(&DEMO.json(&self.server, path, &message))
    }

    fn pay(&self, order: &str) {
        number(&DEMO.json(&self.server, PAY, &DEMO.pay_info(order)));
    }

    fn pass(&self, seconds: i64) {
        self.clock.set(self.clock.now().plus_millis(seconds * 1000));
    }

    /// Attempts so far, oldest first.
    fn deliveries(&self) -> Vec<Delivery> {
        let mut log = self.server.engine.deliveries(self.server.agent_no(DEMO.id));
        log.reverse();
        log
    }

    /// Waits until something is so.
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..3000 {
            if is_so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("never: {what}: {:#?}", self.deliveries());
    }

    /// Waits until so many attempts have ended: what is next counts from then.
    fn until_tried(&self, attempts: usize) {
        self.until("tried", || self.deliveries().len() >= attempts);
    }

    /// Waits until an order has nothing left to tell.
    fn until_told(&self, order: &str) {
        self.until("told", || self.server.order(DEMO.id, order).notices.is_empty());
    }
}

fn number(answer: &Value) -> String {
    assert_eq!(answer["resultcode"], 0, "{answer}");
    answer["orderid"].as_str().expect("an order number").to_owned()
}

fn id(order: &str) -> OrderId {
    OrderId::new(order.parse().unwrap())
}

/// The events of one order, in the order of arrival.
fn events_of(calls: &[Call], order: &str) -> Vec<String> {
    let of_order = calls.iter().filter(|call| call.field("orderid") == order);
    of_order.map(|call| call.field("event")).collect()
}

fn results(deliveries: &[Delivery]) -> Vec<DeliveryResult> {
    deliveries.iter().map(|delivery| delivery.result).collect()
}

#[test]
fn an_agent_is_told_everything_from_booking_to_refund() {
    use CallbackFormat::{Json, Xml};
    for (format, method, name) in
        [(Json, CallbackMethod::Post, "json"), (Xml, CallbackMethod::Get, "xml")]
    {
        let dir = tempfile::tempdir().unwrap();
        let play = Play::start(dir.path());
        play.set(format, method);
        let order = play.order(ADD_SCENIC, "S 1&更多");
        play.pay(&order);
        let tickets = play.server.order(DEMO.id, &order).tickets.clone();
        play.until_told(&order);
        // The day of the visit.
        play.pass(86_400);
        let (engine, agent) = (&play.server.engine, play.server.agent_no(DEMO.id));
        let redeem = RedeemRequest {
            by: "gate/north".into(),
            request: RequestKey::new("G1").unwrap(),
            order: id(&order),
            uses: UseSelection::Tickets([(tickets[0].id, 1)].into_iter().collect()),
        };
        play.server.wait(engine.redeem(redeem)).unwrap();
        let refund = RefundRequest {
            order: id(&order),
            tickets: RefundSelection::Tickets(vec![tickets[1].id]),
            request: None,
        };
        play.server.wait(engine.refund(Owner::Agent(agent), refund)).unwrap();
        let calls = play.receiver.wait_for(4);
        play.until_told(&order);
        assert_eq!(events_of(&calls, &order), ["booked", "paid", "consumed", "refunded"]);
        let mut transcript = Transcript::default();
        for call in play.receiver.calls() {
            assert!(call.is_signed, "{call:?}");
            assert_eq!(call.method == "GET", method == CallbackMethod::Get);
            transcript.note(&format!("{} {}", call.method, call.field("event")), &call.parm);
        }
        transcript.check(&format!("callbacks.{name}.txt"));
        assert_eq!(results(&play.deliveries()), [DeliveryResult::Delivered; 4]);
    }
}

#[test]
fn an_order_paid_at_once_is_booked_and_paid() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::start(dir.path());
    let order = play.order(SCENIC, &partner::sender_id());
    let calls = play.receiver.wait_for(2);
    assert_eq!(events_of(&calls, &order), ["booked", "paid"]);
}

#[test]
fn nobody_is_called_without_a_number_or_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::start(dir.path());
    play.order(SCENIC, "");
    let info = partner::plain_info(&play.server, &partner::sender_id(), "P-BULK", 1);
    number(&POOR.json(&play.server, SCENIC, &POOR.and_pay(&info)));
    // What comes after it has been told, and it alone.
    let told = play.order(SCENIC, &partner::sender_id());
    play.until_told(&told);
    let orders = play.receiver.calls().iter().map(|call| call.field("orderid")).collect::<Vec<_>>();
    assert_eq!(orders, [told.clone(), told]);
}

#[test]
fn a_failure_is_repeated_in_order_while_other_orders_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::start(dir.path());
    let first = play.book();
    play.until_told(&first);
    let broken = first.clone();
    // Of the first order, the second event fails twice.
    play.receiver.answer(move |call, _| match call.field("orderid") == broken {
        true if call.field("event") == "paid" => Reply::BROKEN,
        _ => Reply::SUCCESS,
    });
    play.pay(&first);
    play.until_tried(2);
    let refund = RefundRequest { order: id(&first), tickets: RefundSelection::All, request: None };
    let owner = Owner::Agent(play.server.agent_no(DEMO.id));
    play.server.wait(play.server.engine.refund(owner, refund)).unwrap();
    let second = play.order(SCENIC, &partner::sender_id());
    play.until_told(&second);
    assert_eq!(events_of(&play.receiver.calls(), &first), ["booked", "paid"], "the refund waits");

    play.pass(5);
    play.until_tried(5);
    play.pass(14);
    let third = play.order(SCENIC, &partner::sender_id());
    play.until_told(&third);
    assert_eq!(events_of(&play.receiver.calls(), &first), ["booked", "paid", "paid"]);
    play.receiver.answer(|_, _| Reply::SUCCESS);
    play.pass(1);
    play.until_told(&first);
    let calls = play.receiver.calls();
    assert_eq!(events_of(&calls, &first), ["booked", "paid", "paid", "paid", "refunded"]);
    let repeated: Vec<_> = calls.iter().filter(|call| call.field("orderid") == first).collect();
    let numbers: Vec<_> = repeated.iter().map(|call| call.field("eventno")).collect();
    assert_eq!(numbers, ["1", "2", "2", "2", "3"]);
    let failed = DeliveryResult::Failed(CallbackFailure::Status(500));
    let of_first: Vec<_> =
        play.deliveries().into_iter().filter(|delivery| delivery.order == id(&first)).collect();
    let delivered = DeliveryResult::Delivered;
    assert_eq!(results(&of_first), [delivered, failed, failed, delivered, delivered]);
    assert_eq!(of_first.iter().map(|it| it.attempt).collect::<Vec<_>>(), [1, 1, 2, 3, 1]);
}

#[test]
fn a_slow_agent_delays_no_order() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::start(dir.path());
    play.receiver.answer(|_, before| Reply {
        delay: if before == 0 { Duration::from_secs(2) } else { Duration::ZERO },
        ..Reply::SUCCESS
    });
    let slow = play.book();
    play.receiver.wait_for(1);
    play.pay(&slow);
    let quick = play.order(SCENIC, &partner::sender_id());
    play.until_told(&quick);
    assert_eq!(events_of(&play.receiver.calls(), &slow), ["booked"], "paid waits for booked");
    play.until_told(&slow);
    assert_eq!(events_of(&play.receiver.calls(), &slow), ["booked", "paid"]);
}

#[test]
fn an_agent_that_nothing_reaches_is_tried_one_call_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup.callback.in_flight_per_agent_max = 2;
    let play = Play::start_with(setup, Receiver::start(&DEMO));
    play.receiver.answer(|_, _| Reply::BROKEN);
    let orders: Vec<_> = (0..6).map(|_| play.book()).collect();
    play.until_tried(6);
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&most);
    play.receiver.answer(move |_, _| {
        counted.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        under_way.fetch_sub(1, Ordering::SeqCst);
        Reply::BROKEN
    });
    play.pass(5);
    play.until_tried(12);
    assert_eq!(most.swap(0, Ordering::SeqCst), 1);
    play.receiver.answer(|_, _| Reply::SUCCESS);
    play.pass(15);
    orders.iter().for_each(|order| play.until_told(order));
}

#[test]
fn what_did_not_fit_the_queue_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup.callback.queue_len_max = 3;
    let play = Play::start_with(setup, Receiver::start(&DEMO));
    play.receiver.answer(|_, _| Reply::BROKEN);
    let orders: Vec<_> = (0..6).map(|_| play.book()).collect();
    play.until_tried(3);
    // Time for the snapshots to have them; by the clock of the engine it is a minute.
    std::thread::sleep(Duration::from_millis(1500));
    play.receiver.answer(|_, _| Reply::SUCCESS);
    for order in &orders {
        // What is found may once more be too much at once.
        play.until("told", || {
            play.pass(60);
            play.server.order(DEMO.id, order).notices.is_empty()
        });
    }
    assert_eq!(play.receiver.calls().len(), 3 + 6, "{:#?}", play.deliveries());
}

#[test]
fn what_could_not_be_told_within_a_day_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::start(dir.path());
    play.receiver.answer(|_, _| Reply { body: "failure", ..Reply::SUCCESS });
    let order = play.book();
    play.until_tried(1);
    play.pass(12 * 3600);
    play.until_tried(2);
    play.pay(&order);
    play.pass(12 * 3600 - 1);
    // An event's day begins with the event.
    play.until_tried(3);
    play.receiver.answer(|_, _| Reply::SUCCESS);
    play.pass(1);
    play.until_told(&order);
    let events = events_of(&play.receiver.calls(), &order);
    assert_eq!(events, ["booked", "booked", "booked", "paid"]);
    let failed = DeliveryResult::Failed(CallbackFailure::Answer);
    let expected = [failed, failed, failed, DeliveryResult::GaveUp, DeliveryResult::Delivered];
    assert_eq!(results(&play.deliveries()), expected);

    // An operator has the agent told what it missed.
    let engine = &play.server.engine;
    play.server.wait(engine.replay_notice(id(&order), 1)).unwrap();
    let calls = play.receiver.wait_for(5);
    assert_eq!((calls[4].field("event"), calls[4].field("eventno")), ("booked".into(), "3".into()));
    assert!(play.server.wait(engine.replay_notice(id(&order), 9)).is_err(), "no such notice");
}

#[test]
fn an_operator_can_have_a_waiting_notice_tried_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::start(dir.path());
    play.receiver.answer(|_, before| if before == 0 { Reply::BROKEN } else { Reply::SUCCESS });
    let order = play.book();
    play.until_tried(1);
    play.server.wait(play.server.engine.replay_notice(id(&order), 1)).unwrap();
    play.until_told(&order);
    assert_eq!(play.receiver.calls().len(), 2, "without the clock having moved");
}

#[test]
fn what_waits_for_an_agent_that_wants_no_more_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::start(dir.path());
    play.receiver.answer(|_, _| Reply::BROKEN);
    let order = play.book();
    play.until_tried(1);
    play.pay(&order);
    play.call_back(None);
    play.pass(5);
    play.until_told(&order);
    assert_eq!(play.receiver.calls().len(), 1);
    let expected = [
        DeliveryResult::Failed(CallbackFailure::Status(500)),
        DeliveryResult::Skipped,
        DeliveryResult::Skipped,
    ];
    assert_eq!(results(&play.deliveries()), expected);
}

/// `kill -9` between what happened and the call: after the restart exactly what was missing is told.
#[test]
fn a_kill_forgets_nobody_who_is_to_be_told() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&DEMO);
    receiver.answer(|call, _| match call.field("event").as_str() {
        "paid" => Reply::BROKEN,
        _ => Reply::SUCCESS,
    });
    let quickly = [("PIAOKU__CALLBACK__PAUSES_SECONDS", "[1]")];
    let server = Process::start_with(dir.path(), &quickly);
    let settings = json!({ "replayurl": receiver.url() });
    assert_eq!(DEMO.json(&server, PROVIDER, &settings)["errcode"], 0);
    let order = |_| {
        let info = partner::plain_info(&server, &partner::sender_id(), "P-BULK", 1);
        number(&DEMO.json(&server, SCENIC, &DEMO.and_pay(&info)))
    };
    let orders: Vec<String> = (0..8).map(order).collect();
    let told = |calls: &[Call], event: &str| {
        let is_event = |call: &&Call| call.field("event") == event;
        let mut told: Vec<_> =
            calls.iter().filter(is_event).map(|call| call.field("orderid")).collect();
        told.sort();
        told
    };
    for _ in 0..1000 {
        let calls = receiver.calls();
        if orders.iter().all(|order| told(&calls, "paid").contains(order)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    server.kill();
    drop(server);
    assert_eq!(told(&receiver.calls(), "booked"), orders, "each was told, once");
    let before = receiver.calls().len();
    process::audit(dir.path());

    receiver.answer(|_, _| Reply::SUCCESS);
    let server = Process::start_with(dir.path(), &quickly);
    receiver.wait_for(before + orders.len());
    // Whatever would come twice comes within the pause between two attempts.
    std::thread::sleep(Duration::from_millis(1500));
    server.kill();
    let after = receiver.calls().split_off(before);
    assert!(after.iter().all(|call| call.is_signed));
    assert_eq!(told(&after, "paid"), orders, "each was missing, once");
    assert_eq!(after.len(), orders.len(), "and nothing else: {after:#?}");
    process::audit(dir.path());
}

#[test]
fn what_was_not_told_before_a_stop_is_told_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::start(dir.path());
    play.receiver.answer(|call, _| match call.field("event").as_str() {
        "paid" => Reply::BROKEN,
        _ => Reply::SUCCESS,
    });
    let (paid, booked) = (play.order(SCENIC, &partner::sender_id()), play.book());
    play.until_told(&booked);
    play.until_tried(3);
    let Play { server, receiver, .. } = play;
    server.stop();
    receiver.answer(|_, _| Reply::SUCCESS);
    let play = Play::start_with(Setup::new(dir.path()), receiver);
    play.until_told(&paid);
    let events = events_of(&play.receiver.calls(), &paid);
    assert_eq!(events, ["booked", "paid", "paid"]);
    assert_eq!(events_of(&play.receiver.calls(), &booked), ["booked"], "nothing is told twice");
    assert_eq!(play.deliveries().len(), 1);
    assert_eq!(play.deliveries()[0].notice.kind, NoticeKind::Paid);
}
