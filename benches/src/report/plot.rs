//! Throughput over tasks, as an SVG that is read on light and on dark pages.
//!
//! Written by hand: two panels of polylines need no library. The colours are those of Okabe and Ito, which people with
//! any kind of colour vision tell apart; shapes of the points and a label at the end of each line say the same again.

use std::fmt::Write as _;

use super::Row;
use crate::loads::peers;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 470.0;
const PANEL: f64 = 320.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 390.0;

/// Of each series: who, what the label says, its colour on light and on dark, and the shape of its points.
const SERIES: [(&str, &str, &str, &str, &str); 5] = [
    (peers::OURS, "roomkey", "#0072b2", "#56b4e9", CIRCLE),
    (peers::MULTIPLEXED, "redis", "#b34700", "#e69f00", "M-5-5H5V5H-5Z"),
    (peers::RUSTIS, "rustis", "#007a5a", "#00c08b", "M0-6L6 5H-6Z"),
    (peers::FRED, "fred", "#a6548a", "#e39ac5", "M0-6L6 0L0 6L-6 0Z"),
    (peers::POOL, "deadpool", "#666", "#aaa", "M-5-5L5 5M-5 5L5-5"),
];
const CIRCLE: &str = "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z";

/// Rate by number of tasks.
type Points = Vec<(usize, f64)>;

