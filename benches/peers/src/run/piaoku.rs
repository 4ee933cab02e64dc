//! Piaoku itself: the released program with a store of its own, audited by `piaoku audit`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use serde_json::Value;

use super::Audit;
use super::process::{self, Server, Start, free_addr};

/// How long an audit may take.
const AUDIT_LIMIT: Duration = Duration::from_secs(600);

/// A Piaoku that runs, with the shop in it.
pub(crate) struct Piaoku {
    pub(crate) server: Server,
    pub(crate) addr: SocketAddr,
    program: PathBuf,
    dir: PathBuf,
}

impl Piaoku {
    /// Starts one in an empty directory. Everything but the number of workers is as by default.
    pub(crate) async fn start(program: &Path, workers: usize, dir: &Path) -> anyhow::Result<Self> {
        let catalogue = dir.join("catalogue.toml");
        std::fs::write(&catalogue, include_str!("../../../../data/load/catalogue.toml"))?;
        let addr = free_addr()?;
        let start = Start { program, stop: Signal::TERM, user: None };
        let mut command = start.command();
        // Away from the configuration of whoever runs this.
        command.current_dir(dir).env_clear().arg("serve").arg("--data-dir").arg(dir.join("store"));
        command.args(["--listen", &addr.to_string()]);
        command.env("PIAOKU__DATA__IMPORT", &catalogue);
        command.env("PIAOKU__HTTP__WORKERS", workers.to_string());
        let mut server = Server::spawn("piaoku", command, start.stop, dir)?;
        server.wait_http(addr).await?;
        Ok(Self { server, addr, program: program.to_owned(), dir: dir.to_owned() })
    }

    /// Stops it and checks every invariant over what it stored.
    pub(crate) async fn stop_and_audit(self) -> anyhow::Result<Audit> {
        self.server.stop()?;
        let start = Start { program: &self.program, stop: Signal::TERM, user: None };
        let mut command = start.command();
        command.current_dir(&self.dir).env_clear().args(["audit", "--json", "--data-dir"]);
        command.arg(self.dir.join("store")).arg("--scratch").arg(&self.dir);
        let output = process::output(command, AUDIT_LIMIT).await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(&said)
            .with_context(|| format!("{said}{}", String::from_utf8_lossy(&output.stderr)))?;
        read(&report).with_context(|| format!("the audit says {report}"))
    }
}

fn read(report: &Value) -> Option<Audit> {
    let number = |name: &str| report.get(name)?.as_u64();
    let count = |name: &str| report.get(name)?.as_array().map(Vec::len);
    let (records, orders) = (number("records")?, number("orders")?);
    let (paid, vouchers) = (number("orders_paid")?, number("vouchers")?);
    let (checked, violations) = (count("checked")?, count("violations")?);
    let digest = report.get("digest")?.as_str()?.get(..16)?;
    let line = format!(
        "records {records}, orders {orders} (paid {paid}), vouchers {vouchers}, {checked} invariants \
         checked, {violations} violations, digest {digest}"
    );
    Some(Audit { orders: paid, holds: report.get("passed")?.as_bool()? && violations == 0, line })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_audits_report_is_read() {
        let report = |passed: bool| {
            json!({
                "passed": passed, "records": 9, "orders": 5, "orders_paid": 4, "vouchers": 4,
                "digest": "0123456789abcdef0123", "checked": ["INV-1", "INV-2"], "violations": []
            })
        };
        let audit = read(&report(true)).unwrap();
        assert_eq!((audit.orders, audit.holds), (4, true));
        assert!(audit.line.contains("2 invariants"), "{}", audit.line);
        assert!(!read(&report(false)).unwrap().holds);
        assert!(read(&json!({ "passed": true })).is_none());
    }
}
