//! What figures are made of: middles and shares of lists, CPU time of processes, and how much of the machine was taken by
//! others meanwhile. Shared with `examples/redis_figures`.

use std::io;
use std::path::Path;
use std::time::Duration;

/// A share of the machine, in percent, past which others' work is told.
const NOISE_PERCENT_MAX: u64 = 10;

/// The value below which a share of the sorted values lies.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    // A share of a length is within it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let place = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A part of a time in microseconds.
#[expect(clippy::cast_precision_loss, reason = "counts of some millions")]
pub(crate) fn micros_each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}

/// Times, sorted, as `p50, p99, max` in milliseconds.
pub(crate) fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let ms = |share| percentile(times, share).as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", ms(0.5), ms(0.99), ms(1.0))
}

/// CPU time of all threads of a process that run now, to some microseconds.
pub(crate) fn cpu(process: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let path = thread?.path().join("schedstat");
        // A thread may end between being listed and being read.
        nanoseconds += std::fs::read_to_string(path).ok().and_then(|text| first_number(&text)).unwrap_or_default();
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// What others did on this machine since a figure began.
pub(crate) struct Noise {
    began: Ticks,
}

/// Ticks of all cores: in all, at work, and at work for this process and its children.
#[derive(Clone, Copy, Default)]
struct Ticks {
    all: u64,
    busy: u64,
    own: u64,
}

impl Noise {
    pub(crate) fn begin() -> Noise {
        Noise { began: Ticks::now().unwrap_or_default() }
    }

    /// What others took of the machine.
    pub(crate) fn percent(&self) -> u64 {
        let now = Ticks::now().unwrap_or_default();
        let since = |of: fn(&Ticks) -> u64| of(&now).saturating_sub(of(&self.began));
        let others = since(|ticks| ticks.busy).saturating_sub(since(|ticks| ticks.own));
        others * 100 / since(|ticks| ticks.all).max(1)
    }

    /// A line where the machine was not our own; nothing where it was.
    pub(crate) fn tell(&self) {
        let percent = self.percent();
        if percent > NOISE_PERCENT_MAX {
            println!("  NOISY: others took {percent} % of the machine meanwhile; times are too long, repeat it alone");
        }
    }
}

impl Ticks {
    fn now() -> Option<Ticks> {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        let fields: Vec<u64> =
            text.lines().next()?.split_whitespace().skip(1).map_while(|word| word.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in user.
        let all: u64 = fields.iter().take(8).sum();
        let idle = fields.get(3)? + fields.get(4)?;
        Some(Ticks { all, busy: all - idle, own: own_ticks(Path::new("/proc"), std::process::id())? })
    }
}

/// Of this process, of its children that run, and of those that have ended.
fn own_ticks(processes: &Path, process: u32) -> Option<u64> {
    let mut own = 0;
    for entry in std::fs::read_dir(processes).ok()?.flatten() {
        // `self` and `thread-self` are this process once more.
        if entry.file_name().to_str().is_none_or(|name| name.parse::<u32>().is_err()) {
            continue;
        }
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((head, rest)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        if head.starts_with(&format!("{process} (")) {
            own += (11..=14).map(number).sum::<u64>();
        } else if number(1) == u64::from(process) {
            own += number(11) + number(12);
        }
    }
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_the_list() {
        let sorted: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 0.5), Duration::from_millis(51));
        assert_eq!(percentile(&sorted, 1.0), Duration::from_millis(100));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn ticks_are_those_of_the_process_and_its_children() {
        let processes = tempfile::tempdir().unwrap();
        for (process, stat) in [
            ("self", "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 12 30 100 1000 20 0 1 0 100 0 0"),
            ("7", "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 12 30 100 1000 20 0 1 0 100 0 0"),
            ("8", "8 (child) S 7 7 7 0 -1 4194560 1 0 0 0 1 2 9 9 20 0 1 0 100 0 0"),
            ("9", "9 (foreign) S 1 9 9 0 -1 4194560 1 0 0 0 50 50 0 0 20 0 1 0 100 0 0"),
        ] {
            let folder = processes.path().join(process);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("stat"), stat).unwrap();
        }
        assert_eq!(own_ticks(processes.path(), 7), Some(12 + 30 + 100 + 1000 + 1 + 2));
    }
}
