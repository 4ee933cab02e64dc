//! Douyin asks us for voucher codes. Source: docs/protocols/douyin.md, "TicketCode/Get".

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::HttpRequest;

use crate::actors::{EngineError, OrderRequest, PayFrom};
use crate::domain::catalogue::{Catalogue, DouyinClient, Product};
use crate::domain::identity::DocumentType;
use crate::domain::order::Order;
use crate::engine::Rejection;
use crate::engine::admission::{
    AdmissionPolicy, Admitted, Draft, DraftBuyer, DraftDate, DraftLine, DraftScene, DraftTimespan,
    admit,
};
use crate::http::credentials::ClientCredentials;
use crate::http::identity::Hasher;
use crate::http::{Answer, AppState, Outcome, webapi, within};
use crate::types::{Channel, RequestKey, ServiceDate, Timespan, UnixMillis};
use crate::vault::{PrivateDetails, PrivateTraveller};
use crate::wire::codec::{Decoded, ModelState};
use crate::wire::douyin::sign::{self, SIGNATURE_HEADER};
use crate::wire::douyin::{
    GetTicketCodeDouyinParm, GetTicketCodeResult, SpiQuery, parse_timestamp,
};
use crate::wire::message;
use crate::wire::ota::{ResultCode, result_code};

/// Latest instant a validity may name: the last that the calendar has at every offset.
const SECONDS_MAX: i64 = 253_402_207_200;

/// Issues codes, or gives those of the same order again.
pub(super) async fn ticket_code(request: &HttpRequest, bytes: &[u8], state: &AppState) -> Answer {
    let raw_query = request.query_string();
    let Some(query) = SpiQuery::parse(raw_query) else {
        return webapi::unknown_path(request, state);
    };
    let catalogue = state.engine.catalogue();
    let Some((client, credentials)) = client(&query, &catalogue, state) else {
        return untrusted(request, state, "unknown client_key");
    };
    let signature = webapi::header(request, SIGNATURE_HEADER);
    if let Err(error) = sign::verify(&credentials.secret, raw_query, bytes, signature) {
        return untrusted(request, state, &error.to_string());
    }
    if !is_fresh(&query, state) {
        return untrusted(request, state, "stale timestamp");
    }
    let body = match webapi::body(request, bytes) {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let Decoded { model, state: model_state } =
        body.read::<GetTicketCodeDouyinParm<'_>>("parm", &state.config.limits());
    let parm = match model {
        Some(parm) if model_state.is_valid() => parm,
        _ => return malformed(request, &model_state),
    };
    // A blank number names no order: all blank ones would share the codes of the first.
    let order_id = parm.order_id.as_deref().filter(|id| !id.trim().is_empty());
    let key = match order_id.map(RequestKey::new) {
        Some(Ok(key)) => key,
        _ => return final_error(request, "order_id is missing or too long"),
    };
    let ask =
        Ask { parm: &parm, catalogue: &catalogue, client: &client, credentials: &credentials };
    let tourists = ask.tourists();
    let admitted = match ask.product() {
        Some(wanted) => admit_draft(&ask.draft(&wanted, &tourists, state), &catalogue, state),
        // An order that has its codes gets them again even when its SKU is mapped no longer.
        None => Err(Rejection::UnknownProduct { id: String::new() }),
    };
    let order = OrderRequest {
        agent: client.agent,
        key: Some(key),
        admitted,
        private: || state.keys.seal_details(&ask.private(tourists)).ok(),
        pay_from: Some(PayFrom::OnAccount),
    };
    match within(state, state.engine.order(order)).await {
        Ok(order) => issued(request, &order),
        Err(error) => failed(request, &error),
    }
}

fn client(
    query: &SpiQuery<'_>,
    catalogue: &Catalogue,
    state: &AppState,
) -> Option<(Arc<DouyinClient>, Arc<ClientCredentials>)> {
    let client = catalogue.douyin_client(&query.client_key)?;
    let credentials = state.credentials.client(client)?;
    Some((Arc::clone(client), credentials))
}

/// Whether the timestamp lies inside the window, if there is one.
fn is_fresh(query: &SpiQuery<'_>, state: &AppState) -> bool {
    let window = state.config.douyin.timestamp_window_seconds;
    if window == 0 {
        return true;
    }
    let window = i64::try_from(window).unwrap_or(i64::MAX).saturating_mul(1000);
    let now = state.engine.now().get();
    parse_timestamp(&query.timestamp)
        .is_some_and(|sent| sent.get().abs_diff(now) <= window.unsigned_abs())
}

fn admit_draft(
    draft: &Draft,
    catalogue: &Catalogue,
    state: &AppState,
) -> Result<Admitted, Rejection> {
    let config = &state.config;
    let policy =
        AdmissionPolicy { identity: config.douyin.identity(), lines_max: config.order_lines_max };
    admit(draft, catalogue, &policy, &Hasher(&state.keys), state.engine.now())
}

/// A request for codes, with what is needed to understand it.
struct Ask<'a> {
    parm: &'a GetTicketCodeDouyinParm<'a>,
    catalogue: &'a Catalogue,
    client: &'a DouyinClient,
    credentials: &'a ClientCredentials,
}

