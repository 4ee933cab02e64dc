//! Entries of the catalogue: how they are and changing them. An entry is a JSON object with the keys of
//! a catalogue file's section; whoever starts the server brings the reader and writer of those.

use serde_json::{Map, Value};

use crate::actors::EngineHandle;
use crate::domain::catalogue::{Catalogue, CatalogueCommand};
use crate::http::admin::Reply;
use crate::http::admin::call::Call;
use crate::http::admin::failure::Failure;
use crate::http::{AppState, within};
use crate::types::{Sealed, UnixMillis};
use crate::vault::Purpose;

/// A kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A supplier.
    Supplier,
    /// A pool.
    Pool,
    /// A product.
    Product,
    /// An agent.
    Agent,
}

/// Seals a secret for a purpose.
pub type Seal<'a> =
    dyn Fn(&'static str, &[u8]) -> Result<Sealed, Box<dyn std::error::Error + Send + Sync>> + 'a;

/// Reads and writes entries as operators have them.
pub trait Documents: Send + Sync {
    /// An entry by its public id, without any secret; `None` when there is none.
    fn write(&self, kind: EntryKind, id: &str, catalogue: &Catalogue) -> Option<Value>;

    /// The commands that make `catalogue` have this entry. Dates relative to today count from `now`.
    ///
    /// # Errors
    /// What is wrong with it, without any secret.
    fn read(
        &self,
        kind: EntryKind,
        document: Value,
        catalogue: &Catalogue,
        now: UnixMillis,
        seal: &Seal<'_>,
    ) -> Result<Vec<CatalogueCommand>, String>;
}

/// Keys of a product that say when it is offered.
const CALENDAR_KEYS: [&str; 9] = [
    "first_day",
    "days",
    "first_date",
    "last_date",
    "exception",
    "season",
    "weekdays",
    "blackouts",
    "horizon_days",
];

impl EntryKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Supplier => "supplier",
            Self::Pool => "pool",
            Self::Product => "product",
            Self::Agent => "agent",
        }
    }
}

/// An entry as it is.
pub(super) fn get(kind: EntryKind, id: &str, state: &AppState) -> Reply {
    let catalogue = state.engine.catalogue();
    let document = state.documents.write(kind, id, &catalogue);
    document.ok_or_else(|| Failure::not_found(kind.name(), id))
}

/// Creates an entry or replaces it as a whole.
pub(super) async fn put(kind: EntryKind, id: &str, call: &Call, state: &AppState) -> Reply {
    let engine = call.acting(&state.engine)?;
    let mut document = call.body.clone();
    name(&mut document, id)?;
    // Changes are read and written one after the other, so that none undoes another unseen.
    let _turn = state.catalogue_changes.lock().await;
    change(kind, document, &engine, state).await?;
    get(kind, id, state)
}

/// Changes some keys of an entry; a null drops a key.
pub(super) async fn patch(kind: EntryKind, id: &str, call: &Call, state: &AppState) -> Reply {
    let engine = call.acting(&state.engine)?;
    let _turn = state.catalogue_changes.lock().await;
    let Value::Object(mut document) = get(kind, id, state)? else {
        return Err(Failure::not_found(kind.name(), id));
    };
    merge(&mut document, &call.body);
    name(&mut document, id)?;
    change(kind, document, &engine, state).await?;
    get(kind, id, state)
}

/// Changes when a product is offered.
pub(super) async fn calendar(id: &str, call: &Call, state: &AppState) -> Reply {
    if let Some(key) = call.body.keys().find(|key| !CALENDAR_KEYS.contains(&key.as_str())) {
        let known = CALENDAR_KEYS.join(", ");
        return Err(Failure::bad_request(format!("{key:?} is none of {known}")));
    }
    patch(EntryKind::Product, id, call, state).await
}

/// An entry's id is in the path; in the document it may be left out.
fn name(document: &mut Map<String, Value>, id: &str) -> Result<(), Failure> {
    match document.get("id").and_then(Value::as_str) {
        None if !document.contains_key("id") => {
            document.insert("id".to_owned(), Value::String(id.to_owned()));
            Ok(())
        }
        Some(named) if named.eq_ignore_ascii_case(id) => Ok(()),
        _ => Err(Failure::bad_request("the id is that of the address and cannot be changed")),
    }
}

async fn change(
    kind: EntryKind,
    document: Map<String, Value>,
    engine: &EngineHandle,
    state: &AppState,
) -> Result<(), Failure> {
    let seal = |purpose: &'static str, secret: &[u8]| {
        state.keys.seal(Purpose::new(purpose), secret).map_err(Into::into)
    };
    let catalogue = engine.catalogue();
    let document = Value::Object(document);
    let commands = state.documents.read(kind, document, &catalogue, engine.now(), &seal);
    let commands = commands.map_err(Failure::bad_request)?;
    let mut tried = Catalogue::clone(&catalogue);
    for command in commands.clone() {
        let event =
            tried.decide(command).map_err(|error| Failure::refused("invalid_entry", error))?;
        if let Some(less) = tried.narrowed_by(&event) {
            let message = format!(
                "{less} would become less than they are, and only the slots know what they have \
                 sold: withdraw places with slots/adjust and pools/adjust, or close slots"
            );
            return Err(Failure::refused("narrowed", message));
        }
        tried.apply(&event);
    }
    let changed = async { Ok(engine.change_catalogue(commands).await) };
    within(state, changed).await?.map_err(Failure::from)
}

/// Merges changed keys into a document: objects key by key, anything else as a whole.
fn merge(document: &mut Map<String, Value>, changed: &Map<String, Value>) {
    for (key, value) in changed {
        match (document.get_mut(key), value) {
            (_, Value::Null) => {
                document.remove(key);
            }
            (Some(Value::Object(known)), Value::Object(changed)) => merge(known, changed),
            _ => {
                document.insert(key.clone(), value.clone());
            }
        }
    }
    // A calendar is given by one pair of keys or by the other.
    let is_set = |key: &str| changed.get(key).is_some_and(|value| !value.is_null());
    if is_set("first_day") || is_set("days") {
        document.remove("first_date");
        document.remove("last_date");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_keys_are_merged_into_a_document() {
        let check = |document: Value, changed: Value, expected: Value| {
            let (Value::Object(mut document), Value::Object(changed)) = (document, changed) else {
                panic!("objects");
            };
            merge(&mut document, &changed);
            assert_eq!(Value::Object(document), expected);
        };
        check(
            json!({ "a": 1, "b": 2 }),
            json!({ "b": 3, "c": [4] }),
            json!({ "a": 1, "b": 3, "c": [4] }),
        );
        check(json!({ "a": 1, "b": 2 }), json!({ "a": null, "x": null }), json!({ "b": 2 }));
        check(
            json!({ "callback": { "url": "x", "format": "xml" } }),
            json!({ "callback": { "url": "y" } }),
            json!({ "callback": { "url": "y", "format": "xml" } }),
        );
        check(
            json!({ "first_date": "2026-01-01", "last_date": "2026-12-31" }),
            json!({ "first_day": 0, "days": 9 }),
            json!({ "first_day": 0, "days": 9 }),
        );
    }
}
