//! What a question's address says. Names are compared ignoring case, and of several equal ones the
//! first counts. Source: docs/protocols/ota.md, "Queries".

use std::borrow::Cow;

use crate::http::queries::Problem;
use crate::types::ServiceDate;

/// Days that a question about stock may span.
const SPAN_DAYS: i32 = 7;

/// The parameters of an address, without the white space around their values.
pub(super) struct Parameters<'q>(Vec<(Cow<'q, str>, String)>);

impl<'q> Parameters<'q> {
    pub(super) fn read(query: &'q str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(pairs.map(|(name, value)| (name, value.trim().to_owned())).collect())
    }

    /// A parameter that is there, be it empty.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter, empty when it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// A parameter without which no action fits.
    pub(super) fn required(&self, name: &str) -> Result<&str, Problem> {
        self.find(name).ok_or(Problem::Missing)
    }

    /// A parameter that chooses; empty and `0` choose nothing.
    pub(super) fn choice(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty() && *text != "0")
    }

    /// The days from `startdate` to `enddate`.
    pub(super) fn dates(&self) -> Result<Dates, Problem> {
        let (start, end) = (self.date("startdate")?, self.date("enddate")?);
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            let text = "The enddate field must not be before startdate.".to_owned();
            return Err(Problem::Invalid("enddate", text));
        }
        Ok(Dates { start, end })
    }

    fn date(&self, name: &'static str) -> Result<Option<ServiceDate>, Problem> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let invalid = |_| {
            let text = text.chars().take(20).collect::<String>();
            Problem::Invalid(name, format!("The value '{text}' is not valid for {name}."))
        };
        ServiceDate::parse_compact(text).map(Some).map_err(invalid)
    }
}

/// The days a question names, either of which may be left open. What it means to leave one open
/// differs by question, and what "today" is by venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dates {
    start: Option<ServiceDate>,
    end: Option<ServiceDate>,
}

impl Dates {
    /// For timespans: the start alone is that day, the end alone is from today on, neither is today;
    /// seven days at most.
    pub(super) fn of_timespans(self, today: ServiceDate) -> (ServiceDate, ServiceDate) {
        let first = self.start.unwrap_or(today);
        let last = self.end.unwrap_or(first);
        (first, last.min(first.plus_days(SPAN_DAYS - 1)))
    }

    /// For stock: from today and for seven days unless said otherwise; seven days at most.
    pub(super) fn of_inventory(self, today: ServiceDate) -> (ServiceDate, ServiceDate) {
        let first = self.start.unwrap_or(today);
        let week = first.plus_days(SPAN_DAYS - 1);
        (first, self.end.unwrap_or(week).min(week))
    }

    /// For performances: the start alone is that day, neither is today and the seven days after it.
    pub(super) fn of_performances(self, today: ServiceDate) -> (ServiceDate, ServiceDate) {
        let last = self.end.or(self.start).unwrap_or(today.plus_days(SPAN_DAYS));
        (self.start.unwrap_or(today), last)
    }

    /// For products: from today and the seven days after the first unless said otherwise.
    pub(super) fn of_products(self, today: ServiceDate) -> (ServiceDate, ServiceDate) {
        let first = self.start.unwrap_or(today);
        (first, self.end.unwrap_or(first.plus_days(SPAN_DAYS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: ServiceDate = ServiceDate::from_days(20_000);

    fn day(days: i32) -> String {
        TODAY.plus_days(days).to_compact()
    }

    #[test]
    fn names_are_compared_ignoring_case_and_the_first_counts() {
        let parameters = Parameters::read("OrderID=%201%20&orderid=2&empty=&plus=a+b%26c");
        assert_eq!(parameters.text("orderid"), "1");
        assert_eq!(parameters.text("plus"), "a b&c");
        assert_eq!((parameters.find("empty"), parameters.find("other")), (Some(""), None));
        assert!(parameters.required("empty").is_ok());
        assert!(matches!(parameters.required("other"), Err(Problem::Missing)));
        let choice = Parameters::read("a=0&b=&c=1");
        assert_eq!(
            ["a", "b", "c", "d"].map(|name| choice.choice(name)),
            [None, None, Some("1"), None]
        );
    }

    type Rule = fn(Dates, ServiceDate) -> (ServiceDate, ServiceDate);

    #[test]
    fn days_left_open_are_filled_in_as_each_question_wants() {
        let check = |rule: Rule, start: Option<i32>, end: Option<i32>, expected: (i32, i32)| {
            let text = |days: Option<i32>| days.map_or(String::new(), day);
            let query = format!("startdate={}&ENDDATE={}", text(start), text(end));
            let dates = Parameters::read(&query).dates().unwrap();
            let (first, last) = rule(dates, TODAY);
            let found = (first.days() - TODAY.days(), last.days() - TODAY.days());
            assert_eq!(found, expected, "{query}");
        };
        check(Dates::of_timespans, None, None, (0, 0));
        check(Dates::of_timespans, Some(3), None, (3, 3));
        check(Dates::of_timespans, None, Some(3), (0, 3));
        check(Dates::of_timespans, Some(2), Some(5), (2, 5));
        check(Dates::of_timespans, Some(2), Some(9), (2, 8));
        check(Dates::of_timespans, None, Some(30), (0, 6));
        check(Dates::of_inventory, None, None, (0, 6));
        check(Dates::of_inventory, Some(3), None, (3, 9));
        check(Dates::of_inventory, None, Some(2), (0, 2));
        check(Dates::of_inventory, Some(1), Some(60), (1, 7));
        check(Dates::of_performances, None, None, (0, 7));
        check(Dates::of_performances, Some(4), None, (4, 4));
        check(Dates::of_performances, None, Some(30), (0, 30));
        check(Dates::of_performances, Some(4), Some(9), (4, 9));
        check(Dates::of_products, None, None, (0, 7));
        check(Dates::of_products, Some(4), None, (4, 11));
        check(Dates::of_products, Some(4), Some(40), (4, 40));
        // The end may lie before today: then nothing is asked for.
        check(Dates::of_timespans, None, Some(-1), (0, -1));
    }

    #[test]
    fn dates_that_are_none_are_named() {
        let check = |query: &str, name: &str| match Parameters::read(query).dates() {
            Err(Problem::Invalid(found, _)) => assert_eq!(found, name, "{query}"),
            other => panic!("{query}: {other:?}"),
        };
        check("startdate=2026-11-22", "startdate");
        check("startdate=20260230", "startdate");
        check("enddate=x", "enddate");
        check("startdate=20261122&enddate=20261121", "enddate");
    }
}
