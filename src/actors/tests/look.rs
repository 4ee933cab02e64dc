//! Looking at stock that is awake, asleep, or behind a bug.

use super::*;
use crate::actors::{Onlooker, SlotStock};
use crate::domain::inventory::Available;
use crate::types::{Channel, Quantity, SlotKey};

const ONLOOKER: Onlooker = Onlooker { agent: fixture::AGENT, channel: Channel::Ota };

/// What is sold of a slot and what can still be had, and the same of the pool behind it.
fn told(stock: &SlotStock) -> (u32, u32, Available) {
    let pool = stock.pool.map_or(0, |(_, pool)| pool.sold().get());
    (stock.areas[0].1.sold().get(), pool, stock.available())
}

fn left(count: u32) -> Available {
    Available::Left(Quantity::new(count))
}

#[test]
fn stock_is_seen_alike_awake_and_asleep_and_nobody_is_woken() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let date = today().plus_days(31);
        let slots = |product| [1, 2].map(|timespan| slot(product, Some(date), timespan));
        let wanted: Vec<SlotKey> = [slots("P-CHILD"), slots("P-ADULT")].concat();
        // One child in the first timespan; the pool of ten is behind all four.
        let expected = [(1, 1, left(9)), (0, 0, left(10)), (0, 1, left(9)), (0, 0, left(10))];
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        buy(&handle, &child(date), "sold").await.unwrap();
        let seen = handle.look(ONLOOKER, &wanted).await.unwrap();
        assert_eq!(seen.iter().map(|stock| stock.slot).collect::<Vec<_>>(), wanted);
        assert_eq!(seen.iter().map(told).collect::<Vec<_>>(), expected);
        drop(handle);
        engine.stop().await;

        let metrics = Metrics::default();
        let config =
            EngineConfig { tick_ms: 5, checkpoint_interval_ms: 5, ..EngineConfig::default() };
        let clock = ManualClock::at(morning());
        let engine = start_at(dir.path(), config, clock, metrics.clone()).await;
        let seen = engine.handle().look(ONLOOKER, &wanted).await.unwrap();
        assert_eq!(seen.iter().map(told).collect::<Vec<_>>(), expected);
        let mut printed = String::new();
        let active = |printed: &str| -> Vec<bool> {
            let lines = printed.lines().filter(|line| line.contains("participants_active{"));
            lines.map(|line| !line.ends_with(" 0")).collect()
        };
        // It is noted now and then how many there are.
        for _ in 0..500 {
            printed = metrics.print(EngineGauges::default()).unwrap();
            if !active(&printed).is_empty() {
                break;
            }
            sleep(10).await;
        }
        assert!(active(&printed).contains(&false), "{printed}");
        assert!(!active(&printed).contains(&true), "{printed}");
        engine.stop().await;
    });
}

#[test]
fn what_is_not_offered_has_no_stock() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let far = slot("P-DAY", Some(today().plus_days(1000)), 0);
        let unknown = SlotKey { product: crate::types::ProductNo::new(999), ..far };
        for seen in handle.look(ONLOOKER, &[far, unknown]).await.unwrap() {
            assert_eq!((seen.areas.len(), seen.available()), (0, left(0)), "{:?}", seen.slot);
        }
        assert_eq!(handle.look(ONLOOKER, &[]).await, Ok(Vec::new()));
        engine.stop().await;
    });
}

#[test]
fn a_broken_slot_is_not_taken_for_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let date = today().plus_days(32);
        buy(&handle, &child(date), "sold").await.unwrap();
        let wanted = [slot("P-CHILD", Some(date), 1)];
        fault::arm(&wanted[0], 1);
        let broken = handle.look(ONLOOKER, &wanted).await;
        assert_eq!(broken, Err(EngineError::Overloaded));
        // The supplier is read anew, and then it is there again.
        let mut seen = handle.look(ONLOOKER, &wanted).await;
        for _ in 0..200 {
            if seen.is_ok() {
                break;
            }
            sleep(10).await;
            seen = handle.look(ONLOOKER, &wanted).await;
        }
        assert_eq!(told(&seen.unwrap()[0]), (1, 1, left(9)));
        engine.stop().await;
    });
}
