//! The demo catalogue inside the program, and secrets that everybody knows.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use toml::{Table, Value};

use crate::domain::catalogue::Catalogue;
use crate::http::{DEMO_GATE_TOKEN, GateConfig};
use crate::types::Sealed;
use crate::vault::agent_secrets::{
    AGENT_SECRETS_PURPOSE, DOUYIN_SECRET_PURPOSE, TOP_SECRET_PURPOSE, decode_agent_secrets,
};
use crate::vault::{KeyRing, Purpose};

/// The demo catalogue.
pub(super) const DEMO_CATALOGUE: &str = include_str!("../../data/demo/catalogue.toml");

/// Keys of a catalogue file that hold what a caller proves itself with. Passwords are not among them:
/// they are stored only as digests, and an agent has all three secrets or none.
const SECRET_KEYS: [&str; 2] = ["session_key", "secret"];
/// File in the data directory that remembers which other files' secrets are public.
const PUBLIC_SECRETS: &str = "public-secrets";

/// Secrets that everybody knows, as hashes: the demo's, and those of imported files that say so.
#[derive(Clone, Debug)]
pub(super) struct PublicSecrets(BTreeSet<String>);

impl PublicSecrets {
    /// Those known in a data directory.
    pub(super) fn load(data_dir: &Path) -> anyhow::Result<Self> {
        let mut known = hashes(DEMO_CATALOGUE)?;
        let path = data_dir.join(PUBLIC_SECRETS);
        match std::fs::read_to_string(&path) {
            Ok(text) => known.extend(text.lines().map(ToOwned::to_owned)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
        Ok(Self(known))
    }

    /// Remembers the secrets of a catalogue file that calls itself a demo.
    pub(super) fn remember(data_dir: &Path, catalogue_file: &str) -> anyhow::Result<()> {
        let Self(known) = Self::load(data_dir)?;
        let found = hashes(catalogue_file)?;
        if found.is_subset(&known) {
            return Ok(());
        }
        let lines: Vec<&str> = known.union(&found).map(String::as_str).collect();
        let path = data_dir.join(PUBLIC_SECRETS);
        std::fs::write(&path, lines.join("\n") + "\n").with_context(|| path.display().to_string())
    }

    /// Who in the catalogue has a secret that everybody knows.
    pub(super) fn holders(&self, catalogue: &Catalogue, keys: &KeyRing) -> Vec<String> {
        let is_public = |purpose, sealed: &Sealed, read: fn(&[u8]) -> Option<String>| {
            // Keys that cannot open a secret cannot serve its holder either.
            let opened = keys.open(Purpose::new(purpose), sealed).ok();
            let secret = opened.and_then(|bytes| read(&bytes));
            secret.is_some_and(|secret| self.0.contains(&hash(&secret)))
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let session = |bytes: &[u8]| decode_agent_secrets(bytes).ok().map(|it| it.session_key);
        let agents = catalogue.agents().iter();
        let agents = agents
            .filter(|agent| is_public(AGENT_SECRETS_PURPOSE, &agent.secrets, session))
            .map(|agent| format!("agent {}", agent.id));
        let clients = catalogue.douyin_clients().iter();
        let clients = clients
            .filter(|client| is_public(DOUYIN_SECRET_PURPOSE, &client.secret, text))
            .map(|client| format!("Douyin client {}", client.client_key));
        let apps = catalogue.top_apps().iter();
        let apps = apps
            .filter(|app| is_public(TOP_SECRET_PURPOSE, &app.secret, text))
            .map(|app| format!("TOP application {}", app.app_key));
        agents.chain(clients).chain(apps).collect()
    }
}

/// Which gates have a token that everybody knows.
pub(super) fn public_gates(gates: &[GateConfig]) -> Vec<String> {
    let public = gates.iter().filter(|gate| is_public(gate));
    public.map(|gate| format!("gate {} (http.gates)", gate.name)).collect()
}

/// The gates to serve: the demo's opens nothing but the demo. Behind a proxy on the same machine it
/// would otherwise open everybody's vouchers to everybody, and its being the default goes unnoticed.
pub(super) fn served_gates(gates: &[GateConfig], serves_demo: bool) -> Vec<GateConfig> {
    gates.iter().filter(|gate| serves_demo || !is_public(gate)).cloned().collect()
}

fn is_public(gate: &GateConfig) -> bool {
    gate.token.as_bytes() == DEMO_GATE_TOKEN.as_bytes()
}

/// Hashes of every secret in a catalogue file.
fn hashes(catalogue_file: &str) -> anyhow::Result<BTreeSet<String>> {
    let sections = catalogue_file.parse::<Table>().context("a catalogue file")?;
    let entries = sections.values().filter_map(Value::as_array).flatten();
    let secrets = entries.filter_map(Value::as_table).flat_map(|entry| {
        SECRET_KEYS.iter().filter_map(|key| entry.get(*key).and_then(Value::as_str))
    });
    Ok(secrets.map(hash).collect())
}

fn hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::catalogue_file::{self, CatalogueEntry};
    use crate::types::ServiceDate;

    fn catalogue(text: &str, keys: &KeyRing) -> Catalogue {
        let seal = |purpose: &'static str, bytes: &[u8]| {
            keys.seal(Purpose::new(purpose), bytes).map_err(Into::into)
        };
        let file = catalogue_file::parse(text, ServiceDate::from_days(20_000), &seal).unwrap();
        let mut catalogue = Catalogue::default();
        for entry in file.entries {
            if let CatalogueEntry::Command(command) = entry {
                let event = catalogue.decide(command).unwrap();
                catalogue.apply(&event);
            }
        }
        catalogue
    }

    #[test]
    fn the_demos_secrets_are_recognised_wherever_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let keys = KeyRing::generate().unwrap();
        let public = PublicSecrets::load(dir.path()).unwrap();
        assert_eq!(
            public.holders(&catalogue(DEMO_CATALOGUE, &keys), &keys),
            [
                "agent demo-agent",
                "agent poor-agent",
                "Douyin client awdemo0000000001",
                "TOP application 12345678"
            ]
        );
    }

    #[test]
    fn the_demos_gate_opens_nothing_but_the_demo() {
        let own = "name = \"own\"\ntoken = \"0123456789abcdef\"";
        let gates = [GateConfig::demo(), toml::from_str(own).unwrap()];
        let names = |serves_demo: bool| -> Vec<String> {
            served_gates(&gates, serves_demo).into_iter().map(|gate| gate.name).collect()
        };
        assert_eq!(names(true), ["demo-gate", "own"]);
        assert_eq!(names(false), ["own"]);
        assert_eq!(public_gates(&gates), ["gate demo-gate (http.gates)"]);
    }

    #[test]
    fn another_files_secrets_are_public_once_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let keys = KeyRing::generate().unwrap();
        let file = "[[top_app]]\napp_key = \"1\"\nsecret = \"own\"\n";
        let catalogue = catalogue(file, &keys);
        let holders = || PublicSecrets::load(dir.path()).unwrap().holders(&catalogue, &keys);
        assert_eq!(holders(), [""; 0]);
        PublicSecrets::remember(dir.path(), file).unwrap();
        assert_eq!(holders(), ["TOP application 1"]);
        let noted = std::fs::read_to_string(dir.path().join(PUBLIC_SECRETS)).unwrap();
        assert!(!noted.contains("own"));
    }
}
