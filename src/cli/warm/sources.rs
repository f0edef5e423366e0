//! Where the pages come from: sitemaps, which may name further sitemaps, and lists. All of it bounded.

use super::super::{Failure, Warm};
use super::LIMITS;
use super::page::{Base, Page};
use super::sitemap::{self, Sitemap};
use crate::fetch::simple::{Limits, Link};
use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Pages of one round, at most; what is left out is said.
const PAGES_MAX: usize = 100_000;
/// Sitemaps of one round, at most.
const SITEMAPS_MAX: usize = 1_000;
/// Bytes of a sitemap or list, at most: what sitemaps.org allows.
const FILE_BYTES_MAX: usize = 50 * 1024 * 1024;
/// How deep an index may name indexes. The protocol allows one level; some shops have two.
const INDEX_DEPTH_MAX: usize = 3;

/// What is to be warmed.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Each page once, in order.
    pub(super) pages: Vec<Page>,
    /// What could not be read as a page or a sitemap, in words.
    pub(super) unreadable: Vec<String>,
    seen: HashSet<Page>,
    cut: bool,
}

pub(super) async fn read(warm: &Warm, base: &Base) -> Result<Sources, Failure> {
    let mut sources = Sources::default();
    if let Some(list) = &warm.list {
        let text = if list == Path::new("-") { bounded(io::stdin().lock()) } else { file(list) };
        let text =
            text.map_err(|error| Failure::Failed(format!("cannot read the list {}: {error}", list.display())))?;
        sources.take_list(&text);
    }
    sources.take_sitemaps(&warm.sitemap, base).await?;
    sources.seen = HashSet::new();
    if sources.pages.is_empty() && sources.unreadable.is_empty() {
        return Err(Failure::failed("there is nothing to warm: no page is named in what was given"));
    }
    if sources.cut {
        eprintln!("vitrine: more than {PAGES_MAX} pages or {SITEMAPS_MAX} sitemaps are named; the rest is left out");
    }
    Ok(sources)
}

impl Sources {
    fn take_list(&mut self, text: &str) {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            self.take_page(line);
        }
    }

    fn take_page(&mut self, text: &str) {
        if self.pages.len() + self.unreadable.len() == PAGES_MAX {
            self.cut = true;
            return;
        }
        match Page::read(text) {
            Ok(page) if self.seen.insert(page.clone()) => self.pages.push(page),
            Ok(_) => {}
            Err(words) => self.unreadable.push(words),
        }
    }

    /// Sitemaps in order, those that an index names after it. One that was typed must be readable; one that another names
    /// is counted as a failure where it is not.
    async fn take_sitemaps(&mut self, typed: &[String], base: &Base) -> Result<(), Failure> {
        let mut left: VecDeque<(String, usize)> = typed.iter().map(|name| (name.clone(), 0)).collect();
        let mut known: HashSet<String> = typed.iter().cloned().collect();
        while let Some((name, depth)) = left.pop_front() {
            match sitemap(&name, depth, base).await {
                Ok(Sitemap::Pages(locs)) => {
                    for loc in &locs {
                        self.take_page(loc);
                    }
                }
                Ok(Sitemap::Index(locs)) => {
                    for loc in locs {
                        self.cut |= known.len() >= SITEMAPS_MAX;
                        if known.len() < SITEMAPS_MAX && known.insert(loc.clone()) {
                            left.push_back((loc, depth + 1));
                        }
                    }
                }
                Err(words) if depth == 0 => {
                    return Err(Failure::Failed(format!("cannot read the sitemap {name}: {words}")));
                }
                Err(words) => self.unreadable.push(format!("sitemap {name}: {words}")),
            }
        }
        Ok(())
    }
}

/// A sitemap by its URL or, where it was typed, its file's name: no sitemap may name files of this machine.
async fn sitemap(name: &str, depth: usize, base: &Base) -> Result<Sitemap, String> {
    let is_url = name.starts_with("http://") || name.starts_with("https://");
    if depth > INDEX_DEPTH_MAX {
        return Err("the indexes are nested too deeply".into());
    }
    let text = match (is_url, depth) {
        (true, _) => fetched(name, base).await?,
        (false, 0) => file(Path::new(name)).map_err(|error| error.to_string())?,
        (false, _) => return Err("it is no http(s) URL".into()),
    };
    sitemap::parse(&text, PAGES_MAX).map_err(|bad| bad.to_string())
}

async fn fetched(url: &str, base: &Base) -> Result<String, String> {
    let request = Page::read(url)?.request(base).map_err(|error| error.to_string())?;
    let limits = Limits { body_bytes_max: FILE_BYTES_MAX, ..LIMITS };
    let mut request = request;
    // The text is read here, by nobody who could unpack it.
    request.headers_mut().remove(http::header::ACCEPT_ENCODING);
    let told = |error: &dyn std::fmt::Display| format!("{error} (proxy at {})", base.address());
    let mut link = Link::open(base.address(), limits).await.map_err(|error| told(&error))?;
    let response = link.ask(request).await.map_err(|error| told(&error))?;
    if !response.status().is_success() {
        return Err(format!("{} (redirects are not followed)", response.status()));
    }
    text(response.into_body().to_vec()).map_err(|error| error.to_string())
}

fn file(path: &Path) -> io::Result<String> {
    bounded(File::open(path)?)
}

fn bounded(source: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes; split it")));
    }
    text(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    if bytes.starts_with(&GZIP) {
        return Err(io::Error::other("it is packed; unpack it with gunzip and give the file"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}
