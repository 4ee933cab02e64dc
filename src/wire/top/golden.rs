//! Requests and answers kept as files, see `tests/golden/top/README.md`.

use std::path::PathBuf;

use super::client::{Caller, encode_form};
use super::consult::{
    CONSULT_REQUEST, ConsultFailure, ConsultOutcome, ConsultRequest, ConsultValue, TicketInfo,
};
use super::encode::{
    consult_response, error_response, order_use_response, reserve_response, ticket_use_response,
};
use super::error::{Refused, TopCode, TopError};
use super::gateway::{Api, Call, Format, Gateway, GatewayConfig, Refusal};
use super::order_use::{ORDER_USE_REQUEST, OrderUseRequest};
use super::request::{HttpCall, Params};
use super::reserve::{Failure, REVERSE_REQUEST, ReserveRequest};
use super::sign::SignMethod;
use super::ticket_use::{BizCode, TicketUse, USE_REQUEST, UseAnswer, UseDetail, UseRequest};
use crate::domain::order::RedeemError;
use crate::engine::Rejection;
use crate::types::{Fen, Quantity, TicketId, UnixMillis};

/// 2026-11-22 01:05:12 at GMT+8, when the sample requests were signed.
const NOW: UnixMillis = UnixMillis::new(1_795_280_712_000);
const REQUEST_ID: &str = "15r4nqhb4qjf7";

fn path(case: &str, file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden/top", case, file].iter().collect()
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
    for case in [
        "consult/f1-post-form",
        "consult/f2-get-query",
        "consult/form3-get-body",
        "consult/form4-multipart",
        "consult/form5-split",
    ] {
        admit(case, |admitted| {
            let call = admitted.unwrap_or_else(|refusal| panic!("{case}: {}", refusal.error));
            assert_eq!((call.api, call.format), (Api::TicketConsult, Format::Json), "{case}");
            assert_eq!(ConsultRequest::parse(&call.params), Ok(sample_request()), "{case}");
            let sign = match case {
                "consult/f2-get-query" => "3C5A74647F7E1DE6E1E8F76BDA9AFB47",
                _ => "37FB4D628575849FA610D77401790ADF",
            };
            assert_eq!(call.params.get("sign"), Some(sign), "{case}");
            assert_eq!(call.params.get("image"), None, "{case}: a file is no parameter");
        });
    }
}

#[test]
fn a_request_without_parameters_is_refused() {
    let refusal = admit("consult/form7-get-nothing", |admitted| admitted.unwrap_err());
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
    let sample = read("consult/f1-post-form", "request.http");
    assert_eq!(encode_form(&pairs), sample.split_once("\r\n\r\n").unwrap().1);
}

fn check_outcome(case: &str, outcome: &ConsultOutcome) {
    check_formats(case, |format| consult_response(format, outcome, REQUEST_ID));
}

#[test]
fn outcomes() {
    check_outcome("consult/success", &Ok(sample_value()));
    let mut sparse = sample_value();
    sparse.user_phone = None;
    sparse.ticket_info_list[0].ticket_code = None;
    let mut second = sparse.ticket_info_list[0].clone();
    second.ticket_id = "2208211121312608721".to_owned();
    second.ticket_name = "成人票 <A&B> \"云山\"".to_owned();
    sparse.ticket_info_list.push(second);
    check_outcome("consult/success-sparse", &Ok(sparse));
    check_outcome("consult/failed", &Err(ConsultFailure::ticket_code_invalid("券码不存在")));
}

#[test]
fn errors() {
    let check = |case: &str, error: &TopError| {
        let answer = |format| error_response(format, error, REQUEST_ID);
        check_answer(case, "response.xml", &answer(Format::Xml));
        check_answer(case, "response.json", &answer(Format::Json));
        assert_eq!(answer(Format::SimplifiedJson), answer(Format::Json), "the wrapper stays");
    };
    check("consult/error-25", &TopError::check(TopCode::InvalidSignature));
    check("consult/error-40", &TopError::missing_argument("shop_id"));
    check("consult/error-50", &TopError::caller(TopCode::RemoteServiceError, "非法参数"));
}

/// Compares an answer in each format with its files.
fn check_formats(case: &str, answer: impl Fn(Format) -> String) {
    check_answer(case, "response.xml", &answer(Format::Xml));
    check_answer(case, "response.json", &answer(Format::Json));
    check_answer(case, "response.simplified.json", &answer(Format::SimplifiedJson));
}

/// Two tickets of an order redeemed at once.
fn sample_use() -> UseAnswer {
    let detail = |ticket_code: &str, ticket_id: &str| UseDetail {
        ticket_trans_id: "2208301071920082803".to_owned(),
        ticket_code: ticket_code.to_owned(),
        ticket_id: ticket_id.to_owned(),
        quantity: 1,
        buyer_pay_amount: Fen::new(12_050),
        receipt_amount: Fen::new(12_005),
    };
    UseAnswer {
        biz_code: BizCode::Success,
        ticket_request_id: "f82d968ccc884077b180cff21d7fef17".to_owned(),
        use_date: NOW,
        ticket_trans_id: "2208301071920082803".to_owned(),
        ticket_code: "016569843362".to_owned(),
        order_no: "2208281071920082803".to_owned(),
        item_id: "687787036030".to_owned(),
        item_name: "成人票 <A&B> \"云山\"".to_owned(),
        buyer_pay_amount: Fen::new(24_100),
        receipt_amount: Fen::new(24_010),
        details: vec![
            detail("016569843362", "2208211121312608720"),
            detail("508839727941", "2208211121312608721"),
        ],
    }
}

