//! What happens around a rebuild: what was under way when it began, and what is asked meanwhile.

use super::*;
use crate::actors::OrderCommand;
use crate::domain::catalogue::CatalogueCommand;
use crate::engine::transaction::Payment;

const PAYMENT: Payment = Payment { from: Balance::Prepaid, year: 2026 };

/// A step of saving only now and then, and no order kept in memory after it.
fn slow_ticks() -> EngineConfig {
    EngineConfig { tick_ms: 1000, orders_cached_max: 0, ..EngineConfig::default() }
}

/// An order that is fetched from the snapshots while the supplier is rebuilt must not be paid on
/// states that lack what the rebuild is about to read: places would be sold twice.
#[test]
fn an_order_fetched_during_a_rebuild_is_not_acted_upon() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start_with(dir.path(), slow_ticks()).await;
        let handle = engine.handle();
        let date = today().plus_days(20);
        let unpaid = handle.order(request(&child(date), "unpaid", None)).await.unwrap().id;
        sleep(1200).await;
        // Saved by now; these nine are not, and with them the pool is full.
        for n in 0..9 {
            buy(&handle, &child(date), &format!("sold-{n}")).await.unwrap();
        }
        let held_back = fault::HoldBack::rebuilds_in(dir.path());
        fault::arm(&slot("P-CHILD", Some(date), 1), 1);
        let late = child(date);
        let faulty = buy(&handle, &late, "faulty");
        let paid = handle.with_order(fixture::AGENT, unpaid, OrderCommand::Pay(PAYMENT));
        let (faulty, paid) = tokio::join!(faulty, paid);
        assert_eq!(faulty, Err(EngineError::Overloaded));
        sleep(100).await;
        drop(held_back);

        let refused = buy_patiently(&handle, &child(date), "one too many").await;
        assert!(
            matches!(refused, Err(EngineError::Rejected(Rejection::SoldOut { .. }))),
            "sold beyond capacity: {refused:?}"
        );
        assert_eq!(paid.map(|order| order.id), Err(EngineError::Overloaded));
        let paid = handle.with_order(fixture::AGENT, unpaid, OrderCommand::Pay(PAYMENT)).await;
        assert_eq!(paid.map(|order| order.tickets.len()), Ok(1));
        engine.stop().await;
    });
}

/// A code that was sold is not called invalid because its supplier is being rebuilt.
#[test]
fn a_code_is_not_denied_during_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start_with(dir.path(), slow_ticks()).await;
        let handle = engine.handle();
        let date = today();
        let sold = request(&child(date), "sold", Some(PayFrom::Prepaid));
        let code = handle.order(sold).await.unwrap().tickets[0].code;
        assert!(handle.preview(code).await.unwrap().is_some());
        let held_back = fault::HoldBack::rebuilds_in(dir.path());
        fault::arm(&slot("P-CHILD", Some(date), 1), 1);
        assert_eq!(buy(&handle, &child(date), "faulty").await, Err(EngineError::Overloaded));
        let meanwhile = handle.preview(code).await;
        assert_eq!(meanwhile.map(|view| view.is_some()), Err(EngineError::Overloaded));
        drop(held_back);
        buy_patiently(&handle, &child(date), "faulty").await.unwrap();
        assert!(handle.preview(code).await.unwrap().is_some());
        engine.stop().await;
    });
}

/// A rebuild that fails while the engine stops does not keep it from stopping.
#[test]
fn a_failed_rebuild_does_not_hold_up_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let config = EngineConfig { tick_ms: 60_000, ..EngineConfig::default() };
        let engine = start_with(dir.path(), config).await;
        let handle = engine.handle();
        let date = today().plus_days(21);
        buy(&handle, &child(date), "sold").await.unwrap();
        // The change reaches the slot, which breaks; nobody notices before its state is to be saved.
        fault::arm(&slot("P-CHILD", Some(date), 1), 1);
        let supplier = CatalogueCommand::SetSupplier {
            id: "01".to_owned(),
            name: "renamed".to_owned(),
            utc_offset_seconds: fixture::OFFSET,
        };
        handle.change_catalogue(vec![supplier]).await.unwrap();
        std::fs::rename(dir.path().join("journal"), dir.path().join("away")).unwrap();
        let stopping = tokio::time::timeout(std::time::Duration::from_secs(10), engine.stop());
        assert!(stopping.await.is_ok(), "the engine never stops");
    });
}

/// What a participant from before a rebuild still has to say is not taken for the state of the one
/// that came after it.
#[test]
fn a_participant_from_before_a_rebuild_is_not_saved() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let config =
            EngineConfig { tick_ms: 500, checkpoint_interval_ms: 500, ..EngineConfig::default() };
        let (date, other) = (today().plus_days(24), today().plus_days(25));
        let gate = fixture::gate(date, 1);
        let engine = start_with(dir.path(), config.clone()).await;
        let mut unpaid = Vec::new();
        for key in ["one", "two"] {
            let request = request(&child(date), key, None);
            unpaid.push(engine.handle().order(request).await.unwrap().id);
        }
        engine.stop().await;

        let engine = start_with(dir.path(), config).await;
        let handle = engine.handle();
        let pay = async |order| {
            let paid = handle.with_order(fixture::AGENT, order, OrderCommand::Pay(PAYMENT)).await;
            assert_eq!(paid.map(|order| order.tickets.len()), Ok(1));
        };
        buy(&handle, &child(other), "other").await.unwrap();
        let permits = fault::slow_down(&gate);
        pay(unpaid[0]).await;
        // By now the pool's state was asked for, but the pool still waits for what it was before.
        sleep(700).await;
        fault::arm(&slot("P-CHILD", Some(other), 1), 1);
        buy_patiently(&handle, &child(other), "faulty").await.unwrap();
        pay(unpaid[1]).await;
        sleep(700).await;
        // The old pool goes on, then the new one.
        permits.add_permits(1);
        sleep(100).await;
        permits.add_permits(1000);
        sleep(700).await;
        engine.stop().await;
        drop(handle);

        let engine = start(dir.path()).await;
        let cold = engine.handle().0.cold.clone();
        let key = crate::schema::pool_key(gate).into();
        let entry = cold.load(crate::snapshot::EntityKind::Pool, key).await.unwrap().unwrap();
        drop(cold);
        let pool = crate::schema::decode_pool(&entry.payload).unwrap();
        assert_eq!((pool.stock().held().get(), pool.stock().sold().get()), (0, 2));
        engine.stop().await;
    });
}