/// A product and the timespan its SKU fixes.
struct Wanted {
    product: Arc<Product>,
    timespan: Option<Timespan>,
}

/// A traveller, decrypted where that is possible here.
struct Tourist {
    name: String,
    phone: String,
    id_card: String,
}

impl Ask<'_> {
    /// The product Douyin's id is mapped to, or that our own id names.
    fn product(&self) -> Option<Wanted> {
        let mapped = self.parm.effective_sku_id().and_then(|sku| self.catalogue.douyin_sku(sku));
        if let Some(sku) = mapped {
            let product = Arc::clone(self.catalogue.product(sku.product)?);
            return Some(Wanted { product, timespan: sku.timespan });
        }
        let product = self.catalogue.product_by_id(self.parm.effective_third_sku_id()?)?;
        Some(Wanted { product: Arc::clone(product), timespan: None })
    }

    fn tourists(&self) -> Vec<Tourist> {
        let plain = |text: &Option<Cow<'_, str>>| {
            let sent = text.as_deref().unwrap_or_default();
            // What does not decrypt is clear text or only Douyin can read it; both are carried as is.
            self.credentials.fields.decrypt(sent).unwrap_or_else(|_| sent.to_owned())
        };
        let tourists = self.parm.tourists.iter().flatten();
        let tourist = tourists.map(|tourist| Tourist {
            name: plain(&tourist.name),
            phone: plain(&tourist.phone),
            id_card: plain(&tourist.id_card),
        });
        tourist.collect()
    }

    fn draft(&self, wanted: &Wanted, tourists: &[Tourist], state: &AppState) -> Draft {
        let product = &wanted.product;
        let start = UnixMillis::from_secs(self.parm.start_time.clamp(0, SECONDS_MAX));
        let end = UnixMillis::from_secs(self.parm.expire_time.clamp(0, SECONDS_MAX));
        let offset = self.catalogue.supplier(product.supplier).map_or(0, |s| s.utc_offset_seconds);
        let dated = product.calendar.dates.is_some();
        let timespan = match wanted.timespan {
            _ if product.timespans.is_empty() => DraftTimespan::Unset,
            Some(timespan) => DraftTimespan::Exactly(timespan),
            None => DraftTimespan::Earliest,
        };
        Draft {
            channel: Channel::Douyin,
            agent: self.client.agent,
            buyer: DraftBuyer {
                agent_user: None,
                open_id: self.parm.open_id.as_deref().unwrap_or_default().to_owned(),
            },
            lines: self.lines(product, tourists, state.config.order_lines_max),
            date: if dated {
                DraftDate::Day(ServiceDate::at(start, offset))
            } else {
                DraftDate::Missing
            },
            timespan,
            scene: DraftScene::default(),
            validity: Some((start, end)),
            mobile: String::new(),
            document: String::new(),
        }
    }

    /// A line for each traveller when there are as many as codes, and else one line for all codes
    /// with the only traveller there is, if any. Other numbers are a mismatch, which the product's
    /// own rule finds, or nobody minds.
    fn lines(&self, product: &Product, tourists: &[Tourist], lines_max: usize) -> Vec<DraftLine> {
        let count = i64::from(self.parm.count);
        let line = |amount: i64, tourist: Option<&Tourist>| DraftLine {
            product_id: product.id.to_string(),
            amount,
            document_type: tourist
                .filter(|tourist| !tourist.id_card.is_empty())
                .map(|_| DocumentType::ResidentId),
            document: tourist.map(|tourist| tourist.id_card.clone()).unwrap_or_default(),
            name: tourist.map(|tourist| tourist.name.clone()).unwrap_or_default(),
            mobile: tourist.map(|tourist| tourist.phone.clone()).unwrap_or_default(),
            ..DraftLine::default()
        };
        let each = i64::try_from(tourists.len()) == Ok(count) && tourists.len() <= lines_max;
        if each && !tourists.is_empty() {
            return tourists.iter().map(|tourist| line(1, Some(tourist))).collect();
        }
        vec![line(count, tourists.first())]
    }

    fn private(&self, tourists: Vec<Tourist>) -> PrivateDetails {
        let traveller = |tourist: Tourist| PrivateTraveller {
            name: tourist.name,
            document_type: String::new(),
            document_number: tourist.id_card,
            mobile: tourist.phone,
        };
        let mut private = PrivateDetails::default();
        private.travellers = tourists.into_iter().map(traveller).collect();
        private.open_id = self.parm.open_id.as_deref().unwrap_or_default().to_owned();
        private
    }
}

