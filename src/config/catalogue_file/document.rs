//! Single entries as JSON, with the keys of their section in a catalogue file: what operators read and
//! send while the server runs. Secrets are read and never written.

mod rules;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use rules::{exception, set_rules};

use super::shape::{AgentSection, PoolSection, ProductSection, SupplierSection};
use super::{CatalogueEntry, CatalogueFileError, Reader};
use crate::domain::catalogue::{
    Agent, AreaDef, Calendar, CallbackFormat, CallbackMethod, CallbackSettings, Catalogue,
    CatalogueCommand, Pool, Product, RebateAt, Supplier, TimespanDef,
};
use crate::domain::inventory::Capacity;
use crate::domain::seats::{Numbering, SeatMap};
use crate::http::{Documents, EntryKind, Seal};
use crate::types::{SeatNo, ServiceDate, UnixMillis};

/// Reads and writes entries with a catalogue file's keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct CatalogueDocuments;

/// Seconds east of Greenwich of the clock that says which day today is, as for an import.
const TODAY_OFFSET_SECONDS: i32 = 8 * 3600;

impl Documents for CatalogueDocuments {
    fn write(&self, kind: EntryKind, id: &str, catalogue: &Catalogue) -> Option<Value> {
        match kind {
            EntryKind::Supplier => catalogue.supplier_by_id(id).map(|it| supplier(it)),
            EntryKind::Pool => catalogue.pool_by_id(id).map(|it| pool(it, catalogue)),
            EntryKind::Product => catalogue.product_by_id(id).map(|it| product(it, catalogue)),
            EntryKind::Agent => catalogue.agent_by_id(id).map(|it| agent(it)),
        }
    }

    fn read(
        &self,
        kind: EntryKind,
        document: Value,
        catalogue: &Catalogue,
        now: UnixMillis,
        seal: &Seal<'_>,
    ) -> Result<Vec<CatalogueCommand>, String> {
        let today = ServiceDate::at(now, TODAY_OFFSET_SECONDS);
        let mut reader = Reader { today, seal, catalogue: catalogue.clone(), entries: Vec::new() };
        let told = |error: CatalogueFileError| error.to_string();
        match kind {
            EntryKind::Supplier => {
                reader.supplier(&section::<SupplierSection>(document)?).map_err(told)?;
            }
            EntryKind::Pool => reader.pool(&section::<PoolSection>(document)?).map_err(told)?,
            EntryKind::Product => {
                reader.product(&section::<ProductSection>(document)?).map_err(told)?;
            }
            EntryKind::Agent => {
                let section = section::<AgentSection>(document)?;
                if !section.funding.is_empty() {
                    return Err("funding is for files; top the agent up instead".to_owned());
                }
                reader.agent(&section).map_err(told)?;
            }
        }
        let commands = reader.entries.into_iter().filter_map(|entry| match entry {
            CatalogueEntry::Command(command) => Some(keep_secrets(command, catalogue)),
            CatalogueEntry::Funding(_) => None,
        });
        Ok(commands.collect())
    }
}

/// A section from its JSON. An error names a key and never a value, which may be a secret.
fn section<T: DeserializeOwned>(document: Value) -> Result<T, String> {
    T::deserialize(document).map_err(|error| {
        let text = error.to_string();
        // A wrong type is reported with the value, between the first comma's two sides.
        match text.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected ")) {
            Some((_, expected)) => format!("a value of the wrong type, expected {expected}"),
            None => text,
        }
    })
}

/// An agent that is sent without secrets keeps those it has.
fn keep_secrets(command: CatalogueCommand, catalogue: &Catalogue) -> CatalogueCommand {
    match command {
        CatalogueCommand::SetAgent { id, name, enabled, secrets } if secrets.bytes.is_empty() => {
            let known = catalogue.agent_by_id(&id).map(|agent| agent.secrets.clone());
            CatalogueCommand::SetAgent { id, name, enabled, secrets: known.unwrap_or(secrets) }
        }
        other => other,
    }
}

fn supplier(supplier: &Supplier) -> Value {
    let Supplier { no: _, id, name, utc_offset_seconds } = supplier;
    let (sign, minutes) =
        (if *utc_offset_seconds < 0 { '-' } else { '+' }, utc_offset_seconds.unsigned_abs() / 60);
    let utc_offset = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    json!({ "id": id, "name": name, "utc_offset": utc_offset })
}

fn pool(pool: &Pool, catalogue: &Catalogue) -> Value {
    let Pool { no: _, id, supplier, capacity, allowance } = pool;
    json!({
        "id": id,
        "supplier": catalogue.supplier(*supplier).map(|supplier| &supplier.id),
        "capacity": places(*capacity),
        "allowance": allowance.get(),
    })
}

