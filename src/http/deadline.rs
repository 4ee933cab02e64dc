//! Time limits that cost next to nothing while they are kept.
//!
//! A timer of its own for every request is set, moved to the front of a wheel and taken out again,
//! thousands of times a second, to go off never. So requests that wait equally long and began within
//! the same short span share one timer: they may wait an eighth longer, never shorter. What a late
//! answer means is the caller's matter.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;

/// Requests begun within this part of their time limit share a timer.
const SHARED_PART: u32 = 8;

thread_local! {
    /// The timer that requests of this thread join now, and the time limit it is for.
    static OPEN: RefCell<(Duration, Weak<Notify>)> =
        const { RefCell::new((Duration::ZERO, Weak::new())) };
}

/// Waits for `work` for `time` at least and an eighth more at most; `None` when it took longer. To be
/// called within a worker's task set.
pub(super) async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    let timer = timer(time);
    let mut late = pin!(timer.notified());
    let mut work = pin!(work);
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => late.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Waits for `work`, which nearly always is ready at the second look: only then is a timer set, one of
/// its own. `None` when it took longer than `time`.
pub(super) async fn if_not_at_once<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut looked = false;
    let at_once = std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if looked => Poll::Ready(None),
        Poll::Pending => {
            looked = true;
            // Without a timer nobody else may ever ask for the second look.
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    });
    match at_once.await {
        Some(done) => Some(done),
        None => tokio::time::timeout(time, work).await.ok(),
    }
}

/// The timer of requests that begin now: it goes off no earlier than after `time`.
fn timer(time: Duration) -> Rc<Notify> {
    let open = OPEN.with_borrow(|(limit, open)| open.upgrade().filter(|_| *limit == time));
    open.unwrap_or_else(|| {
        let timer = Rc::new(Notify::new());
        OPEN.set((time, Rc::downgrade(&timer)));
        actix_rt::spawn(run(time, Rc::clone(&timer)));
        timer
    })
}

async fn run(time: Duration, timer: Rc<Notify>) {
    tokio::time::sleep(time / SHARED_PART).await;
    OPEN.with_borrow_mut(|(_, open)| {
        if std::ptr::eq(open.as_ptr(), Rc::as_ptr(&timer)) {
            *open = Weak::new();
        }
    });
    tokio::time::sleep(time).await;
    timer.notify_waiters();
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_millis(40);

    #[actix_web::test]
    async fn what_is_done_in_time_is_the_answer() {
        assert_eq!(within(TIME, async { 1 }).await, Some(1));
        let soon = async {
            tokio::task::yield_now().await;
            2
        };
        assert_eq!(within(TIME, soon).await, Some(2));
        assert_eq!(if_not_at_once(TIME, async { 3 }).await, Some(3));
        let slow = tokio::time::sleep(TIME / 4);
        assert_eq!(if_not_at_once(TIME * 100, slow).await, Some(()));
    }

    #[actix_web::test]
    async fn what_is_never_done_ends_in_time() {
        let never = std::future::pending::<()>;
        assert_eq!(within(TIME, never()).await, None);
        assert_eq!(if_not_at_once(TIME, never()).await, None);
        // Another limit has a timer of its own, and so has whoever comes after the first one closed.
        assert_eq!(within(TIME / 2, never()).await, None);
        assert_eq!(within(TIME, never()).await, None);
    }

    #[actix_web::test]
    async fn those_who_begin_together_share_a_timer() {
        let (one, two) = (timer(TIME * 1000), timer(TIME * 1000));
        assert!(Rc::ptr_eq(&one, &two));
        assert!(!Rc::ptr_eq(&one, &timer(TIME * 2000)));
    }
}
