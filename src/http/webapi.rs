//! What the actions in the partner's framework style share: choosing the answer's format, the
//! framework's own errors, reading a model.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, ACCEPT_CHARSET, ALLOW, CONTENT_TYPE, HOST, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::route::Action;
use crate::http::{Answer, AppState, Outcome};
use crate::wire::codec::{Body, HttpError, Item, Negotiation, Record, ResponseFormat};
use crate::wire::ota::hawk;

static X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// A header's text, `None` when it is not there or not text.
pub(super) fn header(
    request: &HttpRequest,
    name: impl actix_web::http::header::AsHeaderName,
) -> Option<&str> {
    let value = request.headers().get(name)?.as_bytes();
    // Without an early end the loop runs over many bytes at once.
    let is_text = value
        .iter()
        .fold(true, |text, &byte| text & (byte == b'\t' || (byte >= b' ' && byte < 0x7f)));
    std::str::from_utf8(value).ok().filter(|_| is_text)
}

/// A content type we answer with, as a header's value.
fn content_type(format: ResponseFormat) -> HeaderValue {
    HeaderValue::from_static(format.content_type())
}

/// The format the caller wants its answer in.
pub(super) fn format(request: &HttpRequest) -> ResponseFormat {
    Negotiation {
        accept: header(request, ACCEPT),
        accept_charset: header(request, ACCEPT_CHARSET),
        x_requested_with: header(request, &X_REQUESTED_WITH),
        content_type: header(request, CONTENT_TYPE),
    }
    .choose()
}

/// A result as the caller wants it.
pub(super) fn result<'r, T: Record<'r>>(
    request: &HttpRequest,
    record: &T,
    outcome: Outcome,
) -> Answer {
    let format = format(request);
    let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(format.write(record)));
    response.headers_mut().insert(CONTENT_TYPE, content_type(format));
    Answer { response, outcome }
}

/// A list of results as the caller wants it.
pub(super) fn list<'r, T: Item<'r>>(request: &HttpRequest, items: &[T]) -> Answer {
    let format = format(request);
    let body = format.write_list(items);
    let response = HttpResponse::Ok().content_type(format.content_type()).body(body);
    Answer { response, outcome: Outcome::Ok }
}

/// One of the framework's own errors.
pub(super) fn error(request: &HttpRequest, error: &HttpError) -> Answer {
    let format = format(request);
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    builder.content_type(format.content_type());
    let outcome = if status == StatusCode::UNAUTHORIZED {
        builder.insert_header((WWW_AUTHENTICATE, hawk::CHALLENGE));
        Outcome::Unauthenticated
    } else {
        Outcome::Invalid
    };
    Answer { response: builder.body(format.write_error(error)), outcome }
}

/// No action has this path.
pub(super) fn unknown_path(request: &HttpRequest, state: &AppState) -> Answer {
    let host = header(request, HOST).unwrap_or("localhost");
    let uri = request.uri();
    // A request line may carry the whole URI, which then names the host itself.
    let wanted = match uri.scheme() {
        Some(_) => uri.to_string(),
        None => format!("http://{host}{uri}"),
    };
    let not_found = HttpError::not_found(&wanted);
    let detail = state.config.ota.error_detail;
    let text = "No type was found that matches the controller named in the request.";
    let not_found = if detail { not_found.with_detail("MessageDetail", text) } else { not_found };
    error(request, &not_found)
}

/// The action does not take this method.
pub(super) fn wrong_method(action: Action, request: &HttpRequest, allowed: &'static str) -> Answer {
    if matches!(action, Action::Gate(_)) {
        return super::gate::wrong_method(allowed);
    }
    let mut answer = error(request, &HttpError::method_not_allowed(request.method().as_str()));
    answer.response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// The body is larger than allowed.
pub(super) fn body_too_large(action: Action, request: &HttpRequest, state: &AppState) -> Answer {
    match action {
        Action::Router => super::top::body_too_large(state),
        Action::Gate(_) => super::gate::body_too_large(),
        _ => error(request, &HttpError::too_large()),
    }
}

/// Finds the body's format, or the framework's error about it.
pub(super) fn body<'b>(request: &HttpRequest, bytes: &'b [u8]) -> Result<Body<'b>, Box<Answer>> {
    Body::new(header(request, CONTENT_TYPE), bytes)
        .map_err(|wrong| Box::new(error(request, &wrong)))
}