fn issued(request: &HttpRequest, order: &Order) -> Answer {
    let codes = order.tickets.iter().map(|ticket| Cow::Owned(ticket.code.to_string())).collect();
    answer(request, &GetTicketCodeResult::issued(codes), Outcome::Ok)
}

/// A refusal by the rules is final and refunds the buyer; anything else makes Douyin ask again.
fn failed(request: &HttpRequest, error: &EngineError) -> Answer {
    let result = match error {
        // Not a refusal: that would refund the buyer at once, and an operator may still map the SKU.
        EngineError::Rejected(Rejection::UnknownProduct { .. }) => {
            GetTicketCodeResult::retry(ResultCode::OFF_SALE.for_douyin(), "产品未映射")
        }
        EngineError::Rejected(rejection) if result_code(rejection) == ResultCode::SYSTEM_FAULT => {
            GetTicketCodeResult::retry(ResultCode::SYSTEM_FAULT.get(), message::sentence(rejection))
        }
        EngineError::Rejected(rejection) => {
            GetTicketCodeResult::refused(message::sentence(rejection))
        }
        EngineError::Overloaded | EngineError::Unavailable => {
            GetTicketCodeResult::retry(ResultCode::SYSTEM_FAULT.get(), message::BUSY)
        }
        EngineError::OutcomeUnknown => {
            GetTicketCodeResult::retry(ResultCode::SYSTEM_FAULT.get(), message::OUTCOME_UNKNOWN)
        }
    };
    answer(request, &result, Outcome::of(error))
}

fn untrusted(request: &HttpRequest, state: &AppState, why: &str) -> Answer {
    let code = state.config.douyin.signature_error_code;
    let result = GetTicketCodeResult::retry(code, why.to_owned());
    answer(request, &result, Outcome::Unauthenticated)
}

fn malformed(request: &HttpRequest, state: &ModelState) -> Answer {
    let first = state.entries().first().map_or("the request body", |(key, _)| key.as_str());
    final_error(request, &format!("{first} cannot be read"))
}

/// A request that cannot be understood: no refund is caused, and a corrected one may follow.
fn final_error(request: &HttpRequest, why: &str) -> Answer {
    let result = GetTicketCodeResult::retry(ResultCode::OTHER.get(), why.to_owned());
    answer(request, &result, Outcome::Invalid)
}

fn answer(request: &HttpRequest, result: &GetTicketCodeResult<'_>, outcome: Outcome) -> Answer {
    webapi::result(request, result, outcome)
}
