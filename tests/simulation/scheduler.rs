//! Runs one history: chooses what happens next, from one seed, and lets the auditor look.

use std::collections::BTreeMap;
use std::fmt;

use piaoku::domain::invariants;
use piaoku::engine::Rejection;
use piaoku::engine::books::Violation;
use piaoku::engine::state::{Nowhere, State};
use piaoku::types::Lsn;

use crate::auditor::{Auditor, Findings, broken};
use crate::clients::Clients;
use crate::clock::Clock;
use crate::log::Log;
use crate::message::{Call, Reply, Request};
use crate::process::{Process, Sabotage};
use crate::random::Random;
use crate::shelf::Shelf;
use crate::world;

/// Steps of one history before things are left to come to rest.
const STEPS: u32 = 2500;
/// Steps between two audits of everything.
const AUDIT_EVERY: u32 = 20;
/// Steps after which a system that should come to rest has not.
const REST_MAX: u32 = 200_000;

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    ClientActs,
    RequestArrives,
    ParticipantReads,
    AnswerArrives,
    LogWrites,
    LogSyncs,
    RecordApplies,
    TimerFires,
    TimePasses,
    TimeGoesBack,
    NoticeGoes,
    SnapshotSome,
    SnapshotAll,
    Passivate,
    LogFails,
    Crash,
}

/// A promise that was broken, and when.
#[derive(Debug)]
pub struct Failure {
    pub seed: u64,
    pub step: u32,
    pub violations: Vec<Violation>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "SIM_SEED={} broke a promise at step {}:", self.seed, self.step)?;
        for Violation { invariant, detail } in &self.violations {
            writeln!(f, "  {}, {}: {detail}", invariant.id, invariant.says)?;
        }
        Ok(())
    }
}

/// How often what happened, by name; and a fingerprint of everything that happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct History {
    pub counts: BTreeMap<String, u64>,
    pub fingerprint: u64,
}

pub struct Simulation {
    seed: u64,
    step: u32,
    random: Random,
    clock: Clock,
    log: Log,
    shelf: Shelf,
    process: Process,
    clients: Clients,
    auditor: Auditor,
    sabotage: Sabotage,
    history: History,
    /// Prints what happens.
    trace: bool,
}

impl Simulation {
    pub fn new(seed: u64, sabotage: Sabotage) -> Self {
        let mut random = Random::new(seed);
        let mut log = Log::default();
        for record in world::first_records() {
            log.append(record);
            log.write(&mut random);
            log.sync();
        }
        let mut clock = Clock::new(world::start());
        let process = Process::start(&State::default(), Lsn::ZERO, &mut clock, sabotage);
        Self {
            seed,
            step: 0,
            random,
            clock,
            log,
            shelf: Shelf::default(),
            process,
            clients: Clients::default(),
            auditor: Auditor::default(),
            sabotage,
            history: History::default(),
            trace: std::env::var_os("SIM_TRACE").is_some(),
        }
    }

    /// Lives through the whole history of the seed.
    pub fn run(mut self) -> Result<History, Failure> {
        match self.live() {
            Ok(()) => Ok(self.history),
            Err(violations) => Err(Failure { seed: self.seed, step: self.step, violations }),
        }
    }

    fn live(&mut self) -> Findings {
        self.restart()?;
        while self.step < STEPS {
            self.step += 1;
            let action = self.choose();
            self.act(action, false)?;
            if self.step.is_multiple_of(AUDIT_EVERY) {
                self.audit()?;
            }
        }
        self.come_to_rest()
    }

    /// One of what is possible, by weight.
    fn choose(&mut self) -> Action {
        let mut possible = vec![
            (12, Action::ClientActs),
            (6, Action::TimePasses),
            (1, Action::TimeGoesBack),
            (1, Action::SnapshotSome),
            (3, Action::Passivate),
        ];
        possible.extend(self.progress());
        if self.log.is_failed() {
            // Nothing but a restart helps, and an operator knows.
            possible.push((20, Action::Crash));
            return self.pick(&possible);
        }
        // A few of each in one history.
        match self.random.below(12) {
            0..=3 => possible.push((1, Action::Crash)),
            4..=5 => possible.push((1, Action::LogFails)),
            6..=7 => possible.push((1, Action::SnapshotAll)),
            _ => {}
        }
        self.pick(&possible)
    }

