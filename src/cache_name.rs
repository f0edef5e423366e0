//! The three named caches. Their number is fixed: tables, key families and metric labels are made from them.

use std::fmt;

/// One of the three caches a rule can store in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CacheName {
    /// What no rule puts elsewhere.
    Default,
    /// Product pages.
    Products,
    /// Signed-in visitors' own pages.
    Sessions,
}

impl CacheName {
    /// All of them, in the order of their index.
    pub const ALL: [CacheName; 3] = [CacheName::Default, CacheName::Products, CacheName::Sessions];

    /// The name in `proxy.yaml`, in metrics and in Redis keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            CacheName::Default => "default",
            CacheName::Products => "products",
            CacheName::Sessions => "sessions",
        }
    }

    /// Its place in [`CacheName::ALL`], for arrays with one slot a cache.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The cache of that name.
    pub fn parse(name: &str) -> Option<CacheName> {
        CacheName::ALL.into_iter().find(|cache| cache.as_str() == name)
    }
}

impl fmt::Display for CacheName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
