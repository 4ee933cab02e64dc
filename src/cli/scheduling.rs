//! Asks the system to schedule the server as what it is: threads that hand each other work.
//!
//! By default a thread that is handed one message at once displaces the thread that sent it, which then
//! cannot send the next one: two switches for each request. As a batch process whoever works goes on, and
//! the other finds everything that came meanwhile. Figures: `docs/performance.md`.

use thread_priority::unix::thread_schedule_policy;
use thread_priority::{
    Error, NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityOsValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Makes the calling thread, and every thread that it and its descendants start from now on, one of a
/// batch process (`SCHED_BATCH`, sched(7)). Needs no privilege; the niceness stays what it was.
///
/// # Errors
/// What the system says.
pub(super) fn as_batch() -> Result<(), Error> {
    let nice = rustix::process::getpriority_process(None);
    let usual = ThreadPriority::Os(ThreadPriorityOsValue::default());
    let set = set_thread_priority_and_policy(thread_native_id(), usual, BATCH);
    // The library sets the niceness as well, or fails to after it has set the policy.
    let kept = nice.is_ok_and(|nice| rustix::process::setpriority_process(None, nice).is_ok());
    if kept && thread_schedule_policy()? == BATCH { Ok(()) } else { set }
}

const BATCH: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_thread_starts_batch_threads() {
        let started = std::thread::spawn(|| {
            as_batch().unwrap();
            std::thread::spawn(|| thread_schedule_policy().unwrap()).join().unwrap()
        });
        assert_eq!(started.join().unwrap(), BATCH);
    }
}
