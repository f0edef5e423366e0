//! The ways in which purge clients say what is to go: each a dialect of its own, spoken only where it is switched on.
//!
//! A request is read once, by the reader of the one dialect that it is in ([`reading`]); a field of another dialect on it is
//! refused, because a purge of something else than was meant is worse than none. All of it is pure.

mod answer;
mod cloudflare;
mod drupal;
mod fastly;
mod fields;
mod magento;
mod plain;
mod reading;
mod souin;
mod tag_shape;
mod url_shape;
mod varnish;

pub(super) use answer::refusal;
pub(super) use reading::{Asked, NotUnderstood, authorize, read, read_call};

use http::Method;

/// A way of purging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One URL, or tags in `Surrogate-Key`, `Cache-Tag` or `xkey`.
    Plain,
    /// Proxy Cache Purge: `X-Purge-Method`.
    WordPress,
    /// `FOSHttpCache` for Varnish: BAN and PURGEKEYS.
    FosHttpCache,
    /// `FOSHttpCache` for Symfony's own cache: PURGETAGS and `Clear-Cache`.
    Symfony,
    /// Magento 2: `X-Magento-Tags-Pattern`.
    Magento,
    /// Drupal: BAN by tags or path, URIBAN.
    Drupal,
    /// Shopware 6: BAN of everything.
    Shopware,
    /// API Platform: `ApiPlatform-Ban-Regex`.
    ApiPlatform,
    /// Fastly's API, by its key.
    Fastly,
    /// Cloudflare's API, by its token.
    Cloudflare,
    /// Souin's API.
    Souin,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 11] = [
        Dialect::Plain,
        Dialect::WordPress,
        Dialect::FosHttpCache,
        Dialect::Symfony,
        Dialect::Magento,
        Dialect::Drupal,
        Dialect::Shopware,
        Dialect::ApiPlatform,
        Dialect::Fastly,
        Dialect::Cloudflare,
        Dialect::Souin,
    ];

    /// Its name, as the configuration has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Dialect::Plain => "plain",
            Dialect::WordPress => "wordpress",
            Dialect::FosHttpCache => "foshttpcache",
            Dialect::Symfony => "symfony",
            Dialect::Magento => "magento",
            Dialect::Drupal => "drupal",
            Dialect::Shopware => "shopware",
            Dialect::ApiPlatform => "api-platform",
            Dialect::Fastly => "fastly",
            Dialect::Cloudflare => "cloudflare",
            Dialect::Souin => "souin",
        }
    }

    /// The dialect of that name.
    pub fn parse(name: &str) -> Option<Dialect> {
        Dialect::ALL.into_iter().find(|own| own.as_str() == name)
    }

    /// Whether it says anything with this method.
    fn speaks(self, method: &Method) -> bool {
        let methods: &[&str] = match self {
            Dialect::Plain | Dialect::WordPress | Dialect::Magento | Dialect::Fastly | Dialect::Souin => &["PURGE"],
            Dialect::FosHttpCache => &["BAN", "PURGEKEYS"],
            Dialect::Symfony => &["PURGE", "PURGETAGS"],
            Dialect::Drupal => &["BAN", "URIBAN"],
            Dialect::Shopware | Dialect::ApiPlatform => &["BAN"],
            Dialect::Cloudflare => &[],
        };
        methods.contains(&method.as_str())
    }
}

/// Which dialects are spoken, and what those with an API of their own need.
#[derive(Clone, Debug)]
pub struct Dialects {
    /// Those that are switched on.
    pub on: Box<[Dialect]>,
    /// Fastly's key, and the service that is ours where only one is.
    pub fastly: Option<Api>,
    /// Cloudflare's token, and the zone that is ours where only one is.
    pub cloudflare: Option<Api>,
    /// Where Souin's API is.
    pub souin_base: Box<str>,
}

/// What an API's callers show as it is; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiSecret(pub Box<[u8]>);

impl std::fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiSecret(…)")
    }
}

/// What an API is used with.
#[derive(Clone, Debug)]
pub struct Api {
    /// What its callers show.
    pub secret: ApiSecret,
    /// The service or zone; none: any.
    pub id: Option<Box<str>>,
}

/// Where Souin has its API if nothing else is said.
pub const SOUIN_BASE: &str = "/souin-api/souin";

impl Default for Dialects {
    fn default() -> Dialects {
        Dialects {
            on: [Dialect::Plain, Dialect::WordPress].into(),
            fastly: None,
            cloudflare: None,
            souin_base: SOUIN_BASE.into(),
        }
    }
}

impl Dialects {
    /// Whether a dialect is spoken. One that needs a secret is not without it.
    fn speaks(&self, dialect: Dialect) -> bool {
        let has_secret = match dialect {
            Dialect::Fastly => self.fastly.is_some(),
            Dialect::Cloudflare => self.cloudflare.is_some(),
            _ => true,
        };
        has_secret && self.on.contains(&dialect)
    }

    /// Refuses a method that no dialect speaks which is spoken here.
    pub(super) fn check_method(&self, method: &Method) -> Result<(), NotUnderstood> {
        let is_spoken = Dialect::ALL.into_iter().any(|dialect| self.speaks(dialect) && dialect.speaks(method));
        if is_spoken { Ok(()) } else { Err(NotUnderstood::Method(method.clone())) }
    }

    /// The dialect whose API a request that is no PURGE is for; of dialects that are spoken.
    pub(super) fn api(&self, method: &Method, path: &str) -> Option<Dialect> {
        let is_for = |dialect: &Dialect| match dialect {
            Dialect::Cloudflare => cloudflare::zone(path).is_some(),
            Dialect::Fastly => *method == Method::POST && fastly::call(path).is_some(),
            Dialect::Souin => souin::below(path, &self.souin_base).is_some(),
            _ => false,
        };
        [Dialect::Cloudflare, Dialect::Fastly, Dialect::Souin]
            .into_iter()
            .find(|dialect| self.speaks(*dialect) && is_for(dialect))
    }
}
