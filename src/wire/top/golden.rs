//! Requests and answers kept as files, see `tests/golden/top/README.md`.

use std::path::PathBuf;

use super::client::{Caller, encode_form};
use super::consult::{
    CONSULT_REQUEST, ConsultFailure, ConsultOutcome, ConsultRequest, ConsultValue, TicketInfo,
};
use super::encode::{consult_response, error_response};
use super::error::{TopCode, TopError};
use super::gateway::{Api, Call, Format, Gateway, GatewayConfig, Refusal};
use super::request::HttpCall;
use super::sign::SignMethod;
use crate::types::{Fen, Quantity, UnixMillis};

/// 2026-11-22 01:05:12 at GMT+8, when the sample requests were signed.
const NOW: UnixMillis = UnixMillis::new(1_795_280_712_000);
const REQUEST_ID: &str = "15r4nqhb4qjf7";

fn path(case: &str, file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden/top/consult", case, file].iter().collect()
}

fn read(case: &str, file: &str) -> String {
    let path = path(case, file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares an answer with its file, or writes the file when asked to.
fn check_answer(case: &str, file: &str, answer: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = path(case, file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, answer).unwrap();
    }
    assert_eq!(answer, read(case, file), "{case}/{file}");
}

/// Takes a request file apart and hands it to a gateway with default configuration.
fn admit<T>(case: &str, then: impl FnOnce(Result<Call<'_>, Refusal>) -> T) -> T {
    let text = read(case, "request.http");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let mut start = lines.next().unwrap().split(' ');
    let http_method = start.next().unwrap();
    let target = start.next().unwrap();
    let query = target.strip_prefix("/router/rest").unwrap().trim_start_matches('?');
    let header = |name: &str| {
        let mut headers = lines.clone().filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    assert_eq!(header("content-length").unwrap_or("0"), body.len().to_string(), "{case}");
    let call = HttpCall {
        http_method,
        query,
        content_type: header("content-type"),
        body: body.as_bytes(),
    };
    let secret_of = |app_key: &str| (app_key == "12345678").then_some("helloworld");
    then(Gateway::new(GatewayConfig::default()).unwrap().admit(&call, NOW, secret_of))
}

fn sample_request() -> ConsultRequest {
    ConsultRequest {
        request_id: "f82d968ccc884077b180cff21d7fef17".to_owned(),
        shop_id: "2017112100077000000046517463".to_owned(),
        ticket_code: "523162942005".to_owned(),
    }
}

/// The values of the platform's sample answer.
fn sample_value() -> ConsultValue {
    ConsultValue {
        user_phone: Some("175****4139".to_owned()),
        available_quantity: Quantity::new(2),
        ticket_info_list: vec![TicketInfo {
            ticket_id: "2208211121312608720".to_owned(),
            ticket_name: "洗剪吹xxx".to_owned(),
            total_amount: Fen::new(100),
            real_amount: Fen::new(100),
            quantity: Quantity::ONE,
            ticket_code: Some("508839727941".to_owned()),
            original_price: Fen::new(9900),
        }],
        buyer_id: "AAH05d-EAAeGwJWdwSLqJ3qJ".to_owned(),
        alsc_order_no: "2208281071920082803".to_owned(),
        alsc_sub_order_no: "2208288968219782803".to_owned(),
        item_id: "687787036030".to_owned(),
        out_item_id: "56789".to_owned(),
    }
}

#[test]
fn every_request_form_is_admitted_with_the_same_content() {
    for case in ["f1-post-form", "f2-get-query", "form3-get-body", "form4-multipart", "form5-split"]
    {
        admit(case, |admitted| {
            let call = admitted.unwrap_or_else(|refusal| panic!("{case}: {}", refusal.error));
            assert_eq!((call.api, call.format), (Api::TicketConsult, Format::Json), "{case}");
            assert_eq!(ConsultRequest::parse(&call.params), Ok(sample_request()), "{case}");
            let sign = match case {
                "f2-get-query" => "3C5A74647F7E1DE6E1E8F76BDA9AFB47",
                _ => "37FB4D628575849FA610D77401790ADF",
            };
            assert_eq!(call.params.get("sign"), Some(sign), "{case}");
            assert_eq!(call.params.get("image"), None, "{case}: a file is no parameter");
        });
    }
}

#[test]
fn a_request_without_parameters_is_refused() {
    let refusal = admit("form7-get-nothing", |admitted| admitted.unwrap_err());
    assert_eq!(refusal.format, Format::Xml);
    assert_eq!(refusal.error, TopError::check(TopCode::MissingAppKey));
}

#[test]
fn the_client_writes_the_sample_request() {
    let caller = Caller {
        app_key: "12345678",
        secret: "helloworld",
        sign_method: SignMethod::Md5,
        format: Format::Json,
        now: NOW,
    };
    let text = serde_json::to_string(&sample_request()).unwrap();
    let pairs = caller.signed_pairs(Api::TicketConsult, &[(CONSULT_REQUEST, &text)]).unwrap();
    let sample = read("f1-post-form", "request.http");
    assert_eq!(encode_form(&pairs), sample.split_once("\r\n\r\n").unwrap().1);
}

fn check_outcome(case: &str, outcome: &ConsultOutcome) {
    let answer = |format| consult_response(format, outcome, REQUEST_ID);
    check_answer(case, "response.xml", &answer(Format::Xml));
    check_answer(case, "response.json", &answer(Format::Json));
    check_answer(case, "response.simplified.json", &answer(Format::SimplifiedJson));
}

#[test]
fn outcomes() {
    check_outcome("success", &Ok(sample_value()));
    let mut sparse = sample_value();
    sparse.user_phone = None;
    sparse.ticket_info_list[0].ticket_code = None;
    let mut second = sparse.ticket_info_list[0].clone();
    second.ticket_id = "2208211121312608721".to_owned();
    second.ticket_name = "成人票 <A&B> \"云山\"".to_owned();
    sparse.ticket_info_list.push(second);
    check_outcome("success-sparse", &Ok(sparse));
    check_outcome("failed", &Err(ConsultFailure::ticket_code_invalid("券码不存在")));
}

#[test]
fn errors() {
    let check = |case: &str, error: &TopError| {
        let answer = |format| error_response(format, error, REQUEST_ID);
        check_answer(case, "response.xml", &answer(Format::Xml));
        check_answer(case, "response.json", &answer(Format::Json));
        assert_eq!(answer(Format::SimplifiedJson), answer(Format::Json), "the wrapper stays");
    };
    check("error-25", &TopError::check(TopCode::InvalidSignature));
    check("error-40", &TopError::missing_argument("shop_id"));
    check("error-50", &TopError::caller(TopCode::RemoteServiceError, "非法参数"));
}

/// The text without the line breaks and indentation between its elements.
fn compact(xml: &str) -> String {
    xml.lines().map(str::trim).collect()
}

fn without_element(xml: &str, name: &str) -> String {
    let (before, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    let (_, after) = rest.split_once(&format!("</{name}>")).unwrap();
    format!("{before}{after}")
}

/// The platform's sample shows a success and a failure at once; either of our answers is the
/// sample without the other's members.
#[test]
fn our_xml_is_the_partners_sample() {
    let ours = |outcome: &ConsultOutcome| {
        let answer = consult_response(Format::Xml, outcome, REQUEST_ID);
        answer.strip_prefix("<?xml version=\"1.0\" encoding=\"utf-8\" ?>").unwrap().to_owned()
    };
    let sample = compact(&read("partner-sample", "response.xml"));
    let success = without_element(&without_element(&sample, "error_code"), "error_msg");
    assert_eq!(ours(&Ok(sample_value())), success);
    let failed = without_element(&sample, "value").replace(">true<", ">false<");
    assert_eq!(ours(&Err(ConsultFailure::ticket_code_invalid("券码不存在"))), failed);

    let error = TopError::caller(TopCode::RemoteServiceError, "非法参数");
    let answer = error_response(Format::Xml, &error, REQUEST_ID);
    assert!(answer.ends_with(&compact(&read("partner-sample", "error.xml"))), "{answer}");
}
