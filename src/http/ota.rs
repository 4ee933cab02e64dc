//! Agents' own interface: ordering, paying, cancelling, verifying.
//! Source: docs/protocols/ota.md.

mod refund;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};

use crate::actors::{CatalogueChangeError, EngineError, OrderCommand, OrderRequest, PayFrom};
use crate::domain::account::Balance;
use crate::domain::catalogue::{Agent, CallbackFormat, CallbackMethod, CallbackSettings};
use crate::domain::identity::crosswalk;
use crate::domain::order::{Order, OrderState};
use crate::engine::Rejection;
use crate::engine::admission::{
    AdmissionPolicy, Admitted, Draft, DraftBuyer, DraftDate, DraftLine, DraftScene, DraftTimespan,
    SceneNaming, SeatChoice, admit,
};
use crate::http::config::InvalidBody;
use crate::http::credentials::AgentCredentials;
use crate::http::identity::Hasher;
use crate::http::route::{Fund, OtaAction};
use crate::http::{Answer, AppState, Outcome, webapi, within};
use crate::types::{Channel, OrderId, RequestKey, ServiceDate, Timespan};
use crate::vault::{PrivateDetails, PrivateTraveller};
use crate::wire::codec::{Body, Decoded, HttpError, ModelState, Record};
use crate::wire::message;
use crate::wire::ota::hawk::{HawkHeader, HawkRequest};
use crate::wire::ota::{
    CommonOperationResult, Order2AddParm, OrderAddItemParm, OrderAddParm,
    OrderAndPayWithPassword2Parm, OrderAndPayWithPasswordParm, OrderOperatorResult,
    PayOrderUsePayPasswordParm, ProviderConfigParm, ResultCode, result_code,
};

/// The caller, authenticated.
pub(super) struct Caller(Arc<AgentCredentials>);

impl Caller {
    pub(super) fn agent(&self) -> &Agent {
        &self.0.agent
    }
}

/// An order as either of the family's types describes it.
struct OrderInfo<'a> {
    draft: Draft,
    private: PrivateDetails,
    sender_id: Option<Cow<'a, str>>,
}

/// Runs an action for an authenticated agent.
pub(super) async fn run(
    action: OtaAction,
    request: &HttpRequest,
    bytes: &[u8],
    state: &AppState,
) -> Answer {
    let Some(caller) = authenticate(request, bytes, state) else {
        return webapi::error(request, &HttpError::unauthorized());
    };
    let body = match webapi::body(request, bytes) {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let fund = match action {
        OtaAction::OrderAndPay2(fund)
        | OtaAction::OrderAndPay(fund)
        | OtaAction::PayOrder(fund) => Some(fund),
        OtaAction::OrderAndPayMixed => Some(Fund::Prepayment),
        _ => None,
    };
    let call = Call { request, caller: &caller, state, fund };
    match action {
        OtaAction::OrderAndPay2(_) => call.order_and_pay2(&body).await,
        OtaAction::OrderAndPay(_) => call.order_and_pay(&body, SceneNaming::ById).await,
        OtaAction::OrderAndPayMixed => call.order_and_pay(&body, SceneNaming::ByDay).await,
        OtaAction::AddOrder2 => call.add_order2(&body).await,
        OtaAction::AddOrder => call.add_order(&body).await,
        OtaAction::PayOrder(fund) => call.pay(&body, fund).await,
        OtaAction::Verify => call.verify(&body).await,
        // Boxed, so that an order does not carry their room.
        OtaAction::CancelOrder => Box::pin(call.cancel()).await,
        OtaAction::Refund => Box::pin(call.refund(&body)).await,
        OtaAction::ProviderConfig => Box::pin(call.provider_config(&body)).await,
    }
}

/// Who signed the request, if it is an agent of ours and the signature is right.
/// Source: docs/protocols/ota.md, "HAWK".
pub(super) fn authenticate(
    request: &HttpRequest,
    bytes: &[u8],
    state: &AppState,
) -> Option<Caller> {
    let header = HawkHeader::parse(webapi::header(request, AUTHORIZATION)?).ok()?;
    let catalogue = state.engine.read_catalogue();
    let agent = catalogue.agent_by_id(header.id).filter(|agent| agent.enabled)?;
    let credentials = state.credentials.agent(agent)?;
    let (host, port) = host_and_port(request, state.config.ota.hawk_default_port);
    let path_and_query = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let signed = HawkRequest {
        method: request.method().as_str(),
        path_and_query,
        host,
        port,
        content_type: webapi::header(request, CONTENT_TYPE).unwrap_or_default(),
        body: bytes,
    };
    let window = Duration::from_secs(state.config.ota.hawk_window_seconds);
    header.verify(&credentials.hawk, &signed, state.engine.now(), window).ok()?;
    Some(Caller(credentials))
}

fn host_and_port(request: &HttpRequest, default_port: u16) -> (&str, u16) {
    let host = webapi::header(request, HOST).unwrap_or_default();
    let colon = host.bytes().rposition(|byte| byte == b':');
    match colon.map(|colon| (&host[..colon], &host[colon + 1..])) {
        // The last colon of a bare IPv6 address separates no port.
        Some((name, port)) if !port.contains(']') => {
            port.parse().map_or((host, default_port), |port| (name, port))
        }
        _ => (host, default_port),
    }
}

/// One call being carried out.
struct Call<'c> {
    request: &'c HttpRequest,
    caller: &'c Caller,
    state: &'c AppState,
    fund: Option<Fund>,
}

