//! Operators change stock while it sells.

use super::*;
use crate::actors::recovery::{RecoveryError, decode_record, journal_dir};
use crate::actors::{OrderCommand, Owner};
use crate::domain::inventory::{AdjustError, Adjustment, Available};
use crate::domain::order::OrderState;
use crate::engine::books;
use crate::engine::operator::{Operator, StockCommand};
use crate::engine::state::{Nowhere, State};
use crate::engine::transaction::Event;
use crate::journal::SegmentReader;
use crate::types::{AreaNo, Lsn, OrderId, Quantity};

fn operator(reason: &str) -> Operator {
    Operator::new("wang", reason).unwrap()
}

fn n(quantity: u32) -> Quantity {
    Quantity::new(quantity)
}

/// What the journal alone says, and who the operators in it were.
fn replayed(dir: &Path) -> (State, Vec<String>) {
    let (mut state, mut said) = (State::default(), Vec::new());
    let reader = SegmentReader::open(&journal_dir(dir)).unwrap();
    reader
        .read_from::<RecoveryError>(Lsn::ZERO.next(), |entry| {
            let lsn = entry.lsn;
            let record = decode_record(entry)?;
            let Ok(()) = state.apply(lsn, record.clone(), &mut Nowhere);
            said.extend(record.events.iter().filter_map(|event| match event {
                Event::Operator(it) => Some(format!("{}: {}", it.actor(), it.reason())),
                _ => None,
            }));
            Ok(())
        })
        .unwrap();
    state.refresh_capacities();
    (state, said)
}

fn refused(result: Result<(), EngineError>) -> Rejection {
    match result {
        Err(EngineError::Rejected(rejection)) => rejection,
        other => panic!("{other:?}"),
    }
}

/// Sixty-four buyers while places come and go: what is sold is never more than there is at any moment,
/// and in the end every place is sold, withdrawn or free.
#[test]
fn nothing_is_oversold_while_operators_adjust() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let date = today().plus_days(30);
        let (key, pool) = (slot("P-CHILD", Some(date), 1), fixture::gate(date, 1));
        let in_pool = |adjustment| StockCommand::Pool { pool, adjustment };
        // The pool has ten places, and sells fifty in the end.
        let buyers = (0..64).map(|buyer| {
            let handle = handle.clone();
            actix_rt::spawn(async move {
                let mut bought = 0_u32;
                for again in 0..40 {
                    let number = format!("{buyer}-{again}");
                    match buy(&handle, &child(date), &number).await {
                        Ok(_) => bought += 1,
                        Err(EngineError::Rejected(Rejection::SoldOut { .. })) => {
                            sleep(1).await;
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                }
                bought
            })
        });
        let buyers: Vec<_> = buyers.collect();
        let (mut added, mut withdrawn) = (0, 0);
        for round in 0..20 {
            handle.acting(operator("more")).adjust(in_pool(Adjustment::Add(n(2)))).await.unwrap();
            added += 2;
            match handle.acting(operator("fewer")).adjust(in_pool(Adjustment::Withdraw(n(1)))).await
            {
                Ok(()) => withdrawn += 1,
                Err(error) => assert!(
                    matches!(
                        error,
                        EngineError::Rejected(Rejection::NotAdjusted(AdjustError::NotFree { .. }))
                    ),
                    "{error:?}"
                ),
            }
            if round % 5 == 4 && withdrawn > 0 {
                let restore = in_pool(Adjustment::Restore(n(1)));
                handle.acting(operator("back")).adjust(restore).await.unwrap();
                withdrawn -= 1;
            }
        }
        let mut bought = 0;
        for buyer in buyers {
            bought += buyer.await.unwrap();
        }
        assert_eq!(bought, 10 + added - withdrawn, "{withdrawn} withdrawn");
        engine.stop().await;
        let (state, said) = replayed(dir.path());
        assert_eq!(books::audit(&state).violations, []);
        let stock = state.pools[&pool].value.stock();
        assert_eq!((stock.sold(), stock.added()), (n(bought), n(added)));
        assert_eq!((stock.withdrawn(), stock.available()), (n(withdrawn), Available::Left(n(0))));
        assert_eq!(state.slots[&key].value.areas()[0].1.sold(), n(bought));
        assert_eq!(said.iter().filter(|it| *it == "wang: more").count(), 20);
    });
}

/// A closed slot sells nothing to anybody, goes on with the orders it has, and stays closed over a
/// restart until it is opened again.
#[test]
fn a_closed_slot_keeps_its_orders() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let date = today().plus_days(31);
        let slot = slot("P-CHILD", Some(date), 1);
        handle.order(request(&child(date), "unpaid", None)).await.unwrap();
        let close = StockCommand::SetOpen { slot, open: false };
        handle.acting(operator("storm")).adjust(close).await.unwrap();
        let closed = |result: Result<u64, EngineError>| {
            let refused = refused(result.map(drop));
            assert!(matches!(refused, Rejection::SlotClosed { .. }), "{refused:?}");
        };
        closed(buy(&handle, &child(date), "late").await);
        let verified = handle.verify(admitted(&child(date)).unwrap()).await;
        assert!(matches!(refused(verified), Rejection::SlotClosed { .. }));
        let paid = handle.order(request(&child(date), "unpaid", Some(PayFrom::Prepaid))).await;
        assert!(matches!(paid.unwrap().state, OrderState::Paid { .. }));
        engine.stop().await;
        // Whoever has a handle keeps the store open.
        drop(handle);

        let engine = start(dir.path()).await;
        let handle = engine.handle();
        closed(buy(&handle, &child(date), "after").await);
        let open = StockCommand::SetOpen { slot, open: true };
        handle.acting(operator("over")).adjust(open).await.unwrap();
        buy(&handle, &child(date), "at last").await.unwrap();
        // Only what is free can be taken away, and what is sold stays sold.
        let cut = |places| StockCommand::Slot {
            slot,
            area: AreaNo::NONE,
            adjustment: Adjustment::Withdraw(n(places)),
        };
        let too_much = refused(handle.acting(operator("cut")).adjust(cut(100_000)).await);
        assert!(matches!(too_much, Rejection::NotAdjusted(AdjustError::NotFree { .. })));
        engine.stop().await;
        let (state, said) = replayed(dir.path());
        assert_eq!(books::audit(&state).violations, []);
        assert_eq!(said, ["wang: storm", "wang: over"]);
    });
}

/// An operator acts for whichever agent has the order, and the record says who and why.
#[test]
fn an_operator_cancels_any_agents_order() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let date = today().plus_days(32);
        let placed = handle.order(request(&child(date), "unpaid", None)).await.unwrap();
        let acting = handle.acting(operator("called us"));
        let cancelled = acting.with_order_of(Owner::Anyone, placed.id, OrderCommand::Cancel).await;
        assert!(matches!(cancelled.unwrap().state, OrderState::Closed { .. }));
        let nobody =
            acting.with_order_of(Owner::Anyone, OrderId::new(7), OrderCommand::Query).await;
        assert_eq!(nobody.map(drop), Err(Rejection::UnknownOrder.into()));
        let cashier = handle.acting(operator("cash"));
        cashier.top_up(purse(), Balance::Prepaid, Fen::new(1)).await.unwrap();
        engine.stop().await;
        assert_eq!(replayed(dir.path()).1, ["wang: called us", "wang: cash"]);
    });
}
