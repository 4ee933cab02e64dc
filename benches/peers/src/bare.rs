//! The bare HTTP server: what actix-web can do on this machine when it reads the same body with the same
//! decoder and answers the same words, always.
//!
//! An upper bound for everything behind HTTP: it checks no signature, knows no stock, chooses no format and
//! formats no answer.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use piaoku::wire::codec::{Body, Formatter, Limits, to_json, to_xml};
use piaoku::wire::message;
use piaoku::wire::ota::{CommonOperationResult, OrderOperatorResult};

use crate::front::{self, FrontArguments, ORDER, READY, VERIFY, header};
use crate::sale;

/// The answers, written once.
struct Answers {
    limits: Limits,
    order: [Bytes; 2],
    verify: [Bytes; 2],
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn serve(arguments: &FrontArguments) -> anyhow::Result<()> {
    front::serve(arguments, || async { Ok(Answers::new()) }, || web::route().to(handle))
}

async fn handle(request: HttpRequest, bytes: Bytes, answers: web::Data<Answers>) -> HttpResponse {
    let Ok(body) = Body::new(header(&request, CONTENT_TYPE), &bytes) else {
        return HttpResponse::UnsupportedMediaType().finish();
    };
    let (is_read, [json, xml]) = match request.path() {
        ORDER => (sale::order_model(&body, &answers.limits).is_some(), &answers.order),
        VERIFY => (sale::verify_model(&body, &answers.limits).is_some(), &answers.verify),
        READY => return HttpResponse::Ok().finish(),
        _ => return HttpResponse::NotFound().finish(),
    };
    if !is_read {
        return HttpResponse::BadRequest().finish();
    }
    let (content_type, answer) = match body.formatter() {
        Formatter::Xml => ("application/xml; charset=utf-8", xml),
        Formatter::Json | Formatter::Form => ("application/json; charset=utf-8", json),
    };
    front::ok(content_type, answer.clone())
}

impl Answers {
    fn new() -> Self {
        let order = OrderOperatorResult {
            // As long as real ones.
            orderid: Some("0123456789012345678".into()),
            sendid: Some("C12345678901234567890".into()),
            orderstatus: Some("D".into()),
            resultcode: 0,
            returnmessgage: Some(message::SUCCESS.into()),
        };
        let verify =
            CommonOperationResult { errcode: 0, errmsg: Some(message::SUCCESS.into()), tag: None };
        Self {
            limits: sale::limits(),
            order: [to_json(&order).into(), to_xml(&order).into()],
            verify: [to_json(&verify).into(), to_xml(&verify).into()],
        }
    }
}
