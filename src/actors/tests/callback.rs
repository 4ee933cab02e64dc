//! What becomes of notices when the courier or the supplier has trouble.

use parking_lot::Mutex;

use super::*;
use crate::actors::{
    CallbackConfig, CallbackFailure, Courier, CourierBusy, DeliveryResult, Parcel, Receipt,
};
use crate::domain::catalogue::{CallbackFormat, CallbackMethod, CallbackSettings};
use crate::domain::order::NoticeKind::{self, Booked, Paid};

/// A courier that does as it is told and remembers what it took.
struct Scripted {
    mood: Mutex<Mood>,
    taken: Mutex<Vec<(u64, NoticeKind)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Busy,
    Loses,
    Delivers,
}

impl Courier for Scripted {
    fn deliver(&self, parcel: Parcel, receipt: Receipt) -> Result<(), CourierBusy> {
        let mood = *self.mood.lock();
        if mood == Mood::Busy {
            return Err(receipt.refuse());
        }
        self.taken.lock().push((parcel.order.id.get(), parcel.notice.kind));
        if mood == Mood::Delivers {
            receipt.answer(Ok(()));
        }
        Ok(())
    }
}

struct Play {
    engine: Engine,
    handle: EngineHandle,
    clock: Arc<ManualClock>,
    courier: Arc<Scripted>,
}

impl Play {
    async fn start(dir: &Path, mood: Mood) -> Self {
        let clock = ManualClock::at(morning());
        let courier = Arc::new(Scripted { mood: Mutex::new(mood), taken: Mutex::default() });
        let callbacks =
            Callbacks { config: CallbackConfig::default(), courier: Arc::clone(&courier) as _ };
        let config = EngineConfig { tick_ms: 5, ..EngineConfig::default() };
        let (shared, metrics) = (Arc::clone(&clock), Metrics::default());
        let engine = start_calling(dir, config, shared, metrics, Some(callbacks)).await;
        let handle = engine.handle();
        let settings = CallbackSettings {
            url: "http://agent.example/".into(),
            official_sms: true,
            format: CallbackFormat::Json,
            method: CallbackMethod::Post,
        };
        handle.set_callback(fixture::AGENT, Some(settings)).await.unwrap();
        Self { engine, handle, clock, courier }
    }

    async fn stop(self) {
        let Self { engine, handle, .. } = self;
        drop(handle);
        engine.stop().await;
    }

    /// A new mood, and time goes on.
    fn then(&self, mood: Mood, millis: i64) {
        *self.courier.mood.lock() = mood;
        self.clock.set(self.handle.now().plus_millis(millis));
    }

    /// Waits until the courier has taken so many notices, and a moment more.
    async fn taken(&self, count: usize) -> Vec<(u64, NoticeKind)> {
        for _ in 0..1000 {
            if self.courier.taken.lock().len() >= count {
                break;
            }
            sleep(5).await;
        }
        sleep(30).await;
        self.courier.taken.lock().clone()
    }
}

#[test]
fn a_courier_that_is_busy_or_loses_a_notice_gets_it_again() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let play = Play::start(dir.path(), Mood::Busy).await;
        let order = buy(&play.handle, &child(today().plus_days(3)), "one").await.unwrap();
        assert_eq!(play.taken(0).await, []);
        play.then(Mood::Loses, 500);
        assert_eq!(play.taken(1).await, [(order, Booked)]);
        play.then(Mood::Delivers, 4999);
        assert_eq!(play.taken(1).await.len(), 1, "what was lost waits like what failed");
        play.then(Mood::Delivers, 1);
        assert_eq!(play.taken(3).await, [(order, Booked), (order, Booked), (order, Paid)]);
        let results: Vec<_> = play
            .handle
            .deliveries(fixture::AGENT)
            .iter()
            .map(|it| (it.attempt, it.result))
            .collect();
        let lost = DeliveryResult::Failed(CallbackFailure::Lost);
        let delivered = DeliveryResult::Delivered;
        assert_eq!(results, [(1, delivered), (2, delivered), (1, lost)], "newest first");
        play.stop().await;
    });
}

/// A supplier that is rebuilt has its notices delivered all the same, each once and in order.
#[test]
fn a_rebuild_forgets_no_notice() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let play = Play::start(dir.path(), Mood::Busy).await;
        let (date, other) = (today().plus_days(26), today().plus_days(27));
        let before = buy(&play.handle, &child(date), "before").await.unwrap();
        // It strikes when the record is applied: the order is on the disk, and only there.
        fault::arm(&slot("P-CHILD", Some(other), 1), 2);
        let during = buy_patiently(&play.handle, &child(other), "during").await.unwrap();
        let after = buy_patiently(&play.handle, &child(date), "after").await.unwrap();
        play.then(Mood::Delivers, 500);
        let taken = play.taken(6).await;
        assert_eq!(taken.len(), 6, "{taken:?}");
        for order in [before, during, after] {
            let of_order: Vec<_> = taken.iter().filter(|(of, _)| *of == order).collect();
            assert_eq!(of_order, [&(order, Booked), &(order, Paid)], "{taken:?}");
        }
        play.stop().await;
    });
}

/// Without a courier notices wait in their orders; the next start finds them.
#[test]
fn notices_wait_for_a_courier() {
    let dir = tempfile::tempdir().unwrap();
    actix_rt::System::new().block_on(async {
        let play = Play::start(dir.path(), Mood::Busy).await;
        play.stop().await;
        let engine = start(dir.path()).await;
        let order = buy(&engine.handle(), &child(today().plus_days(4)), "one").await.unwrap();
        engine.stop().await;
        let play = Play::start(dir.path(), Mood::Delivers).await;
        assert_eq!(play.taken(2).await, [(order, Booked), (order, Paid)]);
        play.stop().await;
    });
}
