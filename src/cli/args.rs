//! Every command and its arguments. Help, completions and man pages are made from this definition.

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// A caching reverse proxy for storefronts, with exact purges.
///
/// `vitrine serve` runs the proxy. All other commands but `check` speak to the admin API of a running one, whose address
/// and token they read from the same file.
#[derive(Debug, Parser)]
#[command(name = "vitrine", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.")]
pub struct Arguments {
    /// The configuration
    #[arg(long, global = true, value_name = "FILE", default_value = "proxy.yaml", display_order = 900)]
    pub config: PathBuf,
    /// Answer in JSON, for machines
    #[arg(long, global = true, display_order = 901)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the proxy until it is told to stop
    Serve,
    /// Say what is wrong with the configuration, or show the rules it makes
    Check(Check),
    /// Show caches, hit ratios, ledger and configuration of the running proxy
    Status,
    /// Throw away everything that is cached, or one cache
    Clear(Clear),
    /// Ask for pages ahead of visitors, so that they find them cached
    Warm(Warm),
    /// Invalidate what an edit has made wrong
    Purge(Purge),
    /// Tell under which route, key and tags a URL falls, what is stored, what would happen and why
    Explain(Explain),
    /// Show who invalidated what, when and why
    Ledger(Ledger),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the man page, or write all of them into a folder
    #[command(hide = true)]
    Man(Man),
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The configuration as it was: also say which routes the new one makes cacheable, or shares more widely
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
}

/// Arguments of `clear`.
#[derive(Debug, Args)]
pub struct Clear {
    /// Only this cache
    #[arg(long, value_name = "NAME", value_parser = ["default", "products", "sessions"])]
    pub cache: Option<String>,
}

/// Arguments of `warm`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["sitemap", "list"]))]
pub struct Warm {
    /// A sitemap or sitemap index; a URL is fetched through the proxy as well
    #[arg(long, value_name = "URL|FILE", value_parser = NonEmptyStringValueParser::new())]
    pub sitemap: Vec<String>,
    /// A file with one URL or path a line; - is standard input
    #[arg(long, value_name = "FILE|-")]
    pub list: Option<PathBuf>,
    /// Requests under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: u16,
    /// Requests a second, at most; without it as many as the origin answers
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// Where the proxy answers, such as `http://127.0.0.1:8080`; without it the configuration's first address
    #[arg(long, value_name = "URL")]
    pub base: Option<http::Uri>,
}

/// Arguments of `purge`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(
    ["url", "tag", "prefix", "pattern", "event", "delivery", "cache", "all"]
))]
pub struct Purge {
    /// One URL in all its variants; without a query, with every query
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub url: Option<String>,
    /// Everything that bears this tag; may be repeated
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub tag: Vec<String>,
    /// Every path that begins so
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    pub prefix: Option<String>,
    /// Every path that this glob matches: * within a segment, ** across
    #[arg(long, value_name = "GLOB", value_parser = NonEmptyStringValueParser::new())]
    pub pattern: Option<String>,
    /// What the configuration's rule for this event lets go
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub event: Option<String>,
    /// The event's data
    #[arg(long, value_name = "JSON", requires = "event", value_parser = json)]
    // A missing event is not told where another scope conflicts with it.
    #[arg(conflicts_with_all = ["url", "tag", "prefix", "pattern", "delivery", "cache", "all"])]
    pub data: Option<serde_json::Value>,
    /// What a webhook that `vitrine ledger --deliveries` shows asks for, by the rules of now
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub delivery: Option<u64>,
    /// One of the caches
    #[arg(long, value_name = "NAME", value_parser = ["default", "products", "sessions"])]
    pub cache: Option<String>,
    /// Everything
    #[arg(long)]
    pub all: bool,
    /// Make it stale instead of gone: served while it is fetched anew
    #[arg(long)]
    pub soft: bool,
    /// For how long what is fetched afterwards is not kept, such as 2s (a lagging replica may still say the old)
    #[arg(long, value_name = "DURATION", value_parser = NonEmptyStringValueParser::new())]
    pub settle: Option<String>,
    /// How long to wait until every proxy has let go, such as 10s; the configuration says it otherwise
    #[arg(long, value_name = "DURATION", value_parser = NonEmptyStringValueParser::new())]
    pub wait: Option<String>,
    /// Only say what would be invalidated
    #[arg(long)]
    pub dry_run: bool,
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A URL, or a path of the first configured host, else of the first address
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub url: String,
    /// The Cookie field that the request would bear
    #[arg(long, value_name = "COOKIES")]
    pub cookie: Option<String>,
    /// The Accept-Language field that the request would bear
    #[arg(long, value_name = "LANGUAGES")]
    pub accept_language: Option<String>,
}

