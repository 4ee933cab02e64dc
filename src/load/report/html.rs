//! The report as a page that is complete in itself: no script, no font, no image from elsewhere.

use std::fmt::Write as _;

use super::plot::{Plot, Scale, Series, Tick, linear_ticks};
use super::table::span;
use super::{Latency, Report, StepReport};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2430;--faint:#667085;--ground:#fff;--panel:#f5f7fa;--grid:#dfe4ea;
--good:#0a7d4f;--no:#b7791f;--bad:#c53030;--lost:#7c3aed;--line:#2563eb}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--faint:#98a2b3;--ground:#12161c;--panel:#1a2028;
--grid:#2c3540;--good:#3ecf8e;--no:#f0b429;--bad:#ff6b6b;--lost:#b794f4;--line:#7aa2ff}}
body{margin:0 auto;padding:24px;max-width:920px;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:28px 0 8px}p{margin:4px 0;color:var(--faint)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--grid)}
th:first-child,td:first-child{text-align:left}th{font-weight:600;color:var(--faint)}
figure{margin:0;padding:8px;background:var(--panel);border-radius:8px}svg{width:100%;height:auto;display:block}
svg text{fill:var(--faint);font-size:12px}.grid{stroke:var(--grid)}
polyline{fill:none;stroke-width:2;stroke-linejoin:round;stroke:currentColor}
figcaption span{margin-right:14px}figcaption span::before{content:'\\2014\\00a0'}
.success{color:var(--good)}.refusal{color:var(--no)}.error{color:var(--bad)}.dropped{color:var(--lost)}
.p50{color:var(--good)}.p99{color:var(--no)}.max{color:var(--bad)}.all{color:var(--line)}
.warn{padding:8px 12px;border-radius:8px;background:var(--panel);color:var(--bad);font-weight:600}
.audit{padding:8px 12px;border-radius:8px;background:var(--panel);color:var(--ink)}
";

