//! Messages in either format of the partner's framework, built from JSON.

use piaoku::wire::codec::{Body, Limits, to_xml};
use piaoku::wire::douyin::GetTicketCodeDouyinParm;
use piaoku::wire::ota::{
    Order2AddParm, OrderAddParm, OrderAndPayWithPassword2Parm, OrderAndPayWithPasswordParm,
    PayOrderUsePayPasswordParm, ProviderConfigParm, RefundParm,
};
use serde_json::Value;

/// A format that requests and answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
}

pub(crate) use Format::{Json, Xml};

pub(crate) const FORMATS: [Format; 2] = [Json, Xml];

impl Format {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Json => "application/json",
            Xml => "application/xml",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Json => "json",
            Xml => "xml",
        }
    }
}

/// The body for an address in a format.
pub(crate) fn encode(path: &str, message: &Value, format: Format) -> String {
    let json = message.to_string();
    match format {
        Json => json,
        Xml => xml(path, &json),
    }
}

/// A copy of a message with members set, by JSON pointer. Setting to null removes a member.
pub(crate) fn with(message: &Value, changes: &[(&str, Value)]) -> Value {
    let mut message = message.clone();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
        let parent = message.pointer_mut(parent).unwrap_or_else(|| panic!("no {pointer}"));
        match parent {
            Value::Object(members) if value.is_null() => drop(members.remove(name)),
            Value::Object(members) => drop(members.insert(name.to_owned(), value.clone())),
            Value::Array(values) => {
                let index = name.parse::<usize>().expect("an index");
                values.resize(values.len().max(index + 1), Value::Null);
                values[index] = value.clone();
            }
            other => panic!("{pointer} is in {other}"),
        }
    }
    message
}

/// Writes JSON anew as XML, by the type that the address takes.
fn xml(path: &str, json: &str) -> String {
    macro_rules! convert {
        ($type:ident) => {{
            let body = Body::new(Some("application/json"), json.as_bytes()).expect("JSON");
            let model = body.read::<$type<'_>>("parm", &Limits::default()).model;
            to_xml(&model.expect("a message of the type"))
        }};
    }
    let path = path.to_ascii_lowercase();
    let path = path.split('?').next().unwrap_or_default();
    match path {
        "/api/orderandpay2/withrebate"
        | "/api/orderandpay2/withprepayment"
        | "/source/orderandpaywithfk2.aspx" => convert!(OrderAndPayWithPassword2Parm),
        "/api/orderandpay/withrebate"
        | "/api/orderandpay/withprepayment"
        | "/api/orderandpay/withprepayment/specialforyouyang" => {
            convert!(OrderAndPayWithPasswordParm)
        }
        "/api/addorder2" => convert!(Order2AddParm),
        "/api/addorder" | "/api/specialota/douyin/calendarticket/order/verify" => {
            convert!(OrderAddParm)
        }
        "/api/order/fromdouyin/ticketcode/get" => convert!(GetTicketCodeDouyinParm),
        "/api/order/refundticket" | "/api/order/refund" => convert!(RefundParm),
        "/api/providerconfig" => convert!(ProviderConfigParm),
        _ if path.starts_with("/api/payorder/") => convert!(PayOrderUsePayPasswordParm),
        _ => panic!("no message goes to {path}"),
    }
}
