//! Asks the system to schedule threads as what they are. It does not know what they do, and nothing but
//! precedence is lost where the system says no.
//!
//! By default a thread that is handed one message at once displaces the thread that sent it, which then
//! cannot send the next one: two switches for each request. As a batch process whoever works goes on, and
//! the other finds everything that came meanwhile. Two kinds of threads are different: the journal's,
//! which everybody waits for, and those whose work nobody waits for. Figures: `docs/performance.md`.

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
pub fn as_batch() -> Result<(), Error> {
    become_one_of(NormalThreadSchedulePolicy::Batch)
}

/// Makes the calling thread one that works as soon as there is something to do, in a batch process as well
/// (`SCHED_OTHER`).
///
/// # Errors
/// What the system says.
pub fn at_once() -> Result<(), Error> {
    become_one_of(NormalThreadSchedulePolicy::Other)
}

/// Makes the calling thread one that works only where nobody else wants to (`SCHED_IDLE`), and gives way
/// in the middle of it.
///
/// # Errors
/// What the system says.
pub fn when_idle() -> Result<(), Error> {
    become_one_of(NormalThreadSchedulePolicy::Idle)
}

fn become_one_of(policy: NormalThreadSchedulePolicy) -> Result<(), Error> {
    let policy = ThreadSchedulePolicy::Normal(policy);
    let nice = rustix::process::getpriority_process(None);
    let usual = ThreadPriority::Os(ThreadPriorityOsValue::default());
    let set = set_thread_priority_and_policy(thread_native_id(), usual, policy);
    // The library sets the niceness as well, or fails to after it has set the policy.
    let kept = nice.is_ok_and(|nice| rustix::process::setpriority_process(None, nice).is_ok());
    if kept && thread_schedule_policy()? == policy { Ok(()) } else { set }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_scheduled_like_those_that_start_them_unless_they_say_otherwise() {
        let policy = |policy| ThreadSchedulePolicy::Normal(policy);
        let started = std::thread::spawn(move || {
            as_batch().unwrap();
            let of = |become_other: fn() -> Result<(), Error>| {
                std::thread::spawn(move || {
                    become_other().unwrap();
                    thread_schedule_policy().unwrap()
                })
                .join()
                .unwrap()
            };
            (of(|| Ok(())), of(at_once), of(when_idle))
        });
        let (batch, other, idle) = started.join().unwrap();
        assert_eq!(batch, policy(NormalThreadSchedulePolicy::Batch));
        assert_eq!(other, policy(NormalThreadSchedulePolicy::Other));
        assert_eq!(idle, policy(NormalThreadSchedulePolicy::Idle));
    }
}
