//! Programs that are started here: servers, which are stopped by pid when their guard is dropped, and
//! tools, which run to their end within a time limit.
//!
//! Nothing outlives the run: not after an error, not after Ctrl-C, and where `setpriv` is at hand not
//! after a `kill -9` either, since the system then ends them with their parent.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use piaoku::clock::monotonic_nanos;
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to become ready or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs. Dropping it stops it and waits until it is gone.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    stop: Signal,
    log: PathBuf,
}

/// How a program is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// The signal that ends it in order.
    pub(crate) stop: Signal,
    /// Whom it runs as, when not as us: this needs root and `setpriv`.
    pub(crate) user: Option<&'a str>,
}

impl Start<'_> {
    /// The command, which ends when we do.
    pub(crate) fn command(&self) -> Command {
        let Some(setpriv) = find("setpriv") else { return Command::new(self.program) };
        let mut command = Command::new(setpriv);
        let stop = if self.stop == Signal::INT { "INT" } else { "TERM" };
        command.args(["--pdeathsig", stop]);
        if let Some(user) = self.user {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={user}"));
            command.arg("--clear-groups");
        }
        command.arg("--").arg(self.program);
        command
    }
}

impl Server {
    /// Starts a server; what it says goes to a file in `dir`.
    pub(crate) fn spawn(
        name: &'static str,
        mut command: Command,
        stop: Signal,
        dir: &Path,
    ) -> anyhow::Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, stop, log })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready`.
    ///
    /// # Errors
    /// When it ends or takes too long, with what it said last.
    pub(crate) async fn wait_ready(
        &mut self,
        mut is_ready: impl AsyncFnMut() -> bool,
    ) -> anyhow::Result<()> {
        let begin = monotonic_nanos();
        loop {
            if is_ready().await {
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || since(begin) > PATIENCE {
                bail!("{} is not ready: {}", self.name, self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the HTTP server at `addr` takes requests.
    pub(crate) async fn wait_http(&mut self, addr: SocketAddr) -> anyhow::Result<()> {
        self.wait_ready(async || is_http_ready(addr).unwrap_or(false)).await
    }

    /// Waits until it has put away what the last load left, as far as that shows in its processor time:
    /// below a twentieth of a core for a fifth of a second. Gives up after some seconds.
    pub(crate) async fn settle(&self) {
        let begin = monotonic_nanos();
        let mut before = cpu_ticks(self.pid());
        while since(begin) < Duration::from_secs(8) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = cpu_ticks(self.pid());
            // A tick is a hundredth of a second, so this is one tick in twenty.
            if now.saturating_sub(before) <= 1 {
                return;
            }
            before = now;
        }
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// When it did not end by itself in time, or not in order.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        match self.end()? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("{} ended with {status}: {}", self.name, self.last_words()),
            None => bail!("{} had to be killed: {}", self.name, self.last_words()),
        }
    }

    /// Ends it; `None` when it had to be killed.
    fn end(&mut self) -> anyhow::Result<Option<std::process::ExitStatus>> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(Some(status));
        }
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            // It may have ended meanwhile; the wait below tells.
            let _ = kill_process(pid, self.stop);
        }
        let begin = monotonic_nanos();
        while since(begin) < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(None)
    }

    fn last_words(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.end();
    }
}

/// Runs a tool to its end.
///
/// # Errors
/// When it cannot be started, fails, or takes longer than `limit`; then it is killed.
pub(crate) async fn run(command: Command, limit: Duration) -> anyhow::Result<String> {
    let output = output(command, limit).await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    bail!("{}: {} {}", output.status, said.trim(), complaint.trim());
}

/// The same, whatever its exit code.
pub(crate) async fn output(command: Command, limit: Duration) -> anyhow::Result<Output> {
    let shown = format!("{command:?}");
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(limit, command.output()).await {
        Ok(output) => output.with_context(|| format!("cannot run {shown}")),
        Err(_) => bail!("not done after {limit:?}: {shown}"),
    }
}

/// A program in the path or where Debian keeps PostgreSQL's, version 15 before others.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    versions.sort_by_key(|dir| !dir.starts_with("/usr/lib/postgresql/15"));
    let dirs = versions.into_iter().chain(std::env::split_paths(&path));
    dirs.map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// A port that nobody listens on.
pub(crate) fn free_addr() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The time that has passed since an instant of [`monotonic_nanos`].
pub(crate) fn since(begin: u64) -> Duration {
    Duration::from_nanos(monotonic_nanos() - begin)
}

fn is_http_ready(addr: SocketAddr) -> std::io::Result<bool> {
    use std::io::{Read as _, Write as _};
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_millis(200))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let path = crate::front::READY;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(&head == b"HTTP/1.1 200")
}

/// Processor time of a process and its children, in hundredths of a second.
fn cpu_ticks(pid: u32) -> u64 {
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let pids = entries.flatten().filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    let stats = pids.filter_map(|it| {
        let text = std::fs::read_to_string(format!("/proc/{it}/stat")).ok()?;
        let stat = parse_stat(&text)?;
        (it == pid || stat.parent == pid).then_some(stat.ticks)
    });
    stats.sum()
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    ticks: u64,
}

/// Source: proc(5), "/proc/pid/stat".
fn parse_stat(text: &str) -> Option<Stat> {
    // The name stands in parentheses and may have spaces and parentheses itself.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks: number(11)? + number(12)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read() {
        let text = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 0 0 0 13 5 0 0 20 0 1 0 100 0 0";
        assert_eq!(parse_stat(text), Some(Stat { parent: 7, ticks: 18 }));
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn a_dropped_server_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let sleep = find("sleep").unwrap();
        let start = Start { program: &sleep, stop: Signal::TERM, user: None };
        let mut command = start.command();
        command.arg("60");
        let server = Server::spawn("sleep", command, start.stop, dir.path()).unwrap();
        let proc = format!("/proc/{}", server.pid());
        assert!(Path::new(&proc).exists());
        drop(server);
        assert!(!Path::new(&proc).exists());
    }
}
