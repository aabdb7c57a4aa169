//! Plots as SVG: lines over axes with round numbers. Shapes carry presentation attributes only; the page allows no
//! style of their own.

use std::fmt::Write;

use crate::report::escape::markup;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 40.0;

/// How a value becomes a place on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Evenly.
    Linear,
    /// By its logarithm; values are more than zero.
    Logarithmic,
}

/// A line with its name.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    /// From left to right.
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot of lines.
pub(super) struct Plot<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    pub(super) scale: Scale,
    pub(super) lines: Vec<Line<'a>>,
}

impl Plot<'_> {
    /// The figure; empty when there is nothing to draw.
    pub(super) fn figure(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        if points().next().is_none() {
            return String::new();
        }
        let x = Axis::of(points().map(|point| point.0), self.scale);
        let y = Axis::of(points().map(|point| point.1).chain([0.0]), Scale::Linear);
        let mut svg = self.frame(&x, &y);
        for (number, line) in self.lines.iter().enumerate() {
            let path: Vec<String> = line
                .points
                .iter()
                .map(|(a, b)| format!("{:.1},{:.1}", across(x.at(*a)), down(y.at(*b))))
                .collect();
            // Writing to a String cannot fail.
            let _ = write!(svg, "<polyline class=\"plot l{}\" points=\"{}\"/>", number % 4, path.join(" "));
            let at = TOP + 12.0 + 15.0 * number as f64;
            let _ = write!(
                svg,
                "<text class=\"key l{}\" x=\"{:.0}\" y=\"{at:.0}\" text-anchor=\"end\">{}</text>",
                number % 4,
                WIDTH - RIGHT - 6.0,
                markup(line.name)
            );
        }
        let title = markup(self.title);
        format!(
            "<h2>{title}</h2>\n<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             role=\"img\" aria-label=\"{title}\">{svg}</svg></figure>\n"
        )
    }

    fn frame(&self, x: &Axis, y: &Axis) -> String {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        let mut svg = String::new();
        for (place, label) in x.ticks() {
            let at = across(place);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/><text x=\"{at:.1}\" y=\"{:.0}\" \
                 text-anchor=\"middle\">{label}</text>",
                bottom + 15.0
            );
        }
        for (place, label) in y.ticks() {
            let at = down(place);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{:.0}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{label}</text>",
                LEFT - 6.0,
                at + 4.0
            );
        }
        let middle = f64::midpoint(LEFT, right);
        let _ = write!(
            svg,
            "<text x=\"{middle}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\
             <text x=\"12\" y=\"{:.0}\" transform=\"rotate(-90 12 {:.0})\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 6.0,
            markup(self.x),
            HEIGHT / 2.0,
            HEIGHT / 2.0,
            markup(self.y)
        );
        svg
    }
}

fn across(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

fn down(share: f64) -> f64 {
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

/// From a value to a share of the axis.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, scale: Scale) -> Self {
        let sound = values.filter(|value| value.is_finite() && (scale == Scale::Linear || *value > 0.0));
        let (low, high) = sound.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        match scale {
            _ if low > high => Self { scale: Scale::Linear, low: 0.0, high: 1.0 },
            Scale::Logarithmic => {
                let (low, high) = (low.log10().floor(), high.log10().ceil());
                Self { scale, low, high: high.max(low + 1.0) }
            }
            Scale::Linear if high > low => Self { scale, low, high: low + (high - low) * 1.02 },
            Scale::Linear => Self { scale, low, high: low + 1.0 },
        }
    }

    fn at(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(f64::MIN_POSITIVE).log10(),
        };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// At most a dozen round values.
    fn ticks(&self) -> Vec<(f64, String)> {
        if self.scale == Scale::Logarithmic {
            let powers = (self.low as i32)..=(self.high as i32);
            return powers
                .take(12)
                .map(|power| (self.at(10_f64.powi(power)), number(10_f64.powi(power))))
                .collect();
        }
        let rough = (self.high - self.low) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = (self.low / step).ceil() * step;
        let values = (0..12).map(|n| first + f64::from(n) * step).take_while(|value| *value <= self.high);
        values.map(|value| (self.at(value), number(value))).collect()
    }
}

fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        let labels = |values: &[f64], scale| -> Vec<String> {
            Axis::of(values.iter().copied(), scale).ticks().into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(&[0.0, 43.0], Scale::Linear), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(&[0.0, 0.0], Scale::Linear), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&[3.0, 420.0], Scale::Logarithmic), ["1", "10", "100", "1000"]);
        assert_eq!(labels(&[f64::NAN, 0.0], Scale::Logarithmic).len(), 6);
    }

    #[test]
    fn nothing_is_drawn_of_nothing_and_names_are_harmless() {
        let plot = |points| {
            let lines = vec![Line { name: "<b>", points }];
            Plot { title: "t", x: "x", y: "y", scale: Scale::Linear, lines }.figure()
        };
        assert_eq!(plot(vec![]), "");
        let drawn = plot(vec![(0.0, 1.0), (1.0, 2.0)]);
        assert!(drawn.contains("&lt;b&gt;") && !drawn.contains("<b>") && !drawn.contains("style="));
    }
}