    /// What has to happen for everything to come to rest.
    fn progress(&self) -> Vec<(usize, Action)> {
        let failed = self.log.is_failed();
        let next = self.log.read(self.process.applied.next());
        [
            (14, Action::RequestArrives, self.clients.has_arrivals()),
            (60, Action::ParticipantReads, self.process.participants.has_mail()),
            (40, Action::AnswerArrives, self.process.participants.has_answers()),
            (10, Action::LogWrites, self.log.can_write()),
            (10, Action::LogSyncs, self.log.can_sync()),
            (30, Action::RecordApplies, next.is_some() && !failed),
            (8, Action::NoticeGoes, self.process.has_notices() && !failed),
            (
                20,
                Action::TimerFires,
                self.clock.next_timer().is_some_and(|at| at <= self.clock.now()),
            ),
        ]
        .into_iter()
        .filter_map(|(weight, action, possible)| possible.then_some((weight, action)))
        .collect()
    }

    fn pick(&mut self, possible: &[(usize, Action)]) -> Action {
        let total: usize = possible.iter().map(|(weight, _)| weight).sum();
        let mut left = self.random.below(total);
        for (weight, action) in possible {
            if left < *weight {
                return *action;
            }
            left -= weight;
        }
        unreachable!("the weights sum to the total")
    }

    fn act(&mut self, action: Action, reliable: bool) -> Findings {
        self.note(&format!("{action:?}"));
        let now = self.clock.now();
        let random = &mut self.random;
        match action {
            Action::ClientActs => self.clients.act(random, now),
            Action::RequestArrives => {
                if let Some(call) = self.clients.next_arrival(random) {
                    self.process.submit(call, now, &mut self.log);
                }
            }
            Action::ParticipantReads => {
                let catalogue = &self.process.catalogue;
                self.process.participants.deliver(random, catalogue, &self.shelf);
            }
            Action::AnswerArrives => {
                if let Some(answer) = self.process.participants.next_answer(random) {
                    self.process.answered(answer, random, now, &mut self.log);
                }
            }
            Action::LogWrites => self.log.write(random),
            Action::LogSyncs => self.log.sync(),
            Action::RecordApplies => self.apply()?,
            Action::TimerFires => {
                let due = self.clock.due();
                let agent = due.and_then(|order| Some((order, self.process.agent_of(order)?)));
                if let Some((order, agent)) = agent {
                    let call = Call { agent, request: Request::Expire { order } };
                    self.process.submit(call, now, &mut self.log);
                }
            }
            Action::TimePasses => {
                let most = [1000, 1000, 20_000, 20_000, 20_000, 1_200_000, 30_000_000];
                let most = most[random.below(most.len())];
                self.clock.advance(random.below(most) as i64);
            }
            Action::TimeGoesBack => self.clock.advance(-(random.below(5000) as i64)),
            Action::NoticeGoes => {
                if let Some((agent, order, notice)) = self.process.next_notice(random) {
                    self.auditor.told(order, notice)?;
                    // The agent may not have answered: it is told again later.
                    if let Some(outcome) = world::outcome(random) {
                        let request = Request::Settle { order, no: notice.no, outcome };
                        self.process.submit(Call { agent, request }, now, &mut self.log);
                    }
                }
            }
            Action::SnapshotSome => self.process.store(&mut self.shelf, random, 30),
            Action::SnapshotAll => self.process.store(&mut self.shelf, random, 100),
            Action::Passivate => {
                self.process.participants.passivate(&mut self.shelf, random, 30);
            }
            Action::LogFails => {
                self.log.fail();
                self.process.fail();
            }
            Action::Crash => self.crash()?,
        }
        self.hand_out(reliable)
    }

    fn apply(&mut self) -> Findings {
        let lsn = self.process.applied.next();
        if let Some(record) = self.log.read(lsn) {
            self.auditor.applied(lsn, record)?;
            self.process.apply(&mut self.clock, &mut self.log, &self.shelf);
            for edge in self.auditor.take_edges() {
                self.note(edge);
            }
        }
        Ok(())
    }

    /// Answers go to the auditor when they are given, and to clients if they arrive.
    fn hand_out(&mut self, reliable: bool) -> Findings {
        for (at, order) in std::mem::take(&mut self.process.timers) {
            self.clock.set_timer(at, order);
        }
        for (call, reply) in std::mem::take(&mut self.process.replies) {
            self.note(&name_of(&reply));
            if self.trace {
                println!("      {call:?} -> {reply:?}");
            }
            if call.request.is_internal() {
                continue;
            }
            self.auditor.heard(&call, &reply)?;
            let about = (self.clock.now(), reliable);
            self.clients.receive(&mut self.random, &call, &reply, about);
        }
        Ok(())
    }