impl Call<'_> {
    async fn order_and_pay2(&self, body: &Body<'_>) -> Answer {
        let parm = match self.read::<OrderAndPayWithPassword2Parm<'_>>(body, "parm") {
            Ok(parm) => parm,
            Err(answer) => return *answer,
        };
        let (Some(info), Some(pay)) = (parm.orderinfo, parm.payinfo) else {
            return self.invalid_operator(&ModelState::new("parm", 1));
        };
        self.order(theatre(info, self.caller), Some(&pay)).await
    }

    async fn order_and_pay(&self, body: &Body<'_>, naming: SceneNaming) -> Answer {
        let parm = match self.read::<OrderAndPayWithPasswordParm<'_>>(body, "parm") {
            Ok(parm) => parm,
            Err(answer) => return *answer,
        };
        let (Some(info), Some(pay)) = (parm.orderinfo, parm.payinfo) else {
            return self.invalid_operator(&ModelState::new("parm", 1));
        };
        let mut info = scenic(info, self.caller);
        info.draft.scene.naming = naming;
        self.order(info, Some(&pay)).await
    }

    async fn add_order2(&self, body: &Body<'_>) -> Answer {
        match self.read::<Order2AddParm<'_>>(body, "orderparm") {
            Ok(info) => self.order(theatre(info, self.caller), None).await,
            Err(answer) => *answer,
        }
    }

    async fn add_order(&self, body: &Body<'_>) -> Answer {
        match self.read::<OrderAddParm<'_>>(body, "orderparm") {
            Ok(info) => self.order(scenic(info, self.caller), None).await,
            Err(answer) => *answer,
        }
    }

    /// Orders, paying at once when `pay` is given.
    async fn order(
        &self,
        info: OrderInfo<'_>,
        pay: Option<&PayOrderUsePayPasswordParm<'_>>,
    ) -> Answer {
        let sender_id = info.sender_id.as_deref().filter(|id| !id.trim().is_empty());
        let failed =
            |code, text: &str| self.operator(None, sender_id, code, text, Outcome::Rejected);
        if let Some(pay) = pay
            && !self.is_pay_password(pay)
        {
            return failed(ResultCode::OTHER, WRONG_PAY_PASSWORD);
        }
        let key: Option<RequestKey> = match sender_id.map(RequestKey::new).transpose() {
            Ok(key) => key,
            // The fifty characters declared fit; this is for a body read without its rules.
            Err(_) => return failed(ResultCode::OTHER, "业务单号过长"),
        };
        let order = OrderRequest {
            agent: self.caller.agent().no,
            key: key.clone(),
            admitted: self.admit(&info.draft),
            private: || self.state.keys.seal_details(&info.private).ok(),
            pay_from: self.fund.map(pay_from),
        };
        let answered = within(self.state, self.state.engine.order(order)).await;
        let (engine, agent) = (&self.state.engine, self.caller.agent().no);
        let refused = match (&answered, &key) {
            (Err(EngineError::Rejected(_)), Some(key)) => {
                within(self.state, engine.order_by_key(agent, key)).await.ok()
            }
            _ => None,
        };
        self.operator_answer(answered, refused.as_deref(), sender_id, pay.is_some())
    }

    async fn pay(&self, body: &Body<'_>, fund: Fund) -> Answer {
        let parm = match self.read::<PayOrderUsePayPasswordParm<'_>>(body, "parm") {
            Ok(parm) => parm,
            Err(answer) => return *answer,
        };
        if !self.is_pay_password(&parm) {
            let outcome = Outcome::Rejected;
            return self.operator(None, None, ResultCode::OTHER, WRONG_PAY_PASSWORD, outcome);
        }
        let order = parm.orderid.as_deref().and_then(order_id);
        let answered = match order {
            Some(order) => {
                let engine = &self.state.engine;
                let supplier = crate::engine::ids::supplier_of(order.get());
                let payment = engine.payment_at(pay_from(fund), supplier, engine.now());
                let command = OrderCommand::Pay(payment);
                within(self.state, engine.with_order(self.caller.agent().no, order, command)).await
            }
            None => Err(Rejection::UnknownOrder.into()),
        };
        let refused = self.refused(&answered, order).await;
        self.operator_answer(answered, refused.as_deref(), None, true)
    }

    /// The order that was refused something, so that the answer can name it.
    async fn refused(
        &self,
        answered: &Result<Arc<Order>, EngineError>,
        order: Option<OrderId>,
    ) -> Option<Arc<Order>> {
        let (Err(EngineError::Rejected(_)), Some(order)) = (answered, order) else { return None };
        let (engine, agent) = (&self.state.engine, self.caller.agent().no);
        within(self.state, engine.with_order(agent, order, OrderCommand::Query)).await.ok()
    }

    async fn verify(&self, body: &Body<'_>) -> Answer {
        let Decoded { model, state } =
            body.read::<OrderAddParm<'_>>("orderparm", &self.state.config.limits());
        let info = match model {
            Some(info) if state.is_valid() => info,
            _ => return self.invalid_common(&with_null_model(state)),
        };
        let admitted = match self.admit(&scenic_draft(&info, self.caller)) {
            Ok(admitted) => admitted,
            Err(rejection) => return self.common(&Err(rejection.into())),
        };
        let verified = within(self.state, self.state.engine.verify(admitted)).await;
        self.common(&verified)
    }

    /// Cancels an unpaid order; cancelling it again says the same. The order is named in the URI.
    async fn cancel(&self) -> Answer {
        let query = self.request.query_string().as_bytes();
        let mut pairs = form_urlencoded::parse(query);
        let Some((_, wanted)) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("orderid")) else {
            return webapi::unknown_path(self.request, self.state);
        };
        let order = order_id(&wanted);
        let answered = match order {
            Some(order) => {
                let (engine, agent) = (&self.state.engine, self.caller.agent().no);
                within(self.state, engine.with_order(agent, order, OrderCommand::Cancel)).await
            }
            None => Err(Rejection::UnknownOrder.into()),
        };
        let refused = self.refused(&answered, order).await;
        self.operator_answer(answered, refused.as_deref(), None, false)
    }

    /// Sets where the agent is called back.
    async fn provider_config(&self, body: &Body<'_>) -> Answer {
        let Decoded { model, state } =
            body.read::<ProviderConfigParm<'_>>("parm", &self.state.config.limits());
        let parm = match model {
            Some(parm) if state.is_valid() => parm,
            _ => return self.invalid_common(&with_null_model(state)),
        };
        let callback = match callback_settings(&parm) {
            Ok(callback) => callback,
            Err(text) => return self.refused_common(text),
        };
        let (engine, agent) = (&self.state.engine, self.caller.agent().no);
        let set = engine.set_callback(agent, callback);
        let time = Duration::from_millis(self.state.config.engine_timeout_ms);
        match tokio::time::timeout(time, set).await {
            Ok(Ok(())) => self.common(&Ok(())),
            Ok(Err(CatalogueChangeError::Engine(error))) => self.common(&Err(error)),
            Ok(Err(CatalogueChangeError::Refused(_))) => self.refused_common("回调地址不正确"),
            Err(_) => self.common(&Err(EngineError::OutcomeUnknown)),
        }
    }

    fn admit(&self, draft: &Draft) -> Result<Admitted, Rejection> {
        let config = &self.state.config;
        let policy =
            AdmissionPolicy { identity: config.ota.identity(), lines_max: config.order_lines_max };
        let engine = &self.state.engine;
        let hasher = Hasher(&self.state.keys);
        admit(draft, &engine.read_catalogue(), &policy, &hasher, engine.now())
    }

    fn is_pay_password(&self, pay: &PayOrderUsePayPasswordParm<'_>) -> bool {
        let field = pay.paypassword.as_deref().unwrap_or_default();
        self.caller.0.pay_password.verify(field).is_ok()
    }

    fn read<'b, T: Record<'b>>(&self, body: &'b Body<'_>, name: &str) -> Result<T, Box<Answer>> {
        let Decoded { model, state } = body.read::<T>(name, &self.state.config.limits());
        match model {
            Some(model) if state.is_valid() => Ok(model),
            _ => Err(Box::new(self.invalid_operator(&with_null_model(state)))),
        }
    }

    /// What an order came to, as the result every ordering action answers with. `refused` is an order of
    /// before that was refused what was asked: the answer names it and says how it stands.
    fn operator_answer(
        &self,
        answered: Result<Arc<Order>, EngineError>,
        refused: Option<&Order>,
        sender_id: Option<&str>,
        paying: bool,
    ) -> Answer {
        match answered {
            Ok(order) => {
                let sent = order.request_key.as_ref().map(|key| key.as_str().to_owned());
                let sender_id = sender_id.or(sent.as_deref());
                match &order.state {
                    // A closed order cannot be paid; asked about without paying, its state is the
                    // answer.
                    OrderState::Closed { reason, .. } if paying => {
                        let text = message::sentence(&Rejection::OrderClosed(*reason));
                        let code = ResultCode::OTHER;
                        self.operator(Some(&order), sender_id, code, &text, Outcome::Rejected)
                    }
                    _ => {
                        let (code, outcome) = (ResultCode::SUCCESS, Outcome::Ok);
                        self.operator(Some(&order), sender_id, code, message::SUCCESS, outcome)
                    }
                }
            }
            Err(error) => {
                let (code, text) = failure(&error, sender_id.is_some());
                let sent = refused.and_then(|order| order.request_key.as_ref());
                let sender_id = sender_id.or(sent.map(RequestKey::as_str));
                self.operator(refused, sender_id, code, &text, Outcome::of(&error))
            }
        }
    }

    fn operator(
        &self,
        order: Option<&Order>,
        sender_id: Option<&str>,
        code: ResultCode,
        text: &str,
        outcome: Outcome,
    ) -> Answer {
        let result = OrderOperatorResult {
            orderid: order.map(|order| order.id.to_string().into()),
            sendid: sender_id.map(Into::into),
            orderstatus: order.map(|order| status(order).into()),
            resultcode: code.get(),
            returnmessgage: Some(text.into()),
        };
        webapi::result(self.request, &result, outcome)
    }

    fn common(&self, verified: &Result<(), EngineError>) -> Answer {
        let (code, text, outcome) = match verified {
            Ok(()) => (ResultCode::SUCCESS, Cow::Borrowed(message::SUCCESS), Outcome::Ok),
            Err(error) => {
                // Nothing was decided by asking, so asking again is always right.
                let (code, text) = failure(error, true);
                (code, text.into(), Outcome::of(error))
            }
        };
        let result = CommonOperationResult { errcode: code.get(), errmsg: Some(text), tag: None };
        webapi::result(self.request, &result, outcome)
    }

    fn refused_common(&self, text: &str) -> Answer {
        let (errcode, errmsg) = (ResultCode::OTHER.get(), Some(text.into()));
        let result = CommonOperationResult { errcode, errmsg, tag: None };
        webapi::result(self.request, &result, Outcome::Rejected)
    }

    fn invalid_operator(&self, state: &ModelState) -> Answer {
        match self.state.config.ota.invalid_body {
            InvalidBody::ModelState => self.invalid(state),
            InvalidBody::Result => {
                let text = first_error(state);
                self.operator(None, None, ResultCode::OTHER, &text, Outcome::Invalid)
            }
        }
    }

    fn invalid_common(&self, state: &ModelState) -> Answer {
        match self.state.config.ota.invalid_body {
            InvalidBody::ModelState => self.invalid(state),
            InvalidBody::Result => {
                let (errcode, errmsg) = (ResultCode::OTHER.get(), Some(first_error(state).into()));
                let result = CommonOperationResult { errcode, errmsg, tag: None };
                webapi::result(self.request, &result, Outcome::Invalid)
            }
        }
    }

    fn invalid(&self, state: &ModelState) -> Answer {
        let detail = self.state.config.ota.error_detail;
        webapi::error(self.request, &HttpError::invalid(state, detail))
    }
}