impl Report {
    /// A page for a browser.
    #[must_use]
    pub fn to_html(&self) -> String {
        let title = format!("piaoku load {} – {}", self.scenario.name(), self.mode());
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <style>{STYLE}</style></head><body><h1>{title}</h1>",
            title = escaped(&title),
        );
        for line in self.settings_lines() {
            let _ = write!(page, "<p>{}</p>", escaped(&line));
        }
        if let Some(warning) = self.saturation_warning() {
            let _ = write!(page, "<p class=\"warn\">{}</p>", escaped(&warning));
        }
        for broken in self.broken_promises() {
            let _ = write!(page, "<p class=\"warn\">broken: {}</p>", escaped(&broken));
        }
        if let Some(audit) = &self.audit {
            let _ = write!(page, "<p class=\"audit\">{}</p>", escaped(&audit.line()));
        }
        self.write_counts(&mut page);
        self.write_latencies(&mut page);
        self.write_causes(&mut page);
        let _ = write!(page, "<h2>Answers over time</h2>{}", self.throughput().to_svg());
        let _ = write!(page, "<h2>Latency over time</h2>{}", self.latency_over_time().to_svg());
        let _ = write!(page, "<h2>Latency by percentile</h2>{}", self.by_percentile().to_svg());
        page.push_str("</body></html>\n");
        page
    }

    fn write_counts(&self, page: &mut String) {
        page.push_str(
            "<h2>Requests</h2><table><tr><th></th><th>sent</th><th>success</th><th>refusal</th>\
             <th>error</th><th>dropped</th></tr>",
        );
        let kinds = self.kinds.iter().map(|it| (it.kind.name(), it.counts));
        let several = self.kinds.len() > 1;
        for (name, it) in std::iter::once(("all", self.counts)).chain(kinds.filter(|_| several)) {
            let _ = write!(
                page,
                "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                it.sent, it.success, it.refusal, it.error, it.dropped
            );
        }
        let _ = write!(
            page,
            "</table><p>{:.0} successes a second, {:.0} answers a second</p>",
            self.success_per_s, self.answered_per_s
        );
    }

    fn write_latencies(&self, page: &mut String) {
        page.push_str(
            "<h2>Latency from the instant a request was due</h2><table><tr><th></th><th>p50</th>\
             <th>p90</th><th>p99</th><th>p99.9</th><th>max</th><th>mean</th></tr>",
        );
        let several = self.kinds.len() > 1;
        let kinds = self.kinds.iter().filter(|_| several);
        let kinds = kinds.map(|it| (it.kind.name(), it.latency));
        let lag = self.lag.map(|lag| ("generator's own lag", lag));
        for (name, it) in std::iter::once(("all", self.latency)).chain(kinds).chain(lag) {
            let Latency { p50, p90, p99, p999, max, mean } = it;
            let _ = write!(page, "<tr><td>{name}</td>");
            for micros in [p50, p90, p99, p999, max, mean] {
                let _ = write!(page, "<td>{}</td>", span(micros));
            }
            page.push_str("</tr>");
        }
        page.push_str("</table>");
    }

    fn write_causes(&self, page: &mut String) {
        if self.refusals.is_empty() && self.errors.is_empty() {
            return;
        }
        page.push_str("<h2>Refusals and errors</h2><table><tr><th>why</th><th>requests</th></tr>");
        for (kind, code, count) in &self.refusals {
            let name = kind.name();
            let _ = write!(page, "<tr><td>{name} refused, code {code}</td><td>{count}</td></tr>");
        }
        for (reason, count) in &self.errors {
            let _ = write!(page, "<tr><td>error: {}</td><td>{count}</td></tr>", escaped(reason));
        }
        page.push_str("</table>");
    }

    fn throughput(&self) -> Plot<'static> {
        let step_s = self.step_s;
        let line = |name, class, of: fn(&StepReport) -> u64| Series {
            name,
            class,
            points: self.course.iter().map(|it| (it.at_s, of(it) as f64 / step_s)).collect(),
        };
        self.over_time(
            "Answers a second over time",
            Scale::Linear,
            |rate| format!("{rate:.0}/s"),
            vec![
                line("success", "success", |it| it.counts.success),
                line("refusal", "refusal", |it| it.counts.refusal),
                line("error", "error", |it| it.counts.error),
                line("dropped", "dropped", |it| it.counts.dropped),
            ],
        )
    }

    fn latency_over_time(&self) -> Plot<'static> {
        let line = |name, class, of: fn(&StepReport) -> f64| Series {
            name,
            class,
            points: self.course.iter().map(|it| (it.at_s, of(it))).collect(),
        };
        self.over_time(
            "Latency over time",
            Scale::Log,
            span,
            vec![
                line("p50", "p50", |it| it.p50_us),
                line("p99", "p99", |it| it.p99_us),
                line("max", "max", |it| it.max_us),
            ],
        )
    }

    fn over_time(
        &self,
        title: &'static str,
        y_scale: Scale,
        y_text: fn(f64) -> String,
        series: Vec<Series<'static>>,
    ) -> Plot<'static> {
        let ticks = linear_ticks(0.0, self.duration_s);
        Plot {
            title,
            x_label: "seconds",
            x_range: (0.0, self.duration_s),
            x_ticks: ticks.into_iter().map(|at| (at, format!("{at}"))).collect(),
            y_scale,
            y_text,
            series,
        }
    }

    /// Along the bottom every halving of what lies above takes the same room.
    fn by_percentile(&self) -> Plot<'static> {
        let place = |percentile: f64| -(1.0 - percentile / 100.0).log10();
        let finite = self.percentiles.iter().filter(|(percentile, _)| *percentile < 100.0);
        let points: Vec<(f64, f64)> = finite.map(|(at, us)| (place(*at), *us)).collect();
        let last = points.last().map_or(1.0, |(place, _)| place.max(1.0));
        let named: [(f64, &str); 8] = [
            (0.0, "min"),
            (50.0, "50 %"),
            (90.0, "90 %"),
            (99.0, "99 %"),
            (99.9, "99.9 %"),
            (99.99, "99.99 %"),
            (99.999, "99.999 %"),
            (99.9999, "99.9999 %"),
        ];
        let ticks: Vec<Tick> = named
            .into_iter()
            .map(|(percentile, text)| (place(percentile), text.to_owned()))
            .filter(|(place, _)| *place <= last)
            .collect();
        Plot {
            title: "Latency by percentile",
            x_label: "",
            x_range: (0.0, last),
            x_ticks: ticks,
            y_scale: Scale::Log,
            y_text: span,
            series: vec![Series { name: "all answers", class: "all", points }],
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
