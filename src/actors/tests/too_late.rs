//! Requests that come when everything is sold.

use std::cell::Cell;

use super::*;
use crate::actors::Seal;
use crate::domain::account::{BookMoney, BookingKind};
use crate::domain::inventory::Adjustment;
use crate::engine::operator::StockCommand;
use crate::types::Quantity;

/// What an order keeps to itself, counting how often it is sealed.
fn counted(sealed: &Cell<u32>) -> impl Seal {
    || {
        sealed.set(sealed.get() + 1);
        Some(Sealed::default())
    }
}

/// Once a slot is known to be sold out nothing is sealed for it, whoever asks, until it has room again;
/// and a key that has its order gets it, sold out or not, without being sealed again.
#[test]
fn nothing_is_sealed_for_what_is_sold_out() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let date = today().plus_days(30);
        let sealed = Cell::new(0);
        let ask = async |key: &str| {
            let OrderRequest { agent, key, admitted, pay_from, .. } =
                request(&child(date), key, Some(PayFrom::Prepaid));
            let private = counted(&sealed);
            let before = sealed.get();
            let order =
                handle.order(OrderRequest { agent, key, admitted, private, pay_from }).await;
            (order.map(|order| order.id), sealed.get() - before)
        };
        let is_sold_out =
            |answer| matches!(answer, Err(EngineError::Rejected(Rejection::SoldOut { .. })));
        let (first, times) = ask("0").await;
        assert_eq!(times, 1);
        for buyer in 1..10 {
            assert_eq!(ask(&buyer.to_string()).await.1, 1, "the pool has ten places");
        }
        let (answer, times) = ask("late-1").await;
        assert!(is_sold_out(answer) && times == 1, "nobody knew");
        for late in 2..5 {
            let (answer, times) = ask(&format!("late-{late}")).await;
            assert!(is_sold_out(answer) && times == 0, "everybody knows");
        }
        assert_eq!(ask("0").await, (first, 0), "a repeat gets its order");
        let (pool, adjustment) = (fixture::gate(date, 1), Adjustment::Add(Quantity::ONE));
        handle.adjust(StockCommand::Pool { pool, adjustment }).await.unwrap();
        let (answer, times) = ask("late-1").await;
        assert!(answer.is_ok() && times == 1, "there is room again: {answer:?}");
        let (answer, times) = ask("late-2").await;
        assert!(is_sold_out(answer) && times == 1, "a sale has raised hopes");
        engine.stop().await;
    });
}

/// A look asks for money that booking without paying does not need, and the slot may have room again: what
/// it is refused is nobody's answer. Both copies of a request get the one order, whichever of them looked.
#[test]
fn what_a_look_is_refused_is_not_the_answer_of_those_who_order() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let sleepy = EngineConfig {
            tick_ms: 5,
            checkpoint_interval_ms: 5,
            idle_ms: 1,
            ..EngineConfig::default()
        };
        let clock = ManualClock::at(morning());
        let engine = start_at(dir.path(), sleepy, clock.clone(), Metrics::default()).await;
        let handle = engine.handle();
        let date = today().plus_days(30);
        let (wish, pool) = (child(date), fixture::gate(date, 1));
        for buyer in 0..10 {
            buy(&handle, &wish, &buyer.to_string()).await.unwrap();
        }
        buy(&handle, &wish, "late").await.unwrap_err();
        let adjustment = Adjustment::Add(Quantity::ONE);
        handle.adjust(StockCommand::Pool { pool, adjustment }).await.unwrap();
        let account = handle.account(fixture::AGENT, purse()).await.unwrap();
        let all = account.standing(Balance::Prepaid).amount();
        let gone = BookMoney {
            kind: BookingKind::Adjustment,
            balance: Balance::Prepaid,
            amount: Fen::new(-all.get()),
            reference: None,
        };
        handle.book(purse(), gone).await.unwrap();
        // Once it sleeps it has to be read again, and meanwhile the look waits for it.
        clock.set(handle.now().plus_millis(1000));
        sleep(300).await;
        let permits = fault::slow_down(&pool);
        let copy = |draft| {
            let (handle, request) = (handle.clone(), request(draft, "late", None));
            actix_rt::spawn(async move { handle.order(request).await.map(|order| order.id) })
        };
        let looks = copy(&wish);
        sleep(50).await;
        // Only the key is compared: what this one asks for nobody has been refused so far.
        let other = child(today().plus_days(31));
        let orders = copy(&other);
        sleep(50).await;
        assert_eq!(handle.in_flight(), 2, "both wait");
        permits.add_permits(100);
        let (looks, orders) = (looks.await.unwrap(), orders.await.unwrap());
        assert!(orders.is_ok(), "{orders:?}");
        assert_eq!(looks, orders);
        engine.stop().await;
    });
}

/// Whoever cannot seal has not ordered, and holds nothing.
#[test]
fn what_cannot_be_sealed_is_not_ordered() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let OrderRequest { agent, key, admitted, pay_from, .. } =
            request(&child(today().plus_days(30)), "A", Some(PayFrom::Prepaid));
        let private = || None::<Sealed>;
        let answer = handle.order(OrderRequest { agent, key, admitted, private, pay_from }).await;
        assert_eq!(answer.unwrap_err(), EngineError::Unavailable);
        assert_eq!(handle.in_flight(), 0);
        buy(&handle, &child(today().plus_days(30)), "A").await.unwrap();
        engine.stop().await;
    });
}
