//! As an agent: orders, verifications and questions, signed with HAWK and the pay password.
//! Source: docs/protocols/ota.md.

use super::arguments::demo::{SHOW, SHOW_TIME};
use super::arguments::{
    AgentArguments, AskArguments, Connection, OrderArguments, PayFrom, PersonArguments,
    VerifyArguments,
};
use super::exchange::{Address, Request};
use super::person::Draw;
use super::{BodyFormat, day};
use crate::types::UnixMillis;
use crate::wire::codec::{Record, Text, to_json, to_xml};
use crate::wire::ota::hawk::{HawkRequest, authorization};
use crate::wire::ota::{
    HawkCredential, Order2AddParm, OrderAddItemParm, OrderAddParm, OrderAndPayWithPassword2Parm,
    OrderAndPayWithPasswordParm, PayOrderUsePayPasswordParm, PayPassword, UpperMd5,
};

const VERIFY: &str = "/api/SpecialOta/DouYin/CalendarTicket/Order/Verify";
const OLD_ADDRESS: &str = "/Source/OrderAndPayWithFK2.aspx";

/// Order and pay, at a scenic spot when a timespan is given and at a theatre otherwise.
pub(super) fn order(
    arguments: &OrderArguments,
    address: &Address,
    draw: &Draw,
    now: UnixMillis,
) -> Request {
    let fund = match arguments.pay_from {
        PayFrom::Rebate => "WithRebate",
        PayFrom::Prepayment => "WithPrepayment",
    };
    let (path, body) = match arguments.timespan {
        Some(timespan) => {
            let model = scenic(arguments, timespan, draw, now);
            (format!("/api/OrderAndPay/{fund}"), encoded(&model, &arguments.connection))
        }
        None => {
            let model = theatre(arguments, draw, now);
            let path = format!("/api/OrderAndPay2/{fund}");
            let path = if arguments.old_address { OLD_ADDRESS.to_owned() } else { path };
            (path, encoded(&model, &arguments.connection))
        }
    };
    let call = Call { agent: &arguments.agent, connection: &arguments.connection, address };
    call.signed(path, body, draw, now)
}

/// Whether an order would be accepted.
pub(super) fn verify(
    arguments: &VerifyArguments,
    address: &Address,
    draw: &Draw,
    now: UnixMillis,
) -> Request {
    let model = OrderAddParm {
        orderdetails: Some(lines(&arguments.product, arguments.amount, &arguments.person, draw)),
        mobile: filled(draw.person(&arguments.person, 0).mobile),
        effectdate: filled(day(arguments.date, now).to_compact()),
        timespanindex: arguments.timespan,
        ..OrderAddParm::default()
    };
    let body = encoded(&model, &arguments.connection);
    let call = Call { agent: &arguments.agent, connection: &arguments.connection, address };
    call.signed(VERIFY.to_owned(), body, draw, now)
}

/// A question, which has no body.
pub(super) fn ask(
    arguments: &AskArguments,
    address: &Address,
    draw: &Draw,
    now: UnixMillis,
) -> Request {
    let call = Call { agent: &arguments.agent, connection: &arguments.connection, address };
    call.request("GET", arguments.path.clone(), String::new(), draw, now)
}

fn theatre(
    arguments: &OrderArguments,
    draw: &Draw,
    now: UnixMillis,
) -> OrderAndPayWithPassword2Parm<'static> {
    let date = day(arguments.date, now).to_compact();
    let demo_show = (arguments.product == SHOW).then(|| format!("SC-{date}-{SHOW_TIME}"));
    let scene = arguments.scene.clone().or(demo_show);
    let sender_id = sender_id(arguments, draw);
    OrderAndPayWithPassword2Parm {
        orderinfo: Some(Order2AddParm {
            orderdetails: Some(lines(
                &arguments.product,
                arguments.amount,
                &arguments.person,
                draw,
            )),
            mobile: filled(draw.person(&arguments.person, 0).mobile),
            effectdate: filled(date),
            autoselseats: filled("1".to_owned()),
            seatareaid: scene.is_some().then(|| arguments.area.clone().into()),
            sceneid: scene.map(Into::into),
            senderid: filled(sender_id.clone()),
            ..Order2AddParm::default()
        }),
        payinfo: Some(pay_info(&arguments.agent, &sender_id)),
    }
}

