//! What a start finds after a stop or a change that was cut short.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use super::*;
use crate::domain::catalogue::CatalogueCommand;

/// After an orderly stop the snapshots have everything: a start has nothing to replay.
#[test]
fn an_orderly_stop_leaves_nothing_to_replay() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        for n in 0..5 {
            let date = today().plus_days(22);
            buy(&engine.handle(), &child(date), &format!("sold-{n}")).await.unwrap();
        }
        engine.stop().await;
        let engine = start(dir.path()).await;
        assert_eq!(engine.report.records, 0);
        engine.stop().await;
    });
}

/// While the engine runs, everything but the last moments can be archived, and is not replayed after
/// a crash, although the catalogue has not changed for long.
#[test]
fn an_unchanged_catalogue_does_not_hold_back_what_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let config = EngineConfig {
            tick_ms: 5,
            checkpoint_interval_ms: 5,
            archive_interval_ms: 600_000,
            ..EngineConfig::default()
        };
        let engine = start_with(dir.path(), config).await;
        let handle = engine.handle();
        buy(&handle, &child(today().plus_days(23)), "sold").await.unwrap();
        let sold = handle.journal_stats().durable_lsn.load(std::sync::atomic::Ordering::Acquire);
        let mut saved = 0;
        for _ in 0..100 {
            saved = handle.0.cold.saved_up_to().get();
            if saved >= sold {
                break;
            }
            sleep(20).await;
        }
        assert!(saved >= sold, "saved up to {saved} of {sold}");
        engine.stop().await;
    });
}

/// A caller that goes away does not leave a change of the catalogue half done: the next change is
/// decided on what it made, and a supplier it brought can be sold from.
#[test]
fn a_catalogue_change_is_finished_without_its_caller() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let engine = start(dir.path()).await;
        let handle = engine.handle();
        let supplier = |id: &str| CatalogueCommand::SetSupplier {
            id: id.to_owned(),
            name: id.to_owned(),
            utc_offset_seconds: fixture::OFFSET,
        };
        {
            let mut gone = pin!(handle.change_catalogue(vec![supplier("03")]));
            assert!(gone.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        handle.change_catalogue(vec![supplier("04")]).await.unwrap();
        let catalogue = handle.catalogue();
        let known = ["03", "04"].map(|id| catalogue.supplier_by_id(id).map(|s| s.no.get()));
        assert_eq!(known, [Some(2), Some(3)]);
        engine.stop().await;
    });
}

/// A supplier that has just been added has done nothing before: a crash now must not have a start ask
/// for the journal's very first record, which may be long gone.
#[test]
fn a_new_supplier_lacks_nothing_from_before_it_was_added() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let config = EngineConfig { tick_ms: 60_000, ..EngineConfig::default() };
        let engine = start_with(dir.path(), config).await;
        let handle = engine.handle();
        let supplier = CatalogueCommand::SetSupplier {
            id: "03".to_owned(),
            name: "03".to_owned(),
            utc_offset_seconds: fixture::OFFSET,
        };
        handle.change_catalogue(vec![supplier]).await.unwrap();
        let no = handle.catalogue().supplier_by_id("03").unwrap().no;
        sleep(300).await;
        let watermark = handle.0.cold.watermark(no);
        assert_eq!(watermark.map(|lsn| lsn.get()), Some(3), "the change is the third record");
        engine.stop().await;
    });
}
