//! Requests that come when everything is sold.

use std::cell::Cell;

use super::*;
use crate::actors::Seal;
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
