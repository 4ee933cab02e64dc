//! Why an order would be refused, or that it would be granted: every check with its facts.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::catalogue::{Catalogue, Product};
use crate::domain::identity::{IdentityRules, crosswalk};
use crate::domain::limits::WindowInstance;
use crate::engine::Rejection;
use crate::engine::admission::{
    AdmissionPolicy, Draft, DraftBuyer, DraftDate, DraftLine, DraftScene, DraftTimespan, admit,
};
use crate::engine::explain::{ClaimFacts, Explanation, Facts, Finding};
use crate::engine::plan::{Ask, ParticipantKey, rejection};
use crate::http::admin::Reply;
use crate::http::admin::accounts::{agent, balance_json};
use crate::http::admin::call::{Call, date};
use crate::http::admin::failure::{Failure, name};
use crate::http::admin::stock::{day, finding_json, timespan_json};
use crate::http::identity::Hasher;
use crate::http::{AppState, within};
use crate::types::{Channel, ProductNo, Timespan, UnixMillis};
use crate::wire::message;
use crate::wire::ota::result_code;

/// An order as it might be sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExplainBody {
    agent: String,
    #[serde(default)]
    channel: ChannelName,
    lines: Vec<LineBody>,
    date: Option<String>,
    /// A timespan, or -1 for the earliest with room.
    timespan: Option<i16>,
    /// The seat area of a performance.
    area: Option<String>,
    #[serde(default)]
    mobile: String,
    #[serde(default)]
    document: String,
    /// The user of the agent's own system.
    agent_user: Option<i64>,
    /// Douyin's id of the buyer.
    #[serde(default)]
    open_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineBody {
    product: String,
    #[serde(default = "one")]
    quantity: i64,
    /// The OTA family's kind of document.
    document_type: Option<String>,
    #[serde(default)]
    document: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    mobile: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChannelName {
    #[default]
    Ota,
    Douyin,
}

fn one() -> i64 {
    1
}

/// How long an open ticket would be valid, in milliseconds: a year.
const VALIDITY_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// Evaluates an order as Verify does.
pub(super) async fn explain(call: &Call, state: &AppState) -> Reply {
    let body: ExplainBody = call.read()?;
    let (catalogue, now) = (state.engine.catalogue(), state.engine.now());
    let draft = draft(&body, &catalogue, now, state)?;
    let policy = AdmissionPolicy {
        identity: identity(body.channel, state),
        lines_max: state.config.order_lines_max,
    };
    let admitted = match admit(&draft, &catalogue, &policy, &Hasher(&state.keys), now) {
        Ok(admitted) => admitted,
        // Refused before anybody was asked.
        Err(rejection) => {
            let mut document = refused_json(&rejection);
            document["attempts"] = json!([]);
            return Ok(document);
        }
    };
    let (total, rebate) = (admitted.total, admitted.rebate);
    let explanation = within(state, state.engine.explain(admitted)).await?;
    let mut document = explanation_json(&explanation, &catalogue);
    document["total"] = json!(total.to_yuan());
    document["rebate"] = json!(rebate.to_yuan());
    Ok(document)
}

fn draft(
    body: &ExplainBody,
    catalogue: &Catalogue,
    now: UnixMillis,
    state: &AppState,
) -> Result<Draft, Failure> {
    let agent = agent(&body.agent, state)?;
    let day = body.date.as_deref().map(date).transpose()?;
    let timespan = match body.timespan {
        None => DraftTimespan::Unset,
        Some(-1) => DraftTimespan::Earliest,
        Some(number) => match u8::try_from(number) {
            Ok(number) => DraftTimespan::Exactly(Timespan::new(number)),
            Err(_) => DraftTimespan::Malformed,
        },
    };
    // A performance is a date and a timespan of a product with areas.
    let product = body.lines.first().and_then(|line| catalogue.product_by_id(&line.product));
    let scene = product.filter(|product| product.is_performance()).and_then(|product| {
        let DraftTimespan::Exactly(no) = timespan else { return None };
        Some(product.scene_id(day?, product.timespan(no)?))
    });
    let lines = body.lines.iter().map(|line| {
        let kind = line.document_type.as_deref().unwrap_or_default();
        let kind = crosswalk::from_ota_v5(kind);
        DraftLine {
            product_id: line.product.clone(),
            amount: line.quantity,
            document_type_unknown: kind.is_err(),
            document_type: kind.ok().flatten(),
            document: line.document.clone(),
            name: line.name.clone(),
            mobile: line.mobile.clone(),
            ..DraftLine::default()
        }
    });
    Ok(Draft {
        channel: match body.channel {
            ChannelName::Ota => Channel::Ota,
            ChannelName::Douyin => Channel::Douyin,
        },
        agent,
        lines: lines.collect(),
        date: day.map_or(DraftDate::Missing, DraftDate::Day),
        timespan,
        scene: DraftScene {
            scene_id: scene.unwrap_or_default(),
            area_id: body.area.clone().unwrap_or_default(),
            ..DraftScene::default()
        },
        validity: Some((now, now.plus_millis(VALIDITY_MS))),
        mobile: body.mobile.clone(),
        document: body.document.clone(),
        buyer: DraftBuyer { agent_user: body.agent_user, open_id: body.open_id.clone() },
    })
}

fn identity(channel: ChannelName, state: &AppState) -> IdentityRules {
    match channel {
        ChannelName::Ota => state.config.ota.identity(),
        ChannelName::Douyin => state.config.douyin.identity(),
    }
}

fn refused_json(rejection: &Rejection) -> Value {
    json!({
        "granted": false,
        "refused": {
            "code": name(rejection),
            "message": rejection.to_string(),
            "partner_code": result_code(rejection).get(),
            "partner_message": message::sentence(rejection),
        },
    })
}

fn explanation_json(explanation: &Explanation, catalogue: &Catalogue) -> Value {
    let mut document = match &explanation.outcome {
        Ok(timespan) => json!({ "granted": true, "timespan": timespan_json(*timespan) }),
        Err(rejection) => refused_json(rejection),
    };
    let attempts = explanation.attempts.iter().map(|attempt| {
        let checks = attempt.findings.iter().map(|finding| check_json(finding, catalogue));
        json!({
            "timespan": timespan_json(attempt.timespan),
            "checks": checks.collect::<Vec<_>>(),
        })
    });
    document["attempts"] = attempts.collect();
    document
}

/// One participant: what it is asked for, what it says and what it has.
fn check_json(finding: &Finding, catalogue: &Catalogue) -> Value {
    let mut check = match (&finding.key, &finding.facts) {
        (ParticipantKey::Slot(key), Facts::Slot { claims, .. }) => {
            let mut slot = finding_json(finding, catalogue);
            slot["kind"] = json!("slot");
            slot["limits"] = limits_json(key.product, claims, catalogue);
            slot
        }
        (ParticipantKey::Pool(_), _) => {
            let mut pool = finding_json(finding, catalogue);
            pool["kind"] = json!("pool");
            pool
        }
        (ParticipantKey::Limit(key), Facts::Limit(claims)) => {
            let (window, date) = match key.window {
                WindowInstance::VisitDate(date) => ("visit_date", Some(date)),
                WindowInstance::OrderDate(date) => ("order_date", Some(date)),
                WindowInstance::Week(date) => ("week", Some(date)),
                WindowInstance::Month(date) => ("month", Some(date)),
                WindowInstance::Lifetime => ("lifetime", None),
                WindowInstance::Rolling => ("rolling", None),
            };
            json!({
                "kind": "limit",
                "product": catalogue.product(key.product).map(|product| &product.id),
                "window": window,
                "date": day(date),
                "limits": limits_json(key.product, claims, catalogue),
            })
        }
        (ParticipantKey::Account(key), Facts::Account(balances)) => json!({
            "kind": "account",
            "supplier": catalogue.supplier(key.supplier).map(|supplier| &supplier.id),
            "balances": balances.iter().map(balance_json).collect::<Vec<_>>(),
        }),
        _ => json!({ "kind": "unknown" }),
    };
    check["asked"] = asked_json(finding.ask.as_ref());
    check["grants"] = json!(finding.decision.is_ok());
    if let Err(refusal) = finding.decision {
        let refused = rejection(finding.key, refusal, catalogue);
        check["refuses"] = json!({ "code": name(&refused), "message": refused.to_string() });
    }
    check
}

fn asked_json(ask: Option<&Ask>) -> Value {
    match ask {
        Some(Ask::Slot(hold)) => {
            json!(hold.takes.iter().map(|take| u64::from(take.quantity.get())).sum::<u64>())
        }
        Some(Ask::Pool(quantity)) => json!(quantity.get()),
        Some(Ask::Account(money)) => json!(money.amount.to_yuan()),
        Some(Ask::AnyFunds { amount, .. }) => json!(amount.to_yuan()),
        // What is asked of counters stands beside each of them.
        Some(Ask::Limit(_) | Ask::Adjust(..) | Ask::SetOpen | Ask::Change(_)) | None => Value::Null,
    }
}

fn limits_json(product: ProductNo, claims: &[ClaimFacts], catalogue: &Catalogue) -> Value {
    let product = catalogue.product(product);
    claims.iter().map(|claim| limit_json(claim, product.map(|it| &**it))).collect()
}

fn limit_json(claim: &ClaimFacts, product: Option<&Product>) -> Value {
    let ClaimFacts { rule, used, asked, max } = claim;
    let rules = product.map_or(&[][..], |product| &product.rules.limits);
    let known = rules.iter().find(|known| known.no == *rule);
    json!({
        "by": known.map(|rule| snake(&format!("{:?}", rule.scope))),
        "in": known.map(|rule| snake(&format!("{:?}", rule.window))),
        "used": used.get(),
        "asked": asked.get(),
        "max": max.get(),
    })
}

/// `VisitDate` as `visit_date`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
