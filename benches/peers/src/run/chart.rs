//! Sales a second as a bar chart: one SVG that carries everything it shows and reads on light and dark.

use std::fmt::Write as _;

/// One bar: what it is of, and least, median and most of the rounds.
pub(crate) struct Bar {
    pub(crate) name: &'static str,
    pub(crate) is_ours: bool,
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

const WIDTH: f64 = 860.0;
/// Where bars begin, and how long the longest whisker is.
const LEFT: f64 = 330.0;
const LENGTH: f64 = 440.0;
const ROW: f64 = 34.0;
const TOP: f64 = 64.0;

/// Draws the bars in their order, with `title` above and `note` below.
pub(crate) fn draw(title: &str, note: &str, bars: &[Bar]) -> String {
    let height = TOP + ROW * bars.len() as f64 + 34.0;
    let longest = bars.iter().map(|bar| bar.most).fold(1.0, f64::max);
    let length = |value: f64| value / longest * LENGTH;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{title}\" font-family=\"system-ui, sans-serif\" font-size=\"14\">\n\
         <style>text {{ fill: #24292f }} .ours {{ fill: #0969da }} .other {{ fill: #8c959f }} \
         .line {{ stroke: #24292f }} @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} \
         .ours {{ fill: #4493f8 }} .other {{ fill: #6e7681 }} .line {{ stroke: #e6edf3 }} }}</style>\n\
         <text x=\"12\" y=\"30\" font-size=\"18\" font-weight=\"600\">{title}</text>\n",
    );
    for (index, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let class = if bar.is_ours { "ours" } else { "other" };
        let (width, middle) = (length(bar.median), y + 11.0);
        let (from, to) = (LEFT + length(bar.least), LEFT + length(bar.most));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"22\" rx=\"3\"/>\
             <path class=\"line\" d=\"M{from:.1} {middle}H{to:.1}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            LEFT - 10.0,
            y + 16.0,
            bar.name,
            LEFT + width.max(length(bar.most)) + 8.0,
            y + 16.0,
            rate(bar.median),
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"12\" y=\"{:.0}\" font-size=\"12\">{note}</text>\n</svg>",
        height - 12.0
    );
    svg
}

/// Thousands with one digit, smaller ones as they are.
fn rate(value: f64) -> String {
    if value >= 1000.0 { format!("{:.1} k", value / 1000.0) } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_rates() {
        let bar = |name, median| Bar { name, is_ours: false, least: median, median, most: median };
        let svg = draw("t", "n", &[bar("full", 50_000.0), bar("half", 25_000.0), bar("none", 0.0)]);
        for expected in ["width=\"440.0\"", "width=\"220.0\"", "width=\"0.0\"", "50.0 k", ">0<"] {
            assert!(svg.contains(expected), "{expected} in {svg}");
        }
        is_well_formed(&svg);
    }

    /// Every element that opens closes.
    fn is_well_formed(svg: &str) {
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    }
}