fn scenic(
    arguments: &OrderArguments,
    timespan: i32,
    draw: &Draw,
    now: UnixMillis,
) -> OrderAndPayWithPasswordParm<'static> {
    let sender_id = sender_id(arguments, draw);
    OrderAndPayWithPasswordParm {
        orderinfo: Some(OrderAddParm {
            orderdetails: Some(lines(
                &arguments.product,
                arguments.amount,
                &arguments.person,
                draw,
            )),
            mobile: filled(draw.person(&arguments.person, 0).mobile),
            effectdate: filled(day(arguments.date, now).to_compact()),
            senderid: filled(sender_id.clone()),
            timespanindex: timespan,
            ..OrderAddParm::default()
        }),
        payinfo: Some(pay_info(&arguments.agent, &sender_id)),
    }
}

fn sender_id(arguments: &OrderArguments, draw: &Draw) -> String {
    arguments.senderid.clone().unwrap_or_else(|| draw.number('C'))
}

/// One line a ticket, each with a traveller of its own: what products by document need.
fn lines(
    product: &str,
    amount: u16,
    person: &PersonArguments,
    draw: &Draw,
) -> Vec<OrderAddItemParm<'static>> {
    let line = |index| {
        let traveller = draw.person(person, index);
        OrderAddItemParm {
            productid: filled(product.to_owned()),
            amount: 1,
            identificationnumber: filled(traveller.document),
            fullname: filled(traveller.name),
            identificationtype: filled(person.document_type.clone()),
            mobile: filled(traveller.mobile),
            gateinmode: filled("T".to_owned()),
            seatitems: None,
        }
    };
    (0..amount).map(line).collect()
}

fn pay_info(agent: &AgentArguments, order_id: &str) -> PayOrderUsePayPasswordParm<'static> {
    let (login, pay) = (UpperMd5::of(&agent.login_password), UpperMd5::of(&agent.pay_password));
    let password = PayPassword::new(&agent.session_key, &login, &pay);
    // Callers put their own number here, as far as it fits.
    let order_id = order_id.chars().take(20).collect();
    PayOrderUsePayPasswordParm {
        orderid: filled(order_id),
        paypassword: filled(password.field().to_owned()),
    }
}

fn encoded<'a, T: Record<'a>>(model: &T, connection: &Connection) -> String {
    match connection.format {
        BodyFormat::Json => to_json(model),
        BodyFormat::Xml => to_xml(model),
    }
}

fn filled(text: String) -> Text<'static> {
    Some(text.into())
}

/// Who calls whom.
struct Call<'a> {
    agent: &'a AgentArguments,
    connection: &'a Connection,
    address: &'a Address,
}

impl Call<'_> {
    fn signed(&self, path: String, body: String, draw: &Draw, now: UnixMillis) -> Request {
        self.request("POST", path, body, draw, now)
    }

    fn request(
        &self,
        method: &'static str,
        path: String,
        body: String,
        draw: &Draw,
        now: UnixMillis,
    ) -> Request {
        let Self { agent, connection, address } = self;
        let credential =
            HawkCredential::new(&agent.session_key, &UpperMd5::of(&agent.login_password));
        let media_type = connection.format.media_type();
        let request = HawkRequest {
            method,
            path_and_query: &path,
            host: &address.host,
            port: address.port,
            content_type: if body.is_empty() { "" } else { media_type },
            body: body.as_bytes(),
        };
        let (nonce, hash) = (draw.nonce(), agent.payload_hash);
        let authorization =
            authorization(&credential, &agent.agent, now.as_secs(), &nonce, &request, hash);
        let mut headers = Vec::new();
        if !body.is_empty() {
            headers.push(("Content-Type", format!("{media_type}; charset=utf-8")));
        }
        headers.push(("Accept", media_type.to_owned()));
        headers.push(("Authorization", authorization));
        Request { address: (*address).clone(), method, headers, path_and_query: path, body }
    }
}