const WRONG_PAY_PASSWORD: &str = "支付密码错误";

/// What the agent asks for; `None` when it wants no callbacks. An empty word is the default.
fn callback_settings(
    parm: &ProviderConfigParm<'_>,
) -> Result<Option<CallbackSettings>, &'static str> {
    let word = |text: &Option<Cow<'_, str>>| {
        text.as_deref().unwrap_or_default().trim().to_ascii_uppercase()
    };
    let url = parm.replayurl.as_deref().unwrap_or_default().trim();
    let format = match word(&parm.replaydatatype).as_str() {
        "JSON" | "" => CallbackFormat::Json,
        "XML" => CallbackFormat::Xml,
        _ => return Err("回调数据格式只能是XML或JSON"),
    };
    let method = match word(&parm.replaymethod).as_str() {
        "POST" | "" => CallbackMethod::Post,
        "GET" => CallbackMethod::Get,
        _ => return Err("回调方式只能是POST或GET"),
    };
    let official_sms = word(&parm.sendofficiallysnotify) != "0";
    Ok((!url.is_empty()).then(|| CallbackSettings {
        url: url.into(),
        official_sms,
        format,
        method,
    }))
}

/// An empty body is no model; the framework itself records no error for it.
fn with_null_model(mut state: ModelState) -> ModelState {
    if state.is_valid() {
        state.add_error("", "A request body is required.");
    }
    state
}