/// Arguments of `ledger`.
#[derive(Debug, Args)]
pub struct Ledger {
    /// Go on showing records as they come
    #[arg(long)]
    pub follow: bool,
    /// Show webhooks as they came and what became of them, in place of records
    #[arg(long, conflicts_with = "follow")]
    pub deliveries: bool,
    /// Show this one webhook, with its body
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["follow", "deliveries"])]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub delivery: Option<u64>,
    /// Show this many of the newest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=1_000))]
    pub limit: u64,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write vitrine.1 and a page for each command here
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn typed(words: &str) -> Result<Arguments, ErrorKind> {
        Arguments::try_parse_from(words.split(' ')).map_err(|error| error.kind())
    }

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_can_be_typed_is_understood() {
        for words in [
            "vitrine serve",
            "vitrine check --config other.yaml",
            "vitrine --config other.yaml status --json",
            "vitrine clear",
            "vitrine clear --cache sessions",
            "vitrine warm --sitemap http://shop.example/sitemap.xml --concurrency 64 --rate 10",
            "vitrine warm --sitemap a.xml --sitemap b.xml --list - --base http://127.0.0.1:8080",
            "vitrine purge --url /a --soft --settle 2s --dry-run",
            "vitrine purge --tag a --tag b",
            "vitrine purge --event product.updated --data {}",
            "vitrine purge --all --json",
            "vitrine explain /a --cookie currency=EUR --accept-language de",
            "vitrine ledger --follow --limit 0",
            "vitrine ledger --deliveries --limit 5",
            "vitrine ledger --delivery 7",
            "vitrine purge --delivery 7 --dry-run",
            "vitrine completions zsh",
            "vitrine man --out doc",
        ] {
            assert!(typed(words).is_ok(), "{words}: {:?}", typed(words));
        }
        let arguments = typed("vitrine status").unwrap();
        assert_eq!((arguments.config.to_str(), arguments.json), (Some("proxy.yaml"), false));
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for (words, kind) in [
            ("vitrine", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("vitrine top", ErrorKind::InvalidSubcommand),
            ("vitrine clear --cache prodcuts", ErrorKind::InvalidValue),
            ("vitrine clear everything", ErrorKind::UnknownArgument),
            ("vitrine warm", ErrorKind::MissingRequiredArgument),
            ("vitrine warm --list a --concurrency 0", ErrorKind::ValueValidation),
            ("vitrine warm --list a --concurrency 65", ErrorKind::ValueValidation),
            ("vitrine warm --list a --rate 0", ErrorKind::ValueValidation),
            ("vitrine purge", ErrorKind::MissingRequiredArgument),
            ("vitrine purge --soft", ErrorKind::MissingRequiredArgument),
            ("vitrine purge --url /a --tag b", ErrorKind::ArgumentConflict),
            ("vitrine purge --all --cache products", ErrorKind::ArgumentConflict),
            ("vitrine purge --tag a --data {}", ErrorKind::ArgumentConflict),
            ("vitrine purge --event a --data {", ErrorKind::ValueValidation),
            ("vitrine purge --url ", ErrorKind::InvalidValue),
            ("vitrine explain", ErrorKind::MissingRequiredArgument),
            ("vitrine ledger --limit 1001", ErrorKind::ValueValidation),
            ("vitrine ledger --deliveries --follow", ErrorKind::ArgumentConflict),
            ("vitrine ledger --delivery 0", ErrorKind::ValueValidation),
            ("vitrine purge --delivery 7 --data {}", ErrorKind::ArgumentConflict),
            ("vitrine purge --delivery 7 --tag a", ErrorKind::ArgumentConflict),
            ("vitrine ledger --limit -1", ErrorKind::UnknownArgument),
            ("vitrine completions tcsh", ErrorKind::InvalidValue),
        ] {
            assert_eq!(typed(words).err(), Some(kind), "{words}");
        }
    }
}