fn agent(agent: &Agent) -> Value {
    let Agent { no: _, id, name, enabled, secrets: _, callback } = agent;
    let mut document = json!({ "id": id, "name": name, "enabled": enabled });
    if let Some(CallbackSettings { url, official_sms, format, method }) = callback {
        document["callback"] = json!({
            "url": url,
            "official_sms": official_sms,
            "format": match format {
                CallbackFormat::Xml => "xml",
                CallbackFormat::Json => "json",
            },
            "method": match method {
                CallbackMethod::Post => "post",
                CallbackMethod::Get => "get",
            },
        });
    }
    document
}

fn product(product: &Product, catalogue: &Catalogue) -> Value {
    // Whole, so that a new field cannot be forgotten here.
    let Product {
        no: _,
        id,
        supplier,
        name,
        on_sale,
        price,
        list_price,
        rebate,
        rebate_at,
        uses,
        pool,
        calendar: Calendar { dates, capacity, allowance, exceptions },
        timespans,
        areas,
        scene_prefix,
        rules,
    } = product;
    let mut document = Map::new();
    let mut set = |key: &str, value: Value| drop(document.insert(key.to_owned(), value));
    set("id", json!(id));
    set("supplier", json!(catalogue.supplier(*supplier).map(|supplier| &supplier.id)));
    set("name", json!(name));
    set("on_sale", json!(on_sale));
    if areas.is_empty() {
        set("price", json!(price.to_yuan()));
        set("list_price", json!(list_price.to_yuan()));
        set("capacity", places(*capacity));
    }
    set("allowance", json!(allowance.get()));
    set("rebate", json!(rebate.to_yuan()));
    let rebate_at = match rebate_at {
        RebateAt::Payment => "payment",
        RebateAt::Redemption => "redemption",
    };
    set("rebate_at", json!(rebate_at));
    set("uses", json!(uses));
    if let Some(pool) = pool.and_then(|no| catalogue.pool(no)) {
        set("pool", json!(pool.id));
    }
    if let Some((first, last)) = dates {
        set("first_date", date(*first));
        set("last_date", date(*last));
    }
    set("timespans", timespans.iter().map(timespan).collect());
    if !areas.is_empty() {
        set("scene_prefix", json!(scene_prefix));
        set("area", areas.iter().map(area).collect());
    }
    set("exception", exceptions.iter().map(exception).collect());
    let supplier = catalogue.supplier(*supplier);
    set_rules(rules, supplier.map_or(0, |supplier| supplier.utc_offset_seconds), set);
    Value::Object(document)
}

fn area(area: &AreaDef) -> Value {
    let AreaDef { no: _, id, capacity, seats, price, list_price } = area;
    let mut document = json!({
        "id": id,
        "price": price.to_yuan(),
        "list_price": list_price.to_yuan(),
    });
    match seats {
        None => document["capacity"] = json!(capacity.get()),
        Some(map) => draw(&mut document, map),
    }
    document
}

/// A seat map as a file draws it.
fn draw(document: &mut Value, map: &SeatMap) {
    let rows = map.rows();
    document["rows"] = json!(rows.len());
    document["seats_per_row"] = rows.iter().map(|row| json!(row.len)).collect();
    document["row_labels"] = rows.iter().map(|row| json!(row.label)).collect();
    let aisles = rows.iter().fold(0, |aisles, row| aisles | row.aisles);
    let after = (0..127_u8).filter(|position| aisles >> position & 1 == 1);
    document["aisles_after"] = after.map(|position| json!(position + 1)).collect();
    let named =
        |seat: SeatNo| map.label(seat).map(|(row, number)| json!(format!("{row}-{number}")));
    let is_blocked = |seat: &SeatNo| {
        let row = rows.get(usize::from(seat.row()));
        row.is_some_and(|row| row.blocked >> seat.position() & 1 == 1)
    };
    document["blocked"] = map.seats().filter(is_blocked).filter_map(named).collect();
    document["numbering"] = json!(match map.numbering() {
        Numbering::LeftToRight => "left_to_right",
        Numbering::RightToLeft => "right_to_left",
        Numbering::OddEven => "odd_even",
    });
    let focal = map.focal();
    let own = SeatMap::new(rows.to_vec(), map.numbering(), None).map(|map| map.focal());
    // A focal point of its own lies on a seat; the one that every map has need not.
    if own != Ok(focal) {
        let position = u8::try_from(focal.half / 2).ok();
        let seat = position.and_then(|position| SeatNo::at(focal.row, position));
        if let Some(name) = seat.and_then(named) {
            document["focal"] = name;
        }
    }
}

fn timespan(timespan: &TimespanDef) -> Value {
    let TimespanDef { no: _, start_minute, end_minute } = timespan;
    let clock = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    json!(format!("{}-{}", clock(start_minute), clock(end_minute)))
}

