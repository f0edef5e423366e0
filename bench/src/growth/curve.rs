//! A curve: what was measured over one quantity that grows, with the words that its picture and its table need.

use serde::{Deserialize, Serialize};

/// One picture: panels that share what grows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Curve {
    /// Of its files, and of its marks in `docs/performance.md`.
    pub(crate) name: String,
    pub(crate) title: String,
    /// What grows.
    pub(crate) x: Axis,
    pub(crate) panels: Vec<Panel>,
    /// Rows of a further table, the first its head; none where there is none.
    #[serde(default)]
    pub(crate) table: Vec<Vec<String>>,
    /// The day it was taken, as `2026-11-29`; empty until then.
    pub(crate) date: String,
    pub(crate) machine: String,
    /// What others took of the machine meanwhile.
    pub(crate) others_percent: u64,
}

/// What grows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Axis {
    /// With its unit.
    pub(crate) label: String,
    pub(crate) log: bool,
}

/// Lines of one quantity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Panel {
    /// With its unit.
    pub(crate) label: String,
    pub(crate) log: bool,
    pub(crate) lines: Vec<Line>,
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Ascending.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Curve {
    /// A curve without points over something that grows by factors.
    pub(crate) fn new(name: &str, title: &str, x: &str) -> Curve {
        Curve {
            name: name.into(),
            title: title.into(),
            x: Axis { label: x.into(), log: true },
            panels: Vec::new(),
            table: Vec::new(),
            date: String::new(),
            machine: String::new(),
            others_percent: 0,
        }
    }

    /// The same over something that grows by steps.
    #[must_use]
    pub(crate) fn by_steps(mut self) -> Curve {
        self.x.log = false;
        self
    }

    /// With a further panel.
    #[must_use]
    pub(crate) fn panel(mut self, label: &str, log: bool, lines: Vec<Line>) -> Curve {
        self.panels.push(Panel { label: label.into(), log, lines });
        self
    }

    /// Every value of what grows, once, ascending.
    pub(crate) fn xs(&self) -> Vec<f64> {
        let points = self.panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
        let mut xs: Vec<f64> = points.map(|(x, _)| *x).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        xs
    }
}

impl Line {
    /// A line through these points.
    pub(crate) fn of(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Line {
        Line { name: name.into(), points: points.into_iter().collect() }
    }

    /// What was measured where `x` is what has grown.
    pub(crate) fn at(&self, x: f64) -> Option<f64> {
        self.points.iter().find(|(own, _)| own.total_cmp(&x).is_eq()).map(|(_, y)| *y)
    }
}

/// A count as what grows.
#[expect(clippy::cast_precision_loss, reason = "some gigabytes at most")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}
