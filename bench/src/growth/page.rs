//! Where curves are kept: their figures in `bench/curves/`, their pictures in `docs/performance/`, and both, between marks, in
//! `docs/performance.md`, whose own words stay.

use super::axis::{plain, shown};
use super::curve::Curve;
use super::svg;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

const CURVES: &str = "bench/curves";
const PICTURES: &str = "docs/performance";
const PAGE: &str = "docs/performance.md";

/// Keeps a curve that was measured.
pub(crate) fn keep(curve: &Curve) -> io::Result<()> {
    if !Path::new(PAGE).exists() {
        return Err(io::Error::other(format!("{PAGE} is not here: run it in the repository's root")));
    }
    fs::create_dir_all(CURVES)?;
    let text = serde_json::to_string_pretty(curve).map_err(io::Error::other)?;
    fs::write(Path::new(CURVES).join(format!("{}.json", curve.name)), text + "\n")?;
    draw(curve)
}

/// Draws what was kept of a curve once more.
pub(crate) fn redraw(name: &str) -> io::Result<()> {
    let text = fs::read(Path::new(CURVES).join(format!("{name}.json")))?;
    draw(&serde_json::from_slice(&text).map_err(io::Error::other)?)
}

fn draw(curve: &Curve) -> io::Result<()> {
    fs::create_dir_all(PICTURES)?;
    fs::write(Path::new(PICTURES).join(format!("{}.svg", curve.name)), svg::picture(curve))?;
    let page = fs::read_to_string(PAGE)?;
    let page = between_marks(&page, &curve.name, &section(curve)).ok_or_else(|| {
        let name = &curve.name;
        io::Error::other(format!("{PAGE} has no marks <!-- growth {name} --> and <!-- /growth {name} -->"))
    })?;
    fs::write(PAGE, page)
}

/// The page with other words between a curve's marks.
fn between_marks(page: &str, name: &str, section: &str) -> Option<String> {
    let (before, rest) = page.split_once(&format!("<!-- growth {name} -->\n"))?;
    let end = format!("<!-- /growth {name} -->");
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}<!-- growth {name} -->\n{section}{end}{after}"))
}

/// Picture, occasion and table of a curve.
pub(crate) fn section(curve: &Curve) -> String {
    let mut out = format!(
        "![{}](performance/{name}.svg)\n\n`vitrine-bench growth {name}`, {}, {}; others took {} % of the machine.\n\n",
        curve.title,
        curve.date,
        curve.machine,
        curve.others_percent,
        name = curve.name,
    );
    let lines = || curve.panels.iter().flat_map(|panel| panel.lines.iter().map(move |line| (panel, line)));
    let _ = write!(out, "| {} |", curve.x.label);
    for (panel, line) in lines() {
        let name = if panel.lines.len() > 1 { format!("{}: {}", panel.label, line.name) } else { panel.label.clone() };
        let _ = write!(out, " {name} |");
    }
    let _ = writeln!(out, "\n|---:|{}", "---:|".repeat(lines().count()));
    for x in curve.xs() {
        let _ = write!(out, "| {} |", plain(x));
        for (_, line) in lines() {
            let _ = write!(out, " {} |", line.at(x).map(shown).unwrap_or_default());
        }
        out.push('\n');
    }
    for (place, row) in curve.table.iter().enumerate() {
        let _ = writeln!(out, "{}| {} |", if place == 0 { "\n" } else { "" }, row.join(" | "));
        if place == 0 {
            let _ = writeln!(out, "|---|{}", "---:|".repeat(row.len() - 1));
        }
    }
    out
}

/// The day and the machine of a measurement.
pub(crate) fn occasion() -> (String, String) {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string()).unwrap_or_default()
    };
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let machine = format!("{} cores of {model}, Linux {}", said("nproc", "--all"), said("uname", "-r"));
    (said("date", "+%F"), machine)
}

#[cfg(test)]
mod tests {
    use super::super::curve::Line;
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_of_a_curve_changes() {
        let page = "words\n<!-- growth a -->\nold\n<!-- /growth a -->\nmore\n<!-- growth b -->\n<!-- /growth b -->\n";
        let written = between_marks(page, "a", "new\n").unwrap();
        assert_eq!(written, page.replace("old", "new"));
        assert_eq!(between_marks(page, "c", "new\n"), None);
        assert_eq!(between_marks("<!-- growth c -->\n", "c", "new\n"), None, "no end");
    }

    #[test]
    fn a_table_has_a_row_for_each_step_and_leaves_out_what_was_not_measured() {
        let curve = Curve::new("a", "A", "pages")
            .panel("us", false, vec![Line::of("p50", [(1.0, 2.5), (10.0, 1500.0)]), Line::of("p99", [(10.0, 12.0)])])
            .panel("MiB", false, vec![Line::of("", [(1.0, 0.5)])]);
        let table = section(&curve);
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(
            rows,
            [
                "| pages | us: p50 | us: p99 | MiB |",
                "|---:|---:|---:|---:|",
                "| 1 | 2.50 |  | 0.500 |",
                "| 10 | 1,500 | 12.0 |  |"
            ]
        );
    }
}