#[test]
fn redemptions() {
    let check = |case: &str, answer: &UseAnswer| {
        check_formats(case, |format| ticket_use_response(format, answer, REQUEST_ID));
    };
    check("use/success", &sample_use());
    let mut replay = sample_use();
    replay.biz_code = BizCode::TicketAlreadyUsed;
    replay.details.truncate(1);
    check("use/replay", &replay);
    let used_up = RedeemError::UsedUp { ticket: TicketId::new(1), left: 0 };
    let used_up = Refused::of(&Rejection::Redeem(used_up)).unwrap();
    let used_up = TopError::from(used_up);
    check_formats("use/used-up", |format| error_response(format, &used_up, REQUEST_ID));

    let check = |case: &str, outcome: &Result<String, Failure>| {
        check_formats(case, |format| order_use_response(format, outcome, REQUEST_ID));
    };
    check("order-use/success", &Ok("2208301071920082803".to_owned()));
    check("order-use/failed", &Err(Failure::system_error()));
}

#[test]
fn reversals() {
    let check = |case: &str, outcome: &Result<(), Failure>| {
        check_formats(case, |format| reserve_response(format, outcome, REQUEST_ID));
    };
    check("reserve/success", &Ok(()));
    check("reserve/failed", &Err(Refused::UNKNOWN_TRANSACTION.into()));
    check("reserve/failed-retry", &Err(Failure::system_error()));
}

/// The form that the client signs for a request, kept as a file, is read as that request.
fn check_request<T: serde::Serialize + PartialEq + std::fmt::Debug>(
    case: &str,
    (api, name): (Api, &'static str),
    request: &T,
    parse: impl Fn(&Params<'_>) -> Result<T, TopError>,
) {
    let caller = Caller {
        app_key: "12345678",
        secret: "helloworld",
        sign_method: SignMethod::Md5,
        format: Format::Json,
        now: NOW,
    };
    let text = serde_json::to_string(request).unwrap();
    let body = encode_form(&caller.signed_pairs(api, &[(name, &text)]).unwrap());
    let head = "POST /router/rest HTTP/1.1\r\nhost: 127.0.0.1:18931\r\n\
                content-type: application/x-www-form-urlencoded\r\n";
    let sent = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    check_answer(case, "request.http", &sent);
    admit(case, |admitted| {
        let call = admitted.unwrap_or_else(|refusal| panic!("{case}: {}", refusal.error));
        assert_eq!(call.api, api);
        assert_eq!(parse(&call.params).as_ref(), Ok(request));
    });
}

#[test]
fn redemption_requests() {
    let one = UseRequest {
        ticket_request_id: "f82d968ccc884077b180cff21d7fef17".to_owned(),
        ticket_code: Some("016569843362".to_owned()),
        ticket_id: None,
        quantity: Some(2),
        shop_id: "2017112100077000000046517463".to_owned(),
        ticket_infos: Vec::new(),
    };
    let api = (Api::TicketCodeUse, USE_REQUEST);
    check_request("use/one-code", api, &one, UseRequest::parse);
    let ticket = |ticket_id: &str| TicketUse {
        ticket_id: Some(ticket_id.to_owned()),
        ticket_code: None,
        quantity: Some(1),
    };
    let tickets = vec![ticket("2208211121312608720"), ticket("2208211121312608721")];
    let several = UseRequest { quantity: None, ticket_infos: tickets, ..one };
    check_request("use/several-tickets", api, &several, UseRequest::parse);

    let reserve = ReserveRequest {
        request_id: "f82d968ccc884077b180cff21d7fef18".to_owned(),
        ticket_id: "2208211121312608720".to_owned(),
        ticket_use_trans_id: Some("2208301071920082803".to_owned()),
    };
    let api = (Api::TicketReserve, REVERSE_REQUEST);
    check_request("reserve/request", api, &reserve, ReserveRequest::parse);

    let order = OrderUseRequest {
        request_id: "f82d968ccc884077b180cff21d7fef19".to_owned(),
        alsc_order_no: "2208281071920082803".to_owned(),
        alsc_sub_order_no: "2208288968219782803".to_owned(),
        buyer_id: "AAH05d-EAAeGwJWdwSLqJ3qJ".to_owned(),
    };
    let api = (Api::OrderUse, ORDER_USE_REQUEST);
    check_request("order-use/request", api, &order, OrderUseRequest::parse);
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
    let sample = compact(&read("consult/partner-sample", "response.xml"));
    let success = without_element(&without_element(&sample, "error_code"), "error_msg");
    assert_eq!(ours(&Ok(sample_value())), success);
    let failed = without_element(&sample, "value").replace(">true<", ">false<");
    assert_eq!(ours(&Err(ConsultFailure::ticket_code_invalid("券码不存在"))), failed);

    let error = TopError::caller(TopCode::RemoteServiceError, "非法参数");
    let answer = error_response(Format::Xml, &error, REQUEST_ID);
    assert!(answer.ends_with(&compact(&read("consult/partner-sample", "error.xml"))), "{answer}");
}
