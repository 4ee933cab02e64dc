//! Line plots as inline SVG, without any script: they look the same offline, printed and in either
//! colour scheme.

use std::fmt::Write as _;

/// Width and height of a plot, in its own units.
const SIZE: (f64, f64) = (860.0, 300.0);
/// Room for labels: left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (74.0, 14.0, 14.0, 40.0);

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// From 0.
    Linear,
    /// Tenfold by tenfold; what is not above 0 is left out.
    Log,
}

/// One line. Its colour comes from the class `series-<name>` of the page.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) class: &'a str,
    pub(super) points: Vec<(f64, f64)>,
}

/// A tick's place and its text.
pub(super) type Tick = (f64, String);

/// A plot.
pub(super) struct Plot<'a> {
    /// What it shows, for those who cannot see it.
    pub(super) title: &'a str,
    /// Along the bottom.
    pub(super) x_label: &'a str,
    /// First and last value along the bottom.
    pub(super) x_range: (f64, f64),
    /// Ticks along the bottom.
    pub(super) x_ticks: Vec<Tick>,
    /// How values lie along the side.
    pub(super) y_scale: Scale,
    /// Text of a value along the side.
    pub(super) y_text: fn(f64) -> String,
    pub(super) series: Vec<Series<'a>>,
}

impl Plot<'_> {
    /// The plot with its legend.
    pub(super) fn to_svg(&self) -> String {
        let (width, height) = SIZE;
        let (left, top, right, bottom) = MARGIN;
        let mut svg = format!(
            "<figure><svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\
             <title>{title}</title>",
            title = self.title,
        );
        let (low, high) = self.y_range();
        let x_at = |x: f64| {
            let (from, to) = self.x_range;
            left + (x - from) / (to - from).max(f64::MIN_POSITIVE) * (width - left - right)
        };
        let y_at = |y: f64| {
            let share = match self.y_scale {
                Scale::Linear => (y - low) / (high - low),
                Scale::Log => (y.log10() - low.log10()) / (high.log10() - low.log10()),
            };
            height - bottom - share * (height - top - bottom)
        };
        for (tick, text) in self.y_ticks(low, high) {
            let y = y_at(tick);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{left}\" x2=\"{x2}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{x}\" y=\"{text_y:.1}\" text-anchor=\"end\">{text}</text>",
                x2 = width - right,
                x = left - 8.0,
                text_y = y + 4.0,
            );
        }
        for (tick, text) in &self.x_ticks {
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{y2}\"/>\
                 <text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>",
                x = x_at(*tick),
                y2 = height - bottom,
                y = height - bottom + 16.0,
            );
        }
        let _ = write!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{label}</text>",
            x = width - right,
            y = height - 6.0,
            label = self.x_label,
        );
        for series in &self.series {
            let points: Vec<String> = series
                .points
                .iter()
                .filter(|(x, y)| x.is_finite() && (self.y_scale == Scale::Linear || *y > 0.0))
                .map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y)))
                .collect();
            let _ = write!(
                svg,
                "<polyline class=\"{}\" points=\"{}\"/>",
                series.class,
                points.join(" ")
            );
        }
        svg.push_str("</svg><figcaption>");
        for series in &self.series {
            let _ = write!(svg, "<span class=\"{}\">{}</span> ", series.class, series.name);
        }
        svg.push_str("</figcaption></figure>");
        svg
    }

    /// Lowest and highest value along the side, such that everything fits in between.
    fn y_range(&self) -> (f64, f64) {
        let values = self.series.iter().flat_map(|series| series.points.iter().map(|(_, y)| *y));
        match self.y_scale {
            Scale::Linear => {
                let most = values.fold(0.0, f64::max);
                (0.0, if most > 0.0 { most * 1.08 } else { 1.0 })
            }
            Scale::Log => {
                let above = values.filter(|value| *value > 0.0);
                let (least, most) = above.fold((f64::MAX, 0.0), |(least, most), value| {
                    (f64::min(least, value), f64::max(most, value))
                });
                if most <= 0.0 {
                    return (1.0, 10.0);
                }
                let (low, high) = (least.log10().floor(), most.log10().ceil());
                (10.0_f64.powf(low), 10.0_f64.powf(high.max(low + 1.0)))
            }
        }
    }

    fn y_ticks(&self, low: f64, high: f64) -> Vec<Tick> {
        let values = match self.y_scale {
            Scale::Linear => linear_ticks(low, high),
            Scale::Log => {
                let decades = (low.log10().round() as i32)..=(high.log10().round() as i32);
                decades.map(|power| 10.0_f64.powi(power)).collect()
            }
        };
        values.into_iter().map(|value| (value, (self.y_text)(value))).collect()
    }
}

/// Some round numbers from `low` to `high`.
pub(super) fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return vec![low];
    }
    let rough = span / 5.0;
    let decade = 10.0_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade);
    let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|index| index as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(y_scale: Scale, points: &[(f64, f64)]) -> String {
        Plot {
            title: "T",
            x_label: "seconds",
            x_range: (0.0, 10.0),
            x_ticks: vec![(0.0, "0".to_owned()), (10.0, "10".to_owned())],
            y_scale,
            y_text: |value| format!("{value}"),
            series: vec![Series { name: "a", class: "series-a", points: points.to_vec() }],
        }
        .to_svg()
    }

    #[test]
    fn ticks_are_round_and_within() {
        let check = |low, high, expected: &[f64]| assert_eq!(linear_ticks(low, high), expected);
        check(0.0, 10.0, &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        check(0.0, 108_000.0, &[0.0, 50_000.0, 100_000.0]);
        check(3.0, 3.0, &[3.0]);
        check(0.0, f64::INFINITY, &[0.0]);
    }

    #[test]
    fn every_point_lies_inside_the_plot() {
        for scale in [Scale::Linear, Scale::Log] {
            let svg = plot(scale, &[(0.0, 3.0), (5.0, 4000.0), (10.0, 0.0)]);
            let points = svg.split("points=\"").nth(1).and_then(|it| it.split('"').next()).unwrap();
            let points: Vec<(f64, f64)> = points
                .split(' ')
                .map(|point| point.split_once(',').unwrap())
                .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
                .collect();
            assert_eq!(
                points.len(),
                if scale == Scale::Linear { 3 } else { 2 },
                "0 has no logarithm"
            );
            let (left, top, right, bottom) = MARGIN;
            for (x, y) in points {
                assert!(x >= left && x <= SIZE.0 - right, "{x}");
                assert!(y >= top - 0.1 && y <= SIZE.1 - bottom + 0.1, "{y}");
            }
        }
    }

    #[test]
    fn nothing_to_show_is_shown() {
        for scale in [Scale::Linear, Scale::Log] {
            for points in [vec![], vec![(0.0, 0.0)]] {
                let svg = plot(scale, &points);
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
