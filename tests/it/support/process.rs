//! The real binary: a server that can be killed, and the audit.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use piaoku::clock::{Clock, SystemClock};
use piaoku::types::UnixMillis;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Target;
use super::http::Request;

/// A `piaoku serve` with a data directory of its own. Dropping it kills it as `kill -9` does.
pub(crate) struct Process {
    addr: SocketAddr,
    child: Mutex<Child>,
}

/// Held while a process comes into being: until it has become another program it is a copy of this one,
/// with every file that is open here, and so with the locks of stores that servers in here have let go.
static BEGETTING: Mutex<()> = Mutex::new(());

/// Waits until no copy of this process keeps a lock that was let go before.
pub(crate) fn until_locks_are_free() {
    drop(BEGETTING.lock().expect("nobody panics while a process begins"));
}

/// Starts a program.
fn spawn(command: &mut Command) -> Child {
    let _begetting = BEGETTING.lock().expect("nobody panics while a process begins");
    command.spawn().expect("the binary starts")
}

fn piaoku(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_piaoku"));
    // Away from the configuration of whoever runs the tests.
    command.current_dir(dir).env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    command
}

impl Process {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    /// The same with settings in the environment.
    pub(crate) fn start_with(dir: &Path, environment: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = free.local_addr().expect("its address");
        drop(free);
        let mut command = piaoku(dir);
        command.arg("serve").arg("--data-dir").arg(dir).arg("--listen").arg(addr.to_string());
        command.envs(environment.iter().copied());
        let child = spawn(command.stderr(Stdio::null()));
        let process = Self { addr, child: Mutex::new(child) };
        for _ in 0..600 {
            let ready = Request::new("GET", "/health/ready").try_send(&process);
            if ready.is_ok_and(|answer| answer.status == 200) {
                return process;
            }
            let ended = process.child().try_wait().expect("a child");
            assert!(ended.is_none(), "the server ended: {ended:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the server never was ready");
    }

    /// Kills it at once: nothing is saved, nobody is answered any more.
    pub(crate) fn kill(&self) {
        self.child().kill().expect("a child that runs");
        self.child().wait().expect("a child");
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().expect("nobody panics beside the child")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child().kill();
        let _ = self.child().wait();
    }
}

impl Target for Process {
    fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn now(&self) -> UnixMillis {
        SystemClock.now()
    }
}

/// Runs the program to its end: its exit code, and what it said on either stream.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = piaoku(dir);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    ended(spawn(&mut command).wait_with_output().expect("the binary runs"))
}

/// Runs the program until it has come as far as `is_time` says and interrupts it as Ctrl-C does: its exit
/// code, and what it said on either stream.
pub(crate) fn interrupt(
    dir: &Path,
    arguments: &[&str],
    is_time: impl Fn() -> bool,
) -> (i32, String) {
    let mut command = piaoku(dir);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(&mut command);
    while !is_time() {
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended: {ended:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("a child that runs");
    ended(child.wait_with_output().expect("a child"))
}

fn ended(output: Output) -> (i32, String) {
    let said = [output.stdout, output.stderr].concat();
    let code = output.status.code().expect("it was not killed");
    (code, String::from_utf8(said).expect("it prints text"))
}

/// What `piaoku audit` says of the store of a stopped server: every invariant holds, and what a
/// restart would serve from the snapshots is what the journal says.
pub(crate) fn audit(dir: &Path) -> Value {
    let mut command = piaoku(dir);
    command.args(["audit", "--json", "--data-dir"]).arg(dir);
    // The copy it works on goes with the test's directory.
    command.arg("--scratch").arg(dir).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = spawn(&mut command).wait_with_output().expect("the audit runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    assert!(output.status.success() && report["passed"] == true, "{report:#}");
    report
}
