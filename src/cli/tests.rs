//! A server in this process, on a port of its own, for the tests of the commands that need one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use clap::Parser;
use tokio::sync::oneshot;

use super::call::{self, Verdict};
use super::{Arguments, Command, import, serve};
use crate::config::Config;
use crate::config::catalogue_file::CatalogueDocuments;
use crate::http;
use crate::metrics::Metrics;

/// A server with the demo catalogue. Stops in order when dropped.
pub(super) struct Server {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A configuration for tests: small files, quick snapshots.
pub(super) fn config(data_dir: &Path) -> Config {
    let mut config = Config::default();
    config.data.dir = data_dir.to_owned();
    config.http.listen = "127.0.0.1:0".to_owned();
    config.http.workers = 1;
    config.engine.partitions = 1;
    config.journal.segment_bytes = 2 << 20;
    config.snapshot.flush_interval_ms = 20;
    config
}

impl Server {
    pub(super) fn start(data_dir: &Path) -> Self {
        let config = config(data_dir);
        let (ready, url) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let metrics = Metrics::default();
                let (engine, keys) = import::start_engine(&config, &metrics).unwrap();
                let handle = engine.handle();
                if handle.catalogue().is_empty() {
                    let demo = import::configured("demo").unwrap();
                    import::import_all(&handle, &keys, &config.data.dir, &demo).await.unwrap();
                }
                let listener = TcpListener::bind(&config.http.listen).unwrap();
                let url = format!("http://{}", listener.local_addr().unwrap());
                let parts = http::HttpParts {
                    engine: handle,
                    keys,
                    config: config.http,
                    metrics,
                    admin: config.admin,
                    documents: Arc::new(CatalogueDocuments),
                };
                let server = http::start(parts, listener).unwrap();
                let running = server.handle();
                actix_rt::spawn(server);
                ready.send(url).unwrap();
                let _ = stopped.await;
                running.stop(true).await;
                engine.stop().await;
            });
        });
        Self { url: url.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    /// Runs a `call` and says what the partner would understand.
    pub(super) fn call(&self, line: &str) -> Verdict {
        let line = format!("piaoku call {line} --url {}", self.url);
        match Arguments::parse_from(line.split(' ')).command {
            Some(Command::Call(arguments)) => call::exchange(&arguments).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn success(verdict: Verdict) -> String {
    match verdict {
        Verdict::Success(what) => what,
        Verdict::Refused(why) => panic!("refused: {why}"),
    }
}

#[test]
fn every_call_is_answered_by_a_real_server_in_both_formats() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for format in ["json", "xml"] {
        let call = |line: &str| success(server.call(&format!("{line} --format {format}")));
        let order = call("order --senderid S-1");
        assert!(order.ends_with("is in state D"), "{order}");
        assert_eq!(call("order --senderid S-1"), order, "the same key has the same answer");
        call("order --old-address");
        call("order --product P-FLASH");
        call("order --product P-BULK --amount 3 --pay-from prepayment");
        call("order --product P-ADULT --timespan -1 --amount 2 --payload-hash");
        call("order --product P-CHILD --timespan 2");
        call("verify");
        call("verify --product P-FLASH --timespan 0");
        call("codes --sku 7000000000000000002 --old-sign");
        let codes = call("codes --count 2 --order-id 81");
        assert_eq!(call("codes --count 2 --order-id 81"), codes);
        let code = codes.rsplit(' ').next().unwrap();
        for flags in ["", " --get", " --simplify", " --sign-method hmac"] {
            let seen = call(&format!("consult --code {code}{flags}"));
            assert!(seen.starts_with("2 usable of product P-COUPON"), "{seen}");
        }
        let codes = call("codes --count 2 --date today");
        let mut codes = codes.rsplit(' ');
        let (first, second) = (codes.next().unwrap(), codes.next().unwrap());
        let redeemed = call(&format!("redeem --code {first} --request-no R-1"));
        assert!(redeemed.ends_with("of 1, 景区通用券"), "{redeemed}");
        assert_eq!(call(&format!("redeem --code {first} --request-no R-1")), redeemed);
        let taken_back = call(&format!("reverse --code {first}"));
        assert!(taken_back.ends_with("was taken back, 1 of this code"), "{taken_back}");
        let shop = "2017112100077000000046517463";
        let redeemed = call(&format!("redeem --code {second} --shop {shop}"));
        assert!(redeemed.starts_with("SUCCESS redemption "), "{redeemed}");
    }
}

#[test]
fn a_refusal_is_told_from_a_success() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let refused = |line: &str, why: &str| match server.call(line) {
        Verdict::Refused(said) => assert!(said.starts_with(why), "{line}: {said}"),
        Verdict::Success(what) => panic!("{line}: {what}"),
    };
    refused("order --login-password wrong", "HTTP status 401");
    refused("order --pay-password wrong", "code ");
    refused("order --product P-NONE", "code 2: ");
    refused("verify --date 2020-01-01", "code 4: ");
    refused("codes --secret wrong", "code 401: ");
    refused("codes --sku 7", "code 2: ");
    refused("codes --sku 7000000000000000002 --count 6", "result 2: ");
    refused("consult --code 000000000000", "TICKET_CODE_INVALID");
    refused("consult --code 0 --secret wrong", "25 ");
    refused("redeem --code 000000000000", "UNKNOWN_CODE ");
    refused("redeem --code 0 --token wrong", "UNAUTHENTICATED ");
    refused("redeem --code 0 --shop S", "41 ");
    refused("reverse --code 000000000000", "UNKNOWN_CODE ");
}

#[test]
fn importing_again_credits_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    drop(Server::start(dir.path()));
    let config = config(dir.path());
    let done = actix_rt::System::new().block_on(async {
        let (engine, keys) = import::start_engine(&config, &Metrics::default()).unwrap();
        let demo = import::configured("demo").unwrap();
        let done = import::import_all(&engine.handle(), &keys, &config.data.dir, &demo).await;
        engine.stop().await;
        done.unwrap()
    });
    assert_eq!(done.len(), 1);
    let expected = "0 opening balances imported (8 were given before and are left alone)";
    assert!(done[0].ends_with(expected), "{done:?}");
}

