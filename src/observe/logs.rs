//! The program's own log: what parts say through `tracing`, on standard error, through a spool so that a terminal or a
//! pipe that does not take it stops nobody.

use super::Format;
use super::spool::Spool;
use std::io::{self, Write};
use std::sync::Arc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Which messages are logged, as in `info,vitrine::store=debug`; the first of these that is set counts.
const FILTERS: [&str; 2] = ["VITRINE_LOG", "RUST_LOG"];

/// The log as long as it is held; dropping it waits a short time for the last lines.
pub struct Logs(Arc<Spool>);

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logs")
    }
}

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter in the environment cannot be read.
    #[error("{variable}={value:?} is no log filter ({cause}); write for example {variable}=info,vitrine::store=debug")]
    Filter {
        /// The environment's variable.
        variable: &'static str,
        /// What it holds.
        value: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The thread could not be started.
    #[error("the log's thread could not be started: {0}")]
    Thread(#[from] io::Error),
    /// Something else of this process logs already.
    #[error("a log is running already")]
    Running,
}

impl Logs {
    /// Starts logging for the whole process; `variable` reads the environment.
    pub fn start(format: Format, variable: impl Fn(&str) -> Option<String>) -> Result<Logs, LogsError> {
        let filter = filter(variable)?;
        let spool = Arc::new(Spool::start(io::stderr(), Arc::default())?);
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            // No colours: what a request holds must not steer a terminal, and journals want plain text.
            .with_ansi(false)
            .with_writer(Lines(spool.clone()));
        let started = match format {
            Format::Json => builder.json().flatten_event(true).try_init(),
            Format::Logfmt => builder.try_init(),
        };
        started.map_err(|_| LogsError::Running)?;
        Ok(Logs(spool))
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn filter(variable: impl Fn(&str) -> Option<String>) -> Result<EnvFilter, LogsError> {
    let set = FILTERS.into_iter().find_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)));
    let Some((name, value)) = set else { return Ok(EnvFilter::new("info")) };
    EnvFilter::try_new(&value).map_err(|cause| LogsError::Filter { variable: name, value, cause: cause.to_string() })
}

/// Hands each event's lines to the spool.
struct Lines(Arc<Spool>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Writing<'a>;

    fn make_writer(&'a self) -> Writing<'a> {
        Writing(&self.0)
    }
}

struct Writing<'a>(&'a Spool);

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_variable_goes_before_the_common_one() {
        let environment = |name: &str| (name == "VITRINE_LOG").then(|| "debug".to_string()).or(Some("warn".into()));
        assert_eq!(filter(environment).unwrap().to_string(), "debug");
        assert_eq!(filter(|_| Some("warn".into())).unwrap().to_string(), "warn");
        assert_eq!(filter(|_| None).unwrap().to_string(), "info");
        assert_eq!(filter(|_| Some(String::new())).unwrap().to_string(), "info");
    }

    #[test]
    fn a_filter_that_is_none_is_shown_with_its_variable() {
        let error = filter(|name| (name == "RUST_LOG").then(|| "info,=".to_string())).unwrap_err().to_string();
        assert!(error.starts_with("RUST_LOG=\"info,=\" is no log filter"), "{error}");
    }
}
