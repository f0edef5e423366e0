//! Where values stand in a picture, and how they are written.

/// The part of a picture's width or height that shows values, and which values.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    log: bool,
    /// Where zero stands on a scale of factors, which has no place for it: a step below the least.
    zero: f64,
    /// Where `low` and `high` are drawn.
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale that has these values, ascending, at its ends.
    pub(crate) fn over(values: &[f64], log: bool, from: f64, to: f64) -> Scale {
        let positive: Vec<f64> = values.iter().copied().filter(|value| *value > 0.0).collect();
        let (least, high) = (positive.first().copied().unwrap_or(1.0), values.last().copied().unwrap_or(1.0));
        let zero = least * least / positive.get(1).copied().unwrap_or(least * 10.0);
        let has_zero = positive.len() < values.len();
        let low = match (log, has_zero) {
            (true, true) => zero,
            (true, false) => least,
            (false, _) => values.first().copied().unwrap_or_default(),
        };
        Scale { low, high: if high > low { high } else { low + 1.0 }, log, zero, from, to }
    }

    /// A scale for what was measured: from zero, or over whole powers of ten, with the values that are marked on it.
    pub(crate) fn around(values: &[f64], log: bool, from: f64, to: f64) -> (Scale, Vec<f64>) {
        let positive = values.iter().copied().filter(|value| *value > 0.0);
        let (least, most) =
            positive.fold((f64::MAX, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        let marks = match () {
            () if most <= 0.0 => vec![0.0, 1.0],
            () if log => powers(least, most),
            () => steps(most),
        };
        (Scale::over(&marks, log, from, to), marks)
    }

    /// Where a value stands.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = if self.log {
            let value = if value > 0.0 { value } else { self.zero };
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + (self.to - self.from) * share
    }
}

/// The powers of ten that enclose what was measured; with what lies between them where these are few.
fn powers(least: f64, most: f64) -> Vec<f64> {
    let (mut power, top) = (10_f64.powf(least.log10().floor()), 10_f64.powf(most.log10().ceil()));
    let between: &[f64] = if top / power > 150.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let mut marks = Vec::new();
    while power <= top * 1.001 {
        marks.extend(between.iter().map(|factor| factor * power).filter(|mark| *mark <= top * 1.001));
        power *= 10.0;
    }
    // What is beyond the values on both sides but one shows nothing.
    let first = marks.iter().rposition(|mark| *mark <= least).unwrap_or(0);
    let last = marks.iter().position(|mark| *mark >= most).unwrap_or(marks.len() - 1);
    marks[first..=last.max(first + 1).min(marks.len() - 1)].to_vec()
}

/// Zero and some four round steps, the last of them past what was measured.
fn steps(most: f64) -> Vec<f64> {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| most / step <= 5.0);
    let step = step.unwrap_or(most);
    let mut marks = vec![0.0];
    while marks.last().is_some_and(|last| *last < most) {
        marks.push(super::curve::number(marks.len() as u64) * step);
    }
    marks
}

/// A value as a reader wants it: three figures, thousands apart.
pub(crate) fn shown(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) =
        text.split_once('.').map_or((&*text, String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let grouped: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    grouped.join(",") + &rest
}

/// What has grown, as a reader wants it: nothing behind whole numbers.
pub(crate) fn plain(value: f64) -> String {
    if value.fract() == 0.0 { shown(value).split('.').next().unwrap_or_default().into() } else { shown(value) }
}

/// A mark of a scale, as short as it can be: `30k`, `1M`, `0.5`.
pub(crate) fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        _ if value >= 1e6 => (value / 1e6, "M"),
        _ if value >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.3}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn factors_are_steps_on_a_log_scale_and_zero_stands_a_step_below() {
        let scale = Scale::over(&[0.0, 10.0, 100.0, 1000.0], true, 0.0, 300.0);
        for (value, place) in [(0.0, 0.0), (10.0, 100.0), (100.0, 200.0), (1000.0, 300.0)] {
            assert!(close(scale.place(value), place), "{value}: {}", scale.place(value));
        }
        let linear = Scale::over(&[0.0, 10.0], false, 200.0, 100.0);
        assert!(close(linear.place(2.5), 175.0));
    }

    #[test]
    fn marks_enclose_what_was_measured() {
        type Row = (&'static [f64], bool, &'static [f64]);
        let table: &[Row] = &[
            (&[3.0, 17.0], false, &[0.0, 5.0, 10.0, 15.0, 20.0]),
            (&[0.0], false, &[0.0, 1.0]),
            (&[0.3, 250.0], true, &[0.1, 1.0, 10.0, 100.0, 1000.0]),
            (&[30.0, 90.0], true, &[20.0, 50.0, 100.0]),
        ];
        for (values, log, expected) in table {
            let (_, marks) = Scale::around(values, *log, 0.0, 1.0);
            let alike = marks.len() == expected.len() && marks.iter().zip(*expected).all(|(a, b)| close(*a, *b));
            assert!(alike, "{values:?}: {marks:?}");
        }
    }

    #[test]
    fn values_are_written_for_readers() {
        for (value, text) in
            [(0.0, "0"), (0.1234, "0.123"), (9.876, "9.88"), (12.34, "12.3"), (1_234_567.0, "1,234,567")]
        {
            assert_eq!(shown(value), text);
        }
        for (value, text) in [(64.0, "64"), (0.25, "0.250"), (1000.0, "1,000")] {
            assert_eq!(plain(value), text);
        }
        for (value, text) in
            [(0.0, "0"), (0.5, "0.5"), (999.0, "999"), (30_000.0, "30k"), (1e6, "1M"), (2500.0, "2.5k")]
        {
            assert_eq!(short(value), text);
        }
    }
}