#[test]
fn a_store_in_use_and_a_lost_key_file_are_told_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let refusal = || {
        actix_rt::System::new().block_on(async {
            match import::start_engine(&config(dir.path()), &Metrics::default()) {
                Ok(_) => panic!("it started"),
                Err(error) => error.to_string(),
            }
        })
    };
    assert!(refusal().contains("is in use by a running piaoku"));
    drop(server);
    std::fs::remove_file(dir.path().join("piaoku.keys")).unwrap();
    let refusal = refusal();
    assert!(refusal.contains("piaoku.keys"), "{refusal}");
}

#[test]
fn a_folder_is_imported_in_the_order_of_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { dir.path().join(name) };
    for name in ["b.toml", "a.toml", "notes.txt"] {
        std::fs::write(at(name), name).unwrap();
    }
    let texts = import::configured(&dir.path().display().to_string()).unwrap();
    let texts: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["a.toml", "b.toml"]);
    assert!(import::configured("").unwrap().is_empty());
    assert!(import::configured(&at("c.toml").display().to_string()).is_err());
    assert!(import::configured(&at("no/such").display().to_string()).is_err());
}

#[test]
fn a_file_is_checked_before_there_is_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let (file, store) = (dir.path().join("own.toml"), dir.path().join("store"));
    std::fs::write(&file, "[[supplier]]\nid = \"\"\nname = \"x\"\n").unwrap();
    let (file, shown) = (file.display().to_string(), store.display().to_string());
    let line = ["piaoku", "import", &file, "--data-dir", &shown];
    let Some(Command::Import(arguments)) = Arguments::try_parse_from(line).unwrap().command else {
        panic!("an import")
    };
    let refusal = format!("{:#}", import::run(&arguments).unwrap_err());
    assert!(refusal.contains("own.toml") && refusal.contains("supplier"), "{refusal}");
    assert!(!store.exists(), "nothing came into being");
}

#[test]
fn public_secrets_stay_on_this_machine_unless_configured_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    let served = |config: &Config, listen: &str| {
        let listener = TcpListener::bind(listen).unwrap();
        actix_rt::System::new().block_on(async {
            let (engine, keys) = import::start_engine(config, &Metrics::default()).unwrap();
            let prepared = serve::prepare(config, &listener, &engine.handle(), &keys).await;
            engine.stop().await;
            prepared.map_err(|error| error.to_string())
        })
    };
    let refusal = served(&config, "0.0.0.0:0").unwrap_err();
    assert!(refusal.contains("security.allow_demo_secrets_off_loopback = true"), "{refusal}");
    // Nothing was stored, so the same directory imports on loopback, and only once.
    assert_eq!(served(&config, "127.0.0.1:0"), Ok(true));
    assert_eq!(served(&config, "127.0.0.1:0"), Ok(false));
    let refusal = served(&config, "0.0.0.0:0").unwrap_err();
    assert!(refusal.contains("agent demo-agent"), "{refusal}");
    assert!(refusal.contains("gate demo-gate"), "{refusal}");
    config.security.allow_demo_secrets_off_loopback = true;
    assert_eq!(served(&config, "0.0.0.0:0"), Ok(false));
}