fn places(capacity: Capacity) -> Value {
    match capacity {
        Capacity::Unlimited => json!("unlimited"),
        Capacity::Limited(places) => json!(places.get()),
    }
}

fn date(date: ServiceDate) -> Value {
    date.to_civil().map_or(Value::Null, |date| json!(date.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::catalogue_file::parse;
    use crate::types::Sealed;

    const DEMO: &str = include_str!("../../../data/demo/catalogue.toml");

    fn seal(
        _: &'static str,
        secret: &[u8],
    ) -> Result<Sealed, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Sealed { key_id: 1, bytes: secret.into() })
    }

    fn demo() -> Catalogue {
        let mut catalogue = Catalogue::default();
        let file = parse(DEMO, ServiceDate::from_days(20_779), &seal).unwrap();
        for entry in file.entries {
            if let CatalogueEntry::Command(command) = entry {
                let event = catalogue.decide(command).unwrap();
                catalogue.apply(&event);
            }
        }
        catalogue
    }

    fn read(kind: EntryKind, document: Value, catalogue: &mut Catalogue) -> Result<(), String> {
        let now = ServiceDate::from_days(20_779).start(0);
        for command in CatalogueDocuments.read(kind, document, catalogue, now, &seal)? {
            let event = catalogue.decide(command).map_err(|error| error.to_string())?;
            catalogue.apply(&event);
        }
        Ok(())
    }

    /// What is written is read as the very same entry, so that an operator may change one key of it.
    #[test]
    fn every_entry_of_the_demo_is_read_as_it_was_written() {
        let before = demo();
        let mut after = before.clone();
        let ids = |list: Vec<(EntryKind, &str)>| -> Vec<(EntryKind, String)> {
            list.into_iter().map(|(kind, id)| (kind, id.to_owned())).collect()
        };
        let suppliers = before.suppliers().iter().map(|it| (EntryKind::Supplier, &*it.id));
        let pools = before.pools().iter().map(|it| (EntryKind::Pool, &*it.id));
        let products = before.products().iter().map(|it| (EntryKind::Product, &*it.id));
        let agents = before.agents().iter().map(|it| (EntryKind::Agent, &*it.id));
        let all = suppliers.chain(pools).chain(products).chain(agents);
        for (kind, id) in ids(all.collect()) {
            let document = CatalogueDocuments.write(kind, &id, &before).unwrap();
            read(kind, document.clone(), &mut after).unwrap_or_else(|e| panic!("{id}: {e}"));
            assert_eq!(CatalogueDocuments.write(kind, &id, &after), Some(document));
        }
        assert_eq!(before.suppliers(), after.suppliers());
        assert_eq!(before.pools(), after.pools());
        assert_eq!(before.products(), after.products());
        assert_eq!(before.agents(), after.agents());
    }

    #[test]
    fn secrets_are_kept_unless_they_are_sent_and_are_never_told() {
        let mut catalogue = demo();
        let secrets =
            |catalogue: &Catalogue| catalogue.agent_by_id("demo-agent").unwrap().secrets.clone();
        let before = secrets(&catalogue);
        read(EntryKind::Agent, json!({ "id": "demo-agent", "name": "renamed" }), &mut catalogue)
            .unwrap();
        assert_eq!(catalogue.agent_by_id("demo-agent").unwrap().name.as_ref(), "renamed");
        assert_eq!(secrets(&catalogue), before);
        let other = json!({
            "id": "demo-agent", "name": "x",
            "session_key": "k", "login_password": "l", "pay_password": "p",
        });
        read(EntryKind::Agent, other, &mut catalogue).unwrap();
        assert_ne!(secrets(&catalogue), before);
        let wrong = json!({ "id": "demo-agent", "name": "x", "session_key": 123_456_789 });
        let told = read(EntryKind::Agent, wrong, &mut catalogue).unwrap_err();
        assert!(!told.contains("123456789"), "{told}");
    }

    #[test]
    fn what_is_no_entry_is_refused_with_the_key() {
        let mut catalogue = demo();
        let mut check = |kind, document: Value, expected: &str| {
            let told = read(kind, document, &mut catalogue).unwrap_err();
            assert!(told.contains(expected), "{told}");
        };
        check(EntryKind::Pool, json!({ "id": "P" }), "missing field `supplier`");
        check(EntryKind::Pool, json!({ "id": "P", "size": 1 }), "unknown field `size`");
        check(
            EntryKind::Pool,
            json!({ "id": "P", "supplier": "nobody", "capacity": 1 }),
            "supplier \"nobody\" does not exist",
        );
        check(
            EntryKind::Pool,
            json!({ "id": "P", "supplier": "01", "capacity": -1 }),
            "a number of places",
        );
        check(
            EntryKind::Agent,
            json!({ "id": "a", "name": "a", "funding": [{ "supplier": "01" }] }),
            "top the agent up",
        );
    }
}
