//! Partners' opened secrets, derived once and kept as long as their catalogue entry is the same.

use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::HashMap;

use crate::domain::catalogue::{Agent, DouyinClient, TopApp};
use crate::types::Sealed;
use crate::vault::agent_secrets::{
    AGENT_SECRETS_PURPOSE, DOUYIN_SECRET_PURPOSE, TOP_SECRET_PURPOSE, decode_agent_secrets,
};
use crate::vault::{KeyRing, Purpose};
use crate::wire::douyin::crypto::{FieldKey, KeyTrim};
use crate::wire::douyin::sign::ClientSecret;
use crate::wire::ota::{HawkCredential, PayPassword, UpperMd5};

/// What an agent proves itself with, ready to be compared.
pub(super) struct AgentCredentials {
    /// Whose they are.
    pub(super) agent: Arc<Agent>,
    pub(super) hawk: HawkCredential,
    pub(super) pay_password: PayPassword,
}

/// What a Douyin client proves itself with.
pub(super) struct ClientCredentials {
    pub(super) secret: ClientSecret,
    pub(super) fields: FieldKey,
}

/// A catalogue entry and what was derived from it.
type Known<E, C> = (Arc<E>, Arc<C>);

/// Derived secrets by catalogue entry. Reading takes no lock; a miss replaces the map.
struct Derived<E, C> {
    known: ArcSwap<HashMap<Box<str>, Known<E, C>>>,
}

/// All derived secrets.
pub(super) struct Credentials {
    keys: KeyRing,
    agents: Derived<Agent, AgentCredentials>,
    clients: Derived<DouyinClient, ClientCredentials>,
    apps: Derived<TopApp, Vec<u8>>,
}

impl<E, C> Derived<E, C> {
    fn new() -> Self {
        Self { known: ArcSwap::from_pointee(HashMap::new()) }
    }

    fn get(
        &self,
        name: &str,
        entry: &Arc<E>,
        derive: impl FnOnce() -> Option<C>,
    ) -> Option<Arc<C>> {
        if let Some((of, derived)) = self.known.load().get(name)
            && Arc::ptr_eq(of, entry)
        {
            return Some(Arc::clone(derived));
        }
        let derived = Arc::new(derive()?);
        let mut known = HashMap::clone(&self.known.load());
        known.insert(name.into(), (Arc::clone(entry), Arc::clone(&derived)));
        // Two workers that miss at once may lose one of the entries; it is derived again then.
        self.known.store(Arc::new(known));
        Some(derived)
    }
}

impl Credentials {
    pub(super) fn new(keys: KeyRing) -> Self {
        let (agents, clients, apps) = (Derived::new(), Derived::new(), Derived::new());
        Self { keys, agents, clients, apps }
    }

    /// An agent's, unless it has none or they cannot be opened.
    pub(super) fn agent(&self, agent: &Arc<Agent>) -> Option<Arc<AgentCredentials>> {
        self.agents.get(&agent.id, agent, || {
            let opened = self.open(AGENT_SECRETS_PURPOSE, &agent.secrets, &agent.id)?;
            let secrets = decode_agent_secrets(&opened).ok()?;
            let login = UpperMd5::from_hex(&secrets.login_password_md5)?;
            let pay = UpperMd5::from_hex(&secrets.pay_password_md5)?;
            Some(AgentCredentials {
                agent: Arc::clone(agent),
                hawk: HawkCredential::new(&secrets.session_key, &login),
                pay_password: PayPassword::new(&secrets.session_key, &login, &pay),
            })
        })
    }

    /// A Douyin client's.
    pub(super) fn client(&self, client: &Arc<DouyinClient>) -> Option<Arc<ClientCredentials>> {
        self.clients.get(&client.client_key, client, || {
            let opened = self.open(DOUYIN_SECRET_PURPOSE, &client.secret, &client.client_key)?;
            let secret = ClientSecret::new(std::str::from_utf8(&opened).ok()?);
            let fields = FieldKey::new(&secret, KeyTrim::default());
            Some(ClientCredentials { secret, fields })
        })
    }

    /// A TOP application's.
    pub(super) fn app(&self, app: &Arc<TopApp>) -> Option<Arc<Vec<u8>>> {
        self.apps.get(&app.app_key, app, || {
            Some(self.open(TOP_SECRET_PURPOSE, &app.secret, &app.app_key)?.to_vec())
        })
    }

    fn open(
        &self,
        purpose: &'static str,
        sealed: &Sealed,
        whose: &str,
    ) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        if sealed.bytes.is_empty() {
            return None;
        }
        match self.keys.open(Purpose::new(purpose), sealed) {
            Ok(opened) => Some(opened),
            Err(error) => {
                tracing::error!(whose, %error, "a partner's secret cannot be opened");
                None
            }
        }
    }
}