fn first_error(state: &ModelState) -> String {
    let first = state.entries().first().and_then(|(key, errors)| Some((key, errors.first()?)));
    first.map_or_else(
        || "请求内容不正确".to_owned(),
        |(key, error)| format!("请求内容不正确（{key}）：{}", error.text(false)),
    )
}

/// The code and sentence of an error. Without a request key a repeat would be another order, so an
/// unknown outcome must not be called transient then.
pub(super) fn failure(error: &EngineError, may_repeat: bool) -> (ResultCode, String) {
    match error {
        EngineError::Rejected(rejection) => (result_code(rejection), message::sentence(rejection)),
        EngineError::Overloaded | EngineError::Unavailable => {
            (ResultCode::RETRY, message::BUSY.to_owned())
        }
        EngineError::OutcomeUnknown if may_repeat => {
            (ResultCode::RETRY, message::OUTCOME_UNKNOWN.to_owned())
        }
        EngineError::OutcomeUnknown => (ResultCode::OTHER, message::OUTCOME_UNKNOWN.to_owned()),
    }
}

/// An order's state as one character. Source: docs/protocols/ota.md, "Order states".
pub(super) const fn status(order: &Order) -> &'static str {
    match order.state {
        OrderState::Held { .. } => "0",
        OrderState::Paid { from: Balance::Rebate { .. }, .. } => "D",
        OrderState::Paid { .. } => "3",
        OrderState::Closed { .. } => "4",
    }
}

