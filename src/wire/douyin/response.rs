//! Results of the vendor endpoints. Source: docs/protocols/douyin.md, "TicketCode/Get".

use std::borrow::Cow;

use super::request::DOUYIN_NAMESPACE;
use crate::wire::codec::{Text, wire_record};

wire_record! {
    /// What Douyin reads: codes, or why there are none.
    pub struct TicketCodeCommonResult<'a> in DOUYIN_NAMESPACE {
        /// 0 success; anything else makes Douyin ask again.
        error_code: i32,
        /// Text.
        description: Text<'a>,
        /// One of the `RESULT_…` constants; read only when `error_code` is 0.
        result: i32,
        /// The codes.
        codes: Option<Vec<Cow<'a, str>>>,
    }
}

wire_record! {
    /// Answer to a request for codes.
    pub struct GetTicketCodeResult<'a> in DOUYIN_NAMESPACE {
        /// The content, as Douyin wraps every answer.
        data: Option<TicketCodeCommonResult<'a>>,
    }
}

impl<'a> GetTicketCodeResult<'a> {
    /// Codes follow by a call of ours.
    pub const RESULT_ISSUING: i32 = 0;
    /// The codes are here.
    pub const RESULT_SUCCESS: i32 = 1;
    /// There will be none: Douyin refunds at once, without asking.
    pub const RESULT_FAILURE: i32 = 2;

    /// The codes were issued.
    #[must_use]
    pub fn issued(codes: Vec<Cow<'a, str>>) -> Self {
        Self::of(0, "success", Self::RESULT_SUCCESS, codes)
    }

    /// There will be no codes, and `description` says why.
    #[must_use]
    pub fn refused(description: impl Into<Cow<'a, str>>) -> Self {
        Self::of(0, description, Self::RESULT_FAILURE, Vec::new())
    }

    /// Nothing was decided: Douyin asks again. `error_code` is not 0.
    #[must_use]
    pub fn retry(error_code: i32, description: impl Into<Cow<'a, str>>) -> Self {
        Self::of(error_code, description, Self::RESULT_ISSUING, Vec::new())
    }

    fn of(
        error_code: i32,
        description: impl Into<Cow<'a, str>>,
        result: i32,
        codes: Vec<Cow<'a, str>>,
    ) -> Self {
        let description = Some(description.into());
        let codes = Some(codes);
        Self { data: Some(TicketCodeCommonResult { error_code, description, result, codes }) }
    }
}
