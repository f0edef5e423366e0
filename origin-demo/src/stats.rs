//! How often each kind of page was asked for and how many database queries that cost.
//!
//! The shop's own instruments (`/stats`, `/faults`) are not counted: looking must not change what
//! is looked at.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{Map, Value, json};

/// A kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    Home,
    List,
    Product,
    Categories,
    Category,
    Search,
    Login,
    Logout,
    Account,
    Orders,
    Profile,
    Basket,
    Checkout,
    Edit,
    Image,
    Style,
    Other,
}

const KINDS: [(PageKind, &str); 17] = [
    (PageKind::Home, "home"),
    (PageKind::List, "list"),
    (PageKind::Product, "product"),
    (PageKind::Categories, "categories"),
    (PageKind::Category, "category"),
    (PageKind::Search, "search"),
    (PageKind::Login, "login"),
    (PageKind::Logout, "logout"),
    (PageKind::Account, "account"),
    (PageKind::Orders, "orders"),
    (PageKind::Profile, "profile"),
    (PageKind::Basket, "basket"),
    (PageKind::Checkout, "checkout"),
    (PageKind::Edit, "edit"),
    (PageKind::Image, "image"),
    (PageKind::Style, "style"),
    (PageKind::Other, "other"),
];

impl PageKind {
    /// The kind of the page at `path`; none for what is not counted.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let mut segments = path.trim_start_matches('/').splitn(2, '/');
        let first = segments.next().unwrap_or_default();
        let rest = segments.next().unwrap_or_default();
        Some(match (first, rest) {
            ("stats" | "faults", _) => return None,
            ("", _) => Self::Home,
            ("products", "") => Self::List,
            ("products", _) => Self::Product,
            ("categories", "") => Self::Categories,
            ("categories", _) => Self::Category,
            ("search", "") => Self::Search,
            ("login", "") => Self::Login,
            ("logout", "") => Self::Logout,
            ("account", "") => Self::Account,
            ("account", "orders") => Self::Orders,
            ("account", "profile") => Self::Profile,
            ("basket", _) => Self::Basket,
            ("checkout", _) => Self::Checkout,
            ("edit", _) => Self::Edit,
            ("images", _) => Self::Image,
            ("style.css", "") => Self::Style,
            _ => Self::Other,
        })
    }
}

#[derive(Default)]
struct Figures {
    requests: AtomicU64,
    queries: AtomicU64,
}

/// The counters.
#[derive(Default)]
pub(crate) struct Stats([Figures; KINDS.len()]);

/// One line of the figures.
pub(crate) struct Line {
    pub(crate) page: &'static str,
    pub(crate) requests: u64,
    pub(crate) queries: u64,
}

impl Stats {
    pub(crate) fn request(&self, kind: PageKind) {
        self.0[kind as usize].requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn queries(&self, kind: PageKind, count: u32) {
        self.0[kind as usize].queries.fetch_add(count.into(), Relaxed);
    }

    pub(crate) fn reset(&self) {
        for figures in &self.0 {
            figures.requests.store(0, Relaxed);
            figures.queries.store(0, Relaxed);
        }
    }

    /// Every kind of page, then their sum as `total`.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = KINDS
            .iter()
            .zip(&self.0)
            .map(|((_, page), figures)| Line {
                page,
                requests: figures.requests.load(Relaxed),
                queries: figures.queries.load(Relaxed),
            })
            .collect();
        let requests = lines.iter().map(|line| line.requests).sum();
        let queries = lines.iter().map(|line| line.queries).sum();
        lines.push(Line { page: "total", requests, queries });
        lines
    }

    /// `{"pages": {"home": {"requests": 3, "queries": 27}, …}, "total": {…}}`
    pub(crate) fn json(&self) -> Map<String, Value> {
        let figures = |line: &Line| json!({ "requests": line.requests, "queries": line.queries });
        let lines = self.lines();
        let (total, pages) = lines.split_last().map_or((Value::Null, Map::new()), |(total, pages)| {
            (figures(total), pages.iter().map(|line| (line.page.to_owned(), figures(line))).collect())
        });
        let mut answer = Map::new();
        answer.insert("pages".to_owned(), Value::Object(pages));
        answer.insert("total".to_owned(), total);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS, PageKind, Stats};

    #[test]
    fn kinds_are_listed_in_their_own_order() {
        for (index, (kind, _)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, index);
        }
    }

    #[test]
    fn paths_have_kinds() {
        for (path, kind) in [
            ("/", Some(PageKind::Home)),
            ("/products", Some(PageKind::List)),
            ("/products/a", Some(PageKind::Product)),
            ("/categories/", Some(PageKind::Categories)),
            ("/categories/lamps", Some(PageKind::Category)),
            ("/account/", Some(PageKind::Account)),
            ("/account/orders", Some(PageKind::Orders)),
            ("/basket/add/a", Some(PageKind::Basket)),
            ("/style.css", Some(PageKind::Style)),
            ("/nowhere/at/all", Some(PageKind::Other)),
            ("/stats", None),
            ("/stats/reset", None),
            ("/faults", None),
        ] {
            assert_eq!(PageKind::of(path), kind, "{path}");
        }
    }

    #[test]
    fn totals_add_up_and_reset() {
        let stats = Stats::default();
        stats.request(PageKind::Home);
        stats.queries(PageKind::Home, 9);
        stats.queries(PageKind::List, 26);
        assert_eq!(stats.json()["total"]["queries"], 35);
        assert_eq!(stats.json()["pages"]["home"]["requests"], 1);
        stats.reset();
        assert_eq!(stats.json()["total"]["queries"], 0);
    }
}