const fn pay_from(fund: Fund) -> PayFrom {
    match fund {
        Fund::Rebate => PayFrom::Rebate,
        Fund::Prepayment => PayFrom::Prepaid,
    }
}

/// An order number of ours; anything else names no order.
pub(super) fn order_id(text: &str) -> Option<OrderId> {
    let digits = text.len() == 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(OrderId::new)
}

fn theatre<'a>(info: Order2AddParm<'a>, caller: &Caller) -> OrderInfo<'a> {
    // "1" leaves the choice to the system; only otherwise do named seats count.
    let system_picks = info.autoselseats.as_deref().map(str::trim) == Some("1");
    let choice = if system_picks { SeatChoice::Ours } else { SeatChoice::Buyers };
    let items = info.orderdetails.unwrap_or_default();
    let lines = items.iter().map(line).collect();
    let draft = Draft {
        channel: Channel::Ota,
        agent: caller.agent().no,
        buyer: buyer(info.otheruserid),
        lines,
        date: date(info.effectdate.as_deref()),
        timespan: DraftTimespan::Unset,
        scene: DraftScene {
            naming: SceneNaming::ById,
            scene_id: text(info.sceneid),
            area_id: text(info.seatareaid),
            choice,
        },
        validity: None,
        mobile: text(info.mobile),
        document: text(info.identificationnumber),
    };
    let private = PrivateDetails {
        mobile: draft.mobile.clone(),
        document_number: draft.document.clone(),
        travellers: items.iter().map(traveller).collect(),
        invoice_title: text(info.invoicetitle),
        invoice_code: text(info.invoicecode),
        guide_number: text(info.guidernumber),
        trip_bill_code: text(info.tripbillcode),
        reserve1: String::new(),
        reserve2: String::new(),
        open_id: String::new(),
    };
    OrderInfo { draft, private, sender_id: info.senderid }
}