    /// The process ends without a word and starts again.
    fn crash(&mut self) -> Findings {
        self.log.crash(&mut self.random);
        if self.random.chance(15) {
            self.note("snapshots lost");
            self.shelf = Shelf::default();
        }
        // A restart may be over within the second in which numbers were given out last.
        if self.random.chance(50) {
            self.clock.advance(self.random.below(30_000) as i64);
        }
        self.restart()
    }

    /// Recovery from snapshots and the log's tail, compared with a replay of the whole log.
    fn restart(&mut self) -> Findings {
        self.clock.forget_timers();
        let mut replayed = State::default();
        let mut recovered = State { catalogue: self.shelf.catalogue.clone(), ..State::default() };
        // Records that the snapshots include may come again: whoever includes one skips it.
        let covered = self.shelf.covered.get() as usize;
        let first = if covered == 0 { 0 } else { covered - self.random.below(covered.min(5)) };
        for (record, lsn) in self.log.durable().iter().zip(1..) {
            let lsn = Lsn::new(lsn);
            replayed
                .apply(lsn, record.clone(), &mut Nowhere)
                .unwrap_or_else(|never| match never {});
            if lsn.get() as usize > first {
                let applied = recovered.apply(lsn, record.clone(), &mut self.shelf);
                applied.unwrap_or_else(|never| match never {});
            }
        }
        self.shelf.complete(&mut recovered);
        if recovered.digest() != replayed.digest() {
            let detail = format!("snapshots from record {first}, log of {}", replayed.orders.len());
            return broken(invariants::REPLAY_EQUALS_LIVE, detail);
        }
        let applied = Lsn::new(self.log.durable().len() as u64);
        self.process = Process::start(&recovered, applied, &mut self.clock, self.sabotage);
        self.auditor.restarted(replayed, self.log.durable())
    }

    fn audit(&mut self) -> Findings {
        let live = self.process.digest(&self.shelf);
        self.auditor.check(Some(live))
    }

    /// No new wishes and no more faults: every request is answered, every unpaid order expires, and
    /// then nobody keeps anything.
    fn come_to_rest(&mut self) -> Findings {
        if self.log.is_failed() {
            self.act(Action::Crash, true)?;
        }
        for _ in 0..20 {
            self.drain()?;
            if !self.clients.insist() {
                break;
            }
        }
        assert!(!self.clients.insist(), "SIM_SEED={}: a request is never answered", self.seed);
        while let Some(at) = self.clock.next_timer() {
            self.clock.advance((at.get() - self.clock.now().get()).max(0));
            self.drain()?;
        }
        self.audit()?;
        self.auditor.check_nothing_left()?;
        let busy = self.process.busy();
        if !busy.is_empty() {
            return broken(invariants::RETURNED_ONCE, format!("still kept: {busy:?}"));
        }
        // What stands at the end also stands after a restart.
        self.act(Action::Crash, true)?;
        self.audit()
    }

    fn drain(&mut self) -> Findings {
        for _ in 0..REST_MAX {
            let possible = self.progress();
            if possible.is_empty() {
                assert!(
                    !self.process.is_working(),
                    "SIM_SEED={}: work that nobody does",
                    self.seed
                );
                return Ok(());
            }
            self.step += 1;
            let action = self.pick(&possible);
            self.act(action, true)?;
        }
        panic!("SIM_SEED={}: no rest after {REST_MAX} steps", self.seed)
    }

    fn note(&mut self, what: &str) {
        if self.trace {
            println!("{:6} {} {what}", self.step, self.clock.now().get());
        }
        for byte in what.bytes() {
            self.history.fingerprint = (self.history.fingerprint ^ u64::from(byte))
                .wrapping_mul(0x0000_0100_0000_01b3)
                .rotate_left(5);
        }
        *self.history.counts.entry(what.to_owned()).or_default() += 1;
    }
}

/// The kind of a reply; the facts of a refusal are left out.
fn name_of(reply: &Reply) -> String {
    let text = match reply {
        Reply::Refused(Rejection::Refund(error)) => format!("Refund{error:?}"),
        Reply::Refused(Rejection::Redeem(error)) => format!("Redeem{error:?}"),
        Reply::Refused(Rejection::Reverse(error)) => format!("Reverse{error:?}"),
        Reply::Refused(Rejection::Booking(error)) => format!("Booking{error:?}"),
        Reply::Refused(rejection) => format!("{rejection:?}"),
        other => format!("{other:?}"),
    };
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}
