//! Whom an order is for and who buys it: documents, names and mobiles are checked, and purchases counted
//! by whom the product's limits name. How much somebody has bought already is asked later.

use smallvec::SmallVec;

use super::{AdmissionPolicy, Draft, DraftLine, LineClaim};
use crate::domain::catalogue::{Agent, Channels, LimitRule, LimitScope, Product, check_conditions};
use crate::domain::identity::{DocumentType, is_ciphertext, normalise_document, normalise_mobile};
use crate::engine::Rejection;
use crate::types::{AgentNo, Channel, IdentityHash, Quantity, ServiceDate};

/// A person, by what is known of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// A normalised document number of a kind.
    Document(DocumentType, &'a str),
    /// A document number that only the partner can read: equal text is the same person.
    DocumentCiphertext(&'a str),
    /// A normalised mobile.
    Mobile(&'a str),
    /// A mobile that only the partner can read.
    MobileCiphertext(&'a str),
    /// A user of an agent's own system.
    AgentUser(AgentNo, i64),
    /// A user of Douyin.
    OpenId(&'a str),
}

/// Keyed hashes of persons; `vault` has the key.
pub trait IdentityHasher {
    /// The hash a person is counted by.
    fn hash(&self, identity: Identity<'_>) -> IdentityHash;
}

/// By whom a scope counts that asks for no person; `None` for the others.
fn shared_identity(scope: LimitScope, agent: AgentNo, channel: Channel) -> Option<IdentityHash> {
    Some(match scope {
        LimitScope::Agent => IdentityHash::new(u128::from(agent.get())),
        LimitScope::Channel => IdentityHash::new(u128::from(Channels::of([channel]).bits())),
        LimitScope::Everyone => IdentityHash::new(0),
        LimitScope::Document | LimitScope::Mobile => return None,
        LimitScope::AgentUser | LimitScope::OpenId => return None,
    })
}

/// The limits of a product that bound what an agent can order through a channel whoever it is for:
/// allotments of agents, quotas of channels, and limits for everyone. As claims for nothing.
pub fn quotas<'a>(
    product: &'a Product,
    agent: &'a Agent,
    channel: Channel,
) -> impl Iterator<Item = LineClaim> + 'a {
    let rules = LimitRule::applicable(&product.rules.limits, channel, &agent.id);
    rules.filter_map(move |rule| {
        let identity = shared_identity(rule.scope, agent.no, channel)?;
        let (window, max) = (rule.window, rule.max);
        Some(LineClaim { rule: rule.no, window, identity, amount: Quantity::ZERO, max })
    })
}

/// Checks and counts the people of an order.
pub(super) struct Persons<'a> {
    pub(super) draft: &'a Draft,
    pub(super) policy: &'a AdmissionPolicy,
    pub(super) hasher: &'a dyn IdentityHasher,
    /// Public id of the agent.
    pub(super) agent: &'a str,
    pub(super) today: ServiceDate,
    /// The day of the visit, or today for products not bound to one.
    pub(super) visit: ServiceDate,
}

/// Whom a line is for, as far as that is known and counted.
pub(super) struct Counted {
    pub(super) document: Option<IdentityHash>,
    pub(super) claims: SmallVec<[LineClaim; 2]>,
}

impl Persons<'_> {
    pub(super) fn check_order(&self) -> Result<(), Rejection> {
        if !self.draft.mobile.is_empty() {
            self.policy.identity.check_mobile(&self.draft.mobile).map_err(Rejection::Mobile)?;
        }
        Ok(())
    }

    /// Checks a line's people and says what they are counted for.
    pub(super) fn counted(
        &self,
        line: &DraftLine,
        product: &Product,
        quantity: Quantity,
    ) -> Result<Counted, Rejection> {
        let limits: SmallVec<[&LimitRule; 8]> =
            LimitRule::applicable(&product.rules.limits, self.draft.channel, self.agent).collect();
        let counts = |scope| limits.iter().any(|rule| rule.scope == scope);
        let document = self.document(line, product, counts(LimitScope::Document))?;
        if product.rules.document_per_ticket {
            if line.name.is_empty() {
                return Err(Rejection::NameMissing);
            }
            if quantity != Quantity::ONE {
                let tickets = u64::from(quantity.get());
                return Err(Rejection::TravellersMismatch { travellers: 1, tickets });
            }
        }
        if !line.name.is_empty() {
            self.policy.identity.check_name(&line.name).map_err(Rejection::Name)?;
        }
        let mobile = self.mobile(line, counts(LimitScope::Mobile))?;

        let mut claims = SmallVec::new();
        for rule in limits {
            let identity = match rule.scope {
                LimitScope::Document => document,
                LimitScope::Mobile => mobile,
                scope => Some(self.buyer(scope)?),
            };
            // Needed persons were checked above, so an absent one is never a way around a limit.
            let Some(identity) = identity else { continue };
            let (window, max) = (rule.window, rule.max);
            claims.push(LineClaim { rule: rule.no, window, identity, amount: quantity, max });
        }
        Ok(Counted { document, claims })
    }

    /// Who buys, by a scope that asks for neither document nor mobile. Agents, channels and everyone
    /// are no persons: their numbers need no hash.
    fn buyer(&self, scope: LimitScope) -> Result<IdentityHash, Rejection> {
        let Draft { agent, channel, buyer, .. } = self.draft;
        let missing = Err(Rejection::BuyerMissing { scope });
        Ok(match scope {
            LimitScope::AgentUser => match buyer.agent_user {
                Some(user) => self.hasher.hash(Identity::AgentUser(*agent, user)),
                None => return missing,
            },
            LimitScope::OpenId if buyer.open_id.is_empty() => return missing,
            LimitScope::OpenId => self.hasher.hash(Identity::OpenId(&buyer.open_id)),
            LimitScope::Agent
            | LimitScope::Channel
            | LimitScope::Everyone
            | LimitScope::Document
            | LimitScope::Mobile => {
                shared_identity(scope, *agent, *channel).unwrap_or(IdentityHash::new(0))
            }
        })
    }

    fn document(
        &self,
        line: &DraftLine,
        product: &Product,
        counted: bool,
    ) -> Result<Option<IdentityHash>, Rejection> {
        let conditions = &product.rules.conditions;
        let needed = counted || product.rules.document_per_ticket || !conditions.is_empty();
        if line.document_type_unknown {
            return Err(Rejection::UnknownDocumentType);
        }
        let own = !line.document.is_empty();
        let number = if own { &line.document } else { &self.draft.document };
        if number.trim().is_empty() {
            return if needed { Err(Rejection::DocumentMissing) } else { Ok(None) };
        }
        // Protocols send a number without a kind for the resident identity card.
        let kind = line.document_type.filter(|_| own).unwrap_or(DocumentType::ResidentId);
        let rules = &self.policy.identity;
        rules.check_document(kind, number, self.today).map_err(Rejection::Document)?;
        let normalised = normalise_document(number, rules.sent_as);
        if is_ciphertext(number, rules.sent_as) {
            // Nothing can be asked of what nobody here can read.
            return Ok(Some(self.hasher.hash(Identity::DocumentCiphertext(&normalised))));
        }
        check_conditions(conditions, kind, &normalised, self.visit)
            .map_err(Rejection::Condition)?;
        Ok(Some(self.hasher.hash(Identity::Document(kind, &normalised))))
    }

    /// Purchases count by the order's own mobile: it is the one that gets the notices, and a line's
    /// can be made up. A protocol without one counts by the line's.
    fn mobile(&self, line: &DraftLine, counted: bool) -> Result<Option<IdentityHash>, Rejection> {
        let rules = &self.policy.identity;
        if !line.mobile.is_empty() {
            rules.check_mobile(&line.mobile).map_err(Rejection::Mobile)?;
        } else if line.mobile_needed {
            return Err(Rejection::MobileMissing);
        }
        let order_has_one = !self.draft.mobile.is_empty();
        let number = if order_has_one { &self.draft.mobile } else { &line.mobile };
        if number.is_empty() {
            return if counted { Err(Rejection::MobileMissing) } else { Ok(None) };
        }
        let normalised = normalise_mobile(number, rules.sent_as);
        let identity = if is_ciphertext(number, rules.sent_as) {
            Identity::MobileCiphertext(&normalised)
        } else {
            Identity::Mobile(&normalised)
        };
        Ok(Some(self.hasher.hash(identity)))
    }
}
