//! The requests of a run, made from templates: as a partner signs them, each with a traveller, an order
//! number and a nonce of its own.

mod douyin;
mod ota;
mod top;

use crate::domain::identity::sample::ResidentIds;
use crate::load::classify::Kind;
use crate::load::random::Random;
use crate::types::{ServiceDate, UnixMillis};
use crate::wire::codec::{Record, to_json, to_xml};

use douyin::CodesRequests;
use ota::OtaRequests;
use top::ConsultRequests;

/// Who calls: an agent, a Douyin client and a TOP application.
#[derive(Clone)]
pub struct Partner {
    /// The agent's user name.
    pub agent: String,
    /// Its session key.
    pub session_key: String,
    /// Its login password.
    pub login_password: String,
    /// Its pay password.
    pub pay_password: String,
    /// Douyin's `client_key`.
    pub client_key: String,
    /// The Douyin client's secret.
    pub client_secret: String,
    /// The TOP application's `app_key`.
    pub app_key: String,
    /// The TOP application's secret.
    pub app_secret: String,
    /// The shop that previews codes.
    pub shop: String,
}

impl std::fmt::Debug for Partner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Partner({}, {}, {})", self.agent, self.client_key, self.app_key)
    }
}

/// What is bought.
#[derive(Clone, Debug)]
pub struct Goods {
    /// Product of Verify and orders.
    pub product: String,
    /// Its first service date.
    pub first_day: ServiceDate,
    /// Service dates in turn, from the first: one is a hot slot. Above 0.
    pub slots: u32,
    /// Douyin's SKU of requests for codes.
    pub sku: String,
}

/// Format of bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyFormat {
    /// JSON.
    #[default]
    Json,
    /// XML.
    Xml,
}

impl BodyFormat {
    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }

    fn encode<'a, T: Record<'a>>(self, model: &T) -> String {
        match self {
            Self::Json => to_json(model),
            Self::Xml => to_xml(model),
        }
    }
}

/// What requests are made for.
#[derive(Clone, Debug)]
pub(super) struct Ingredients<'a> {
    pub(super) partner: &'a Partner,
    pub(super) goods: &'a Goods,
    pub(super) format: BodyFormat,
    /// The `Host` header.
    pub(super) host: &'a str,
    /// The port, also when the `Host` header names none.
    pub(super) port: u16,
    /// Voucher codes to preview.
    pub(super) codes: &'a [String],
    pub(super) seed: u64,
    /// Number of the thread, so that no two requests share a nonce.
    pub(super) thread: u64,
}

/// Name of every traveller.
const NAME: &str = "测试游客";

/// Makes the requests of one thread.
pub(super) struct Requests {
    verify: OtaRequests,
    order: OtaRequests,
    codes: CodesRequests,
    consult: ConsultRequests,
    live: Vec<u8>,
    drawn: Drawn,
    /// Requests made by this thread.
    made: u64,
}

/// What differs from request to request.
struct Drawn {
    /// Seed of the first traveller of the run.
    travellers: u64,
    /// Half a nonce, this run's and this thread's.
    nonce: u64,
    /// Marks the order numbers of this run.
    run_id: u32,
    resident_ids: ResidentIds,
    days: Vec<String>,
}

impl Requests {
    pub(super) fn new(ingredients: &Ingredients<'_>) -> Self {
        let mut run = Random::new(ingredients.seed, 1 << 32);
        let (travellers, run_id) = (run.next() >> 32, run.next() as u32);
        let mut of_thread = Random::new(ingredients.seed, (1 << 33) + ingredients.thread);
        let goods = ingredients.goods;
        let days = (0..i32::try_from(goods.slots.max(1)).unwrap_or(i32::MAX))
            .map(|day| goods.first_day.plus_days(day).to_compact());
        let drawn = Drawn {
            travellers,
            nonce: of_thread.next(),
            run_id,
            resident_ids: ResidentIds::default(),
            days: days.collect(),
        };
        Self {
            verify: OtaRequests::verify(ingredients),
            order: OtaRequests::order(ingredients),
            codes: CodesRequests::new(ingredients),
            consult: ConsultRequests::new(ingredients),
            live: format!("GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n", ingredients.host).into(),
            drawn,
            made: 0,
        }
    }

    /// Writes a request into `out`, replacing what was there. The same `key` is the same buyer with the
    /// same order number, on the same day.
    pub(super) fn write(&mut self, kind: Kind, key: u64, now: UnixMillis, out: &mut Vec<u8>) {
        self.made += 1;
        match kind {
            Kind::Verify => self.verify.write(&self.drawn, key, self.made, now, out),
            Kind::Order => self.order.write(&self.drawn, key, self.made, now, out),
            Kind::Codes => self.codes.write(&self.drawn, key, now, out),
            Kind::Consult => self.consult.write(self.made, now, out),
            Kind::Live => {
                out.clear();
                out.extend_from_slice(&self.live);
            }
        }
    }
}

#[cfg(test)]
mod tests;