/// Reads on the left, writes on the right; `None` if either was not measured.
pub(super) fn throughput(rows: &[Row], machine: &str) -> Option<String> {
    let mut svg = head(machine);
    for (panel, (load, title)) in
        [("vault/get 256 B", "get, 256 B"), ("vault/set 256 B", "set, 256 B")].into_iter().enumerate()
    {
        let series = SERIES.map(|(who, ..)| points(rows, load, who));
        if series[0].len() < 2 {
            return None;
        }
        let left = 70.0 + panel as f64 * (PANEL + 140.0);
        draw(&mut svg, left, title, &series);
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn points(rows: &[Row], load: &str, who: &str) -> Points {
    let of_load = rows.iter().filter(|row| row.name == load && !row.control);
    let mut points: Points = if who == peers::OURS {
        of_load.map(|row| (row.concurrency, row.ours_per_s)).collect()
    } else {
        of_load.filter(|row| row.peer == who).map(|row| (row.concurrency, row.peer_per_s)).collect()
    };
    points.sort_by_key(|(tasks, _)| *tasks);
    points.dedup_by_key(|(tasks, _)| *tasks);
    points
}

fn head(machine: &str) -> String {
    let mut light = String::new();
    let mut dark = String::new();
    for (number, (_, _, on_light, on_dark, _)) in SERIES.iter().enumerate() {
        let _ = write!(light, ".s{number}{{stroke:{on_light}}}.l{number}{{fill:{on_light}}}");
        let _ = write!(dark, ".s{number}{{stroke:{on_dark}}}.l{number}{{fill:{on_dark}}}");
    }
    let machine = escape(machine);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-labelledby=\"title desc\">\n\
         <title id=\"title\">Operations per second over concurrent tasks, roomkey and its peers</title>\n\
         <desc id=\"desc\">The numbers are in the table of docs/benchmarks.md. Measured on {machine}.</desc>\n\
         <style>\n\
         text{{font:13px system-ui,sans-serif;fill:#222}}.t{{font-size:15px;font-weight:600}}.m{{text-anchor:middle}}\
         .e{{text-anchor:end}}.c{{fill:#555}}.b{{fill:#fff}}.g{{stroke:#ddd}}.p{{fill:none;stroke-width:2}}\
         .o{{stroke-width:3.5}}{light}\n\
         @media(prefers-color-scheme:dark){{text{{fill:#e6e6e6}}.c{{fill:#aaa}}.b{{fill:#161b22}}.g{{stroke:#3a4048}}\
         {dark}}}\n\
         </style>\n\
         <rect class=\"b\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
         <text x=\"20\" y=\"26\" class=\"t\">Operations per second over concurrent tasks: ours sealed, the peers plain\
         </text>\n\
         <text x=\"20\" y=\"444\" class=\"c\">{machine}.</text>\n\
         <text x=\"20\" y=\"462\" class=\"c\">Medians. Client and server share the machine: compare the lines, not \
         their height.</text>\n"
    )
}

fn draw(svg: &mut String, left: f64, title: &str, series: &[Points; SERIES.len()]) {
    let tasks: Vec<usize> = series[0].iter().map(|(tasks, _)| *tasks).collect();
    let x = |of: usize| {
        let place = tasks.iter().position(|tasks| *tasks == of).unwrap_or(0);
        left + PANEL * place as f64 / (tasks.len() - 1) as f64
    };
    let highest = series.iter().flatten().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let step = round_step(highest / 5.0);
    let lines = (highest / step).ceil();
    let y = |rate: f64| BOTTOM - (BOTTOM - TOP) * rate / (lines * step);

    let middle = left + PANEL / 2.0;
    let _ = writeln!(svg, "<text x=\"{middle}\" y=\"54\" class=\"t m\">{title}</text>");
    for line in 0..=lines as u32 {
        let (rate, right) = (f64::from(line) * step, left + PANEL);
        let height = y(rate);
        let _ = writeln!(svg, "<path class=\"g\" d=\"M{left} {height:.1}H{right}\"/>");
        let (label, below) = (format!("{} k", rate / 1e3), height + 4.0);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{below:.1}\" class=\"e\">{label}</text>", left - 8.0);
    }
    for tasks in &tasks {
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"408\" class=\"m\">{tasks}</text>", x(*tasks));
    }
    let _ = writeln!(svg, "<text x=\"{middle}\" y=\"426\" class=\"m c\">concurrent tasks</text>");

    let ends: Vec<f64> =
        series.iter().map(|points| points.last().map_or(BOTTOM, |(_, rate)| y(*rate))).collect();
    let labels = spread_out(&ends, 15.0);
    for (number, (points, (who, label, _, _, shape))) in series.iter().zip(SERIES).enumerate() {
        let mut path = String::new();
        for (tasks, rate) in points {
            let _ =
                write!(path, "{}{:.1} {:.1}", if path.is_empty() { "M" } else { "L" }, x(*tasks), y(*rate));
        }
        let own = if who == peers::OURS { " o" } else { "" };
        let _ = writeln!(svg, "<path class=\"p s{number}{own}\" d=\"{path}\"/>");
        for (tasks, rate) in points {
            let (x, y) = (x(*tasks), y(*rate));
            let _ = writeln!(
                svg,
                "<path class=\"s{number} l{number}\" transform=\"translate({x:.1} {y:.1})\" d=\"{shape}\"/>"
            );
        }
        let (x, y) = (left + PANEL + 12.0, labels[number] + 4.0);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" class=\"l{number}\">{label}</text>");
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least).unwrap_or(10.0);
    factor * power
}

/// Moves heights apart, from the highest down, until labels at them do not overlap.
fn spread_out(heights: &[f64], apart: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    let mut spread = heights.to_vec();
    for pair in order.windows(2) {
        spread[pair[1]] = spread[pair[1]].max(spread[pair[0]] + apart);
    }
    spread
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_lines_stand_at_round_numbers() {
        assert_eq!([1.0, 3.0, 70_000.0, 81_000.0].map(round_step), [1.0, 5.0, 100_000.0, 100_000.0]);
    }

    #[test]
    fn labels_do_not_overlap() {
        assert_eq!(spread_out(&[100.0, 104.0, 10.0, 108.0], 15.0), [100.0, 115.0, 10.0, 130.0]);
    }

    #[test]
    fn without_measurements_there_is_no_plot() {
        assert_eq!(throughput(&[], "a machine"), None);
    }
}
