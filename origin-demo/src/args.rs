//! Arguments, parsed by hand: four options do not need a library.
//!
//! Never reads the environment itself: the secret found there is handed in.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::outbox::Webhook;
use crate::shop::Settings;

/// What `--help` prints.
pub const USAGE: &str = "\
A small shop to put a caching proxy in front of.

Usage: origin-demo [OPTIONS]

  --listen ADDRESS         where to listen; port 0 takes a free one [127.0.0.1:9000]
  --data FILE              the shop's database, or :memory: [data/shop.db]
  --webhook-url URL        where edits are told (http only); without it they are kept, not sent
  --webhook-secret SECRET  whsec_<base64>; also read from VITRINE_WEBHOOK_SECRET
  --help                   this text
";

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// Print the usage and leave.
    Help,
    /// Open the shop.
    Open(Settings),
}

#[derive(Default)]
struct Given {
    listen: Option<String>,
    data: Option<String>,
    url: Option<String>,
    secret: Option<String>,
}

impl Command {
    /// Reads `arguments` (without the program's name); `secret` is the one of the environment,
    /// which `--webhook-secret` overrides.
    ///
    /// The error is a sentence for the terminal.
    pub fn parse(arguments: impl IntoIterator<Item = String>, secret: Option<&str>) -> Result<Self, String> {
        let mut given = Given::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if matches!(argument.as_str(), "--help" | "-h") {
                return Ok(Self::Help);
            }
            let (name, joined) = split(&argument);
            let place = given.place(name)?;
            let value = joined.or_else(|| arguments.next());
            *place = Some(value.ok_or_else(|| format!("{name} needs a value"))?);
        }
        given.settings(secret).map(Self::Open)
    }
}

/// Both `--name value` and `--name=value` are common.
fn split(argument: &str) -> (&str, Option<String>) {
    match argument.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (argument, None),
    }
}

impl Given {
    fn place(&mut self, name: &str) -> Result<&mut Option<String>, String> {
        match name {
            "--listen" => Ok(&mut self.listen),
            "--data" => Ok(&mut self.data),
            "--webhook-url" => Ok(&mut self.url),
            "--webhook-secret" => Ok(&mut self.secret),
            _ => Err(format!("unknown argument {name}")),
        }
    }

    fn settings(self, secret: Option<&str>) -> Result<Settings, String> {
        let listen = self.listen.as_deref().unwrap_or("127.0.0.1:9000");
        let listen: SocketAddr =
            listen.parse().map_err(|_| format!("--listen {listen}: write ADDRESS:PORT, such as 127.0.0.1:9000"))?;
        let secret = self.secret.as_deref().or(secret).unwrap_or_default();
        let webhook = match self.url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => Some(Webhook::new(url, secret).map_err(|e| e.to_string())?),
            None => None,
        };
        let data = PathBuf::from(self.data.unwrap_or_else(|| "data/shop.db".to_owned()));
        Ok(Settings { listen, data, webhook })
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    fn parse(line: &str) -> Result<Command, String> {
        Command::parse(line.split_whitespace().map(str::to_owned), Some("whsec_c2VjcmV0"))
    }

    #[test]
    fn defaults_and_both_spellings() {
        for (line, listen, data) in [
            ("", "127.0.0.1:9000", "data/shop.db"),
            ("--listen 127.0.0.1:0 --data :memory:", "127.0.0.1:0", ":memory:"),
            ("--listen=[::1]:80 --data=x.db", "[::1]:80", "x.db"),
        ] {
            let Ok(Command::Open(settings)) = parse(line) else {
                panic!("{line} was refused");
            };
            assert_eq!(settings.listen.to_string(), listen);
            assert_eq!(settings.data.to_str(), Some(data));
            assert!(settings.webhook.is_none());
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (line, told) in [
            ("--port 80", "unknown argument --port"),
            ("--listen", "--listen needs a value"),
            ("--listen localhost", "write ADDRESS:PORT"),
            ("--webhook-url https://x/", "http://"),
            ("--webhook-url http://x/ --webhook-secret abc", "whsec_"),
        ] {
            let complaint = parse(line).err().unwrap_or_default();
            assert!(complaint.contains(told), "{line}: {complaint}");
        }
    }

    #[test]
    fn the_environment_gives_the_secret() {
        let Ok(Command::Open(settings)) = parse("--webhook-url http://127.0.0.1:8080/webhooks/shop") else {
            panic!("refused");
        };
        assert!(settings.webhook.is_some());
    }
}