fn scenic<'a>(info: OrderAddParm<'a>, caller: &Caller) -> OrderInfo<'a> {
    let draft = scenic_draft(&info, caller);
    let private = PrivateDetails {
        mobile: draft.mobile.clone(),
        document_number: draft.document.clone(),
        travellers: info.orderdetails.iter().flatten().map(traveller).collect(),
        invoice_title: text(info.invoicetitle),
        invoice_code: text(info.invoicecode),
        guide_number: text(info.guidernumber),
        trip_bill_code: text(info.tripbillcode),
        reserve1: text(info.reserve1),
        reserve2: text(info.reserve2),
        open_id: String::new(),
    };
    OrderInfo { draft, private, sender_id: info.senderid }
}

fn scenic_draft(info: &OrderAddParm<'_>, caller: &Caller) -> Draft {
    let timespan = match info.timespanindex {
        0 => DraftTimespan::Unset,
        -1 => DraftTimespan::Earliest,
        index => u8::try_from(index)
            .map_or(DraftTimespan::Malformed, |no| DraftTimespan::Exactly(Timespan::new(no))),
    };
    let owned = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    Draft {
        channel: Channel::Ota,
        agent: caller.agent().no,
        buyer: buyer(info.otheruserid),
        lines: info.orderdetails.iter().flatten().map(line).collect(),
        date: date(info.effectdate.as_deref()),
        timespan,
        scene: DraftScene::default(),
        validity: None,
        mobile: owned(&info.mobile),
        document: owned(&info.identificationnumber),
    }
}

/// The user the agent names; 0 is what an absent number reads as.
fn buyer(other_user_id: i64) -> DraftBuyer {
    let agent_user = Some(other_user_id).filter(|user| *user != 0);
    DraftBuyer { agent_user, open_id: String::new() }
}

fn line(item: &OrderAddItemParm<'_>) -> DraftLine {
    let kind = crosswalk::from_ota_v5(item.identificationtype.as_deref().unwrap_or_default());
    let owned = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    DraftLine {
        product_id: owned(&item.productid),
        amount: i64::from(item.amount),
        document_type: kind.ok().flatten(),
        document_type_unknown: kind.is_err(),
        document: owned(&item.identificationnumber),
        name: owned(&item.fullname),
        mobile: owned(&item.mobile),
        mobile_needed: item.gateinmode.as_deref() == Some("B"),
        seats: item.seatitems.iter().flatten().map(|seat| owned(&seat.seatid)).collect(),
    }
}

fn traveller(item: &OrderAddItemParm<'_>) -> PrivateTraveller {
    let owned = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    PrivateTraveller {
        name: owned(&item.fullname),
        document_type: owned(&item.identificationtype),
        document_number: owned(&item.identificationnumber),
        mobile: owned(&item.mobile),
    }
}

fn date(text: Option<&str>) -> DraftDate {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        None => DraftDate::Missing,
        Some(text) => ServiceDate::parse_compact(text).map_or(DraftDate::Malformed, DraftDate::Day),
    }
}

fn text(text: Option<Cow<'_, str>>) -> String {
    text.map(Cow::into_owned).unwrap_or_default()
}
