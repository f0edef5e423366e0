//! A curve as a picture: SVG without a background, in colours that can be read on white and on a dark page.

use super::axis::{Scale, short};
use super::curve::{Curve, Line, Panel};
use std::fmt::Write;

const WIDTH: f64 = 760.0;
/// Where lines begin and end.
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 24.0;
const TITLE_HEIGHT: f64 = 34.0;
/// Of a panel: its label and legend, its lines, the marks below them.
const HEAD_HEIGHT: f64 = 34.0;
const LINES_HEIGHT: f64 = 190.0;
const FOOT_HEIGHT: f64 = 44.0;
/// Marks that stand closer than this would be written over each other.
const MARKS_APART: f64 = 34.0;
/// Text and grid.
const INK: &str = "#767676";
/// Lines, in their order.
const COLOURS: [&str; 5] = ["#2f7fd8", "#cc6a1b", "#2e9448", "#a45bd0", "#c4453f"];

/// The picture of a curve.
pub(crate) fn picture(curve: &Curve) -> String {
    let panel_height = HEAD_HEIGHT + LINES_HEIGHT + FOOT_HEIGHT;
    let height = TITLE_HEIGHT + panel_height * super::curve::number(curve.panels.len() as u64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"{INK}\">\n<title>{}</title>\n",
        escaped(&curve.title)
    );
    text(&mut out, LEFT, 20.0, "start", "font-size=\"15\" font-weight=\"600\"", &curve.title);
    let mut top = TITLE_HEIGHT;
    for panel in &curve.panels {
        draw(&mut out, curve, panel, top);
        top += panel_height;
    }
    out + "</svg>\n"
}

fn draw(out: &mut String, curve: &Curve, panel: &Panel, top: f64) {
    let (lines_top, lines_bottom) = (top + HEAD_HEIGHT, top + HEAD_HEIGHT + LINES_HEIGHT);
    text(out, LEFT, top + 12.0, "start", "font-weight=\"600\"", &panel.label);
    legend(out, panel, top + 27.0);
    let xs = curve.xs();
    let across = Scale::over(&xs, curve.x.log, LEFT, RIGHT);
    let ys: Vec<f64> = panel.lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).collect();
    let (up, marks) = Scale::around(&ys, panel.log, lines_bottom, lines_top);
    for mark in marks {
        let y = up.place(mark);
        rule(out, (LEFT, y), (RIGHT, y));
        text(out, LEFT - 8.0, y + 4.0, "end", "", &short(mark));
    }
    let mut last = f64::MIN;
    for x in xs {
        let place = across.place(x);
        if place - last >= MARKS_APART {
            rule(out, (place, lines_bottom), (place, lines_bottom + 5.0));
            text(out, place, lines_bottom + 18.0, "middle", "", &short(x));
            last = place;
        }
    }
    text(out, f64::midpoint(LEFT, RIGHT), lines_bottom + 35.0, "middle", "", &curve.x.label);
    for (number, line) in panel.lines.iter().enumerate() {
        let places: Vec<(f64, f64)> = line.points.iter().map(|(x, y)| (across.place(*x), up.place(*y))).collect();
        trace(out, &places, COLOURS[number % COLOURS.len()], is_dashed(line));
        dots(out, &places, COLOURS[number % COLOURS.len()]);
    }
}

/// What is seldom exceeded is drawn apart from what is usual.
fn is_dashed(line: &Line) -> bool {
    line.name.contains("p99")
}

fn legend(out: &mut String, panel: &Panel, y: f64) {
    let mut x = LEFT;
    // One line needs no name but the panel's.
    for (number, line) in panel.lines.iter().enumerate().filter(|_| panel.lines.len() > 1) {
        let colour = COLOURS[number % COLOURS.len()];
        trace(out, &[(x, y - 4.0), (x + 22.0, y - 4.0)], colour, is_dashed(line));
        text(out, x + 28.0, y, "start", "", &line.name);
        x += 44.0 + 6.6 * super::curve::number(line.name.len() as u64);
    }
}

fn trace(out: &mut String, places: &[(f64, f64)], colour: &str, dashed: bool) {
    let dash = if dashed { " stroke-dasharray=\"6 4\"" } else { "" };
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
        path.join(" ")
    );
}

fn dots(out: &mut String, places: &[(f64, f64)], colour: &str) {
    for (x, y) in places {
        let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
    }
}

fn rule(out: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        out,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{INK}\" stroke-opacity=\"0.35\"/>"
    );
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, more: &str, text: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {more}>{}</text>", escaped(text));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2: relative luminance and contrast ratio.
    fn contrast(a: &str, b: &str) -> f64 {
        let luminance = |colour: &str| {
            let channel = |at: usize| {
                let share = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_lines_can_be_read_on_white_and_on_a_dark_page() {
        for page in ["#ffffff", "#0d1117"] {
            assert!(contrast(INK, page) > 4.0, "{page}");
            for colour in COLOURS {
                assert!(contrast(colour, page) > 3.0, "{colour} on {page}: {}", contrast(colour, page));
            }
        }
    }

    #[test]
    fn a_picture_has_its_lines_in_its_frame_and_its_texts_escaped() {
        let points = [(0.0, 1.0), (10.0, 20.0), (1000.0, 3.0)];
        let curve = Curve::new("a", "a < b", "purges/s").panel(
            "us",
            true,
            vec![Line::of("p50", points), Line::of("p99", points.map(|(x, y)| (x, y * 2.0)))],
        );
        let picture = picture(&curve);
        assert!(picture.contains("a &lt; b") && picture.contains(">purges/s<") && picture.contains("stroke-dasharray"));
        let lines: Vec<&str> = picture.lines().filter(|line| line.starts_with("<circle")).collect();
        assert_eq!(lines.len(), 6);
        for line in lines {
            let value =
                |name: &str| line.split(name).nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap();
            let (x, y) = (value("cx=\""), value("cy=\""));
            assert!((LEFT..=RIGHT).contains(&x), "{line}");
            assert!((TITLE_HEIGHT + HEAD_HEIGHT..=TITLE_HEIGHT + HEAD_HEIGHT + LINES_HEIGHT).contains(&y), "{line}");
        }
    }
}