/// Also where nothing else is public: the operators' interface could change everything.
#[test]
fn the_demo_admin_token_stays_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.data.import = String::new();
    let served = |config: &Config, listen: &str| {
        let listener = TcpListener::bind(listen).unwrap();
        actix_rt::System::new().block_on(async {
            let (engine, keys) = import::start_engine(config, &Metrics::default()).unwrap();
            let prepared = serve::prepare(config, &listener, &engine.handle(), &keys).await;
            engine.stop().await;
            prepared.map_err(|error| error.to_string())
        })
    };
    let refusal = served(&config, "0.0.0.0:0").unwrap_err();
    assert!(refusal.contains("admin.token demo") && refusal.contains("admin.enabled"), "{refusal}");
    assert_eq!(served(&config, "127.0.0.1:0"), Ok(false));
    let own = http::AdminToken {
        name: "desk".to_owned(),
        token: "nobody-else-knows-this-token".to_owned(),
        role: http::AdminRole::Operator,
    };
    let demo = std::mem::replace(&mut config.admin.token, vec![own]);
    assert_eq!(served(&config, "0.0.0.0:0"), Ok(false));
    config.admin = http::AdminConfig { enabled: false, token: demo };
    assert_eq!(served(&config, "0.0.0.0:0"), Ok(false));
}

#[test]
fn an_import_that_was_cut_off_is_done_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(Server::start(dir.path()));
    std::fs::write(dir.path().join("import.pending"), "").unwrap();
    let config = config(dir.path());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    actix_rt::System::new().block_on(async {
        let (engine, keys) = import::start_engine(&config, &Metrics::default()).unwrap();
        assert!(serve::prepare(&config, &listener, &engine.handle(), &keys).await.unwrap());
        engine.stop().await;
    });
    assert!(!dir.path().join("import.pending").exists());
}

/// Commands of this program in a Markdown text: lines of code and code spans.
fn commands(markdown: &str) -> Vec<String> {
    let code = markdown.split('`').flat_map(str::lines).map(str::trim);
    let bare = code.map(|line| line.split('#').next().unwrap_or_default().trim());
    let ours = bare.filter_map(|line| {
        let cargo =
            line.strip_prefix("cargo run --release").map(|rest| rest.trim_start_matches(" --"));
        cargo.or_else(|| line.strip_prefix("piaoku "))
    });
    // A command that needs more may be spoken of by its name alone.
    ours.map(|rest| rest.trim().to_owned())
        .filter(|command| {
            !["call", "load", "admin", "statement", "reconcile"].contains(&command.as_str())
        })
        .collect()
}

#[test]
fn the_readmes_name_the_same_commands_and_all_of_them_exist() {
    let english = commands(include_str!("../../README.md"));
    assert!(english.len() > 12, "{english:?}");
    for command in &english {
        let line = format!("piaoku {command}");
        let parsed = Arguments::try_parse_from(line.split_whitespace());
        parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    assert_eq!(commands(include_str!("../../README.zh-CN.md")), english);
}

#[test]
fn an_error_does_not_say_its_cause_twice() {
    #[derive(Debug, thiserror::Error)]
    #[error("journal: {0}")]
    struct Quoting(#[source] std::io::Error);

    let disk = || std::io::Error::other("no disk");
    assert_eq!(super::told(&anyhow::Error::new(Quoting(disk()))), "journal: no disk");
    assert_eq!(super::told(&anyhow::Error::new(disk()).context("start")), "start: no disk");
}

#[test]
fn a_command_line_that_cannot_be_read_is_no_refusal() {
    let code = |line: &[&str]| super::exit_code(&Arguments::try_parse_from(line).unwrap_err());
    assert_eq!(code(&["piaoku", "call", "order", "--date", "2026-13-01"]), 1);
    assert_eq!(code(&["piaoku", "--nope"]), 1);
    assert_eq!(code(&["piaoku", "--help"]), 0);
    assert_eq!(code(&["piaoku", "--version"]), 0);
}
