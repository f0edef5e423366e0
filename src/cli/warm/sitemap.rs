//! Reads sitemaps and sitemap indexes (sitemaps.org, protocol 0.9): the `loc` of each `url` or `sitemap`.
//!
//! Only as much of XML as these files need. A document type is refused: entities of its own are of no use in a sitemap,
//! and a small one can stand for gigabytes. Depth and lengths are bounded; nothing is read twice.

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sitemap {
    /// URLs of pages.
    Pages(Vec<String>),
    /// URLs of sitemaps.
    Index(Vec<String>),
}

/// Why a file is no sitemap, and at which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub(super) struct BadSitemap {
    line: usize,
    what: &'static str,
}

/// Elements within each other, at most; a `loc` is the third, extensions go some deeper.
const DEPTH_MAX: usize = 16;
/// Bytes of one `loc`, at most; the protocol allows 2,048.
const LOC_BYTES_MAX: usize = 16 * 1024;

/// Reads a file; after `locs_max` of them the rest is left.
pub(super) fn parse(text: &str, locs_max: usize) -> Result<Sitemap, BadSitemap> {
    let mut reader = Reader { whole: text, rest: text.trim_start_matches('\u{feff}') };
    let mut open: Vec<&str> = Vec::new();
    let mut locs = Vec::new();
    let mut loc = String::new();
    let mut index = None;
    while let Some(token) = reader.next()? {
        match token {
            Token::Open { name, empty } => {
                if open.is_empty() {
                    index = Some(is_index(&reader, index, name)?);
                }
                if open.len() == DEPTH_MAX {
                    return Err(reader.bad("the elements are nested too deeply"));
                }
                if !empty {
                    open.push(name);
                }
            }
            Token::Close(name) if open.last() == Some(&name) => {
                if is_loc(&open) {
                    locs.push(std::mem::take(&mut loc).trim().to_string());
                }
                open.pop();
                if locs.len() == locs_max {
                    break;
                }
            }
            Token::Close(_) => return Err(reader.bad("an element is closed that is not open")),
            Token::Text(text) if is_loc(&open) => decode_into(&mut loc, text).map_err(|what| reader.bad(what))?,
            Token::Cdata(text) if is_loc(&open) => loc.push_str(text),
            Token::Text(text) if open.is_empty() && !text.trim().is_empty() => {
                return Err(reader.bad("this is no XML: text stands outside of all elements"));
            }
            Token::Text(_) | Token::Cdata(_) => {}
        }
        if loc.len() > LOC_BYTES_MAX {
            return Err(reader.bad("a <loc> is too long"));
        }
    }
    match index {
        _ if !open.is_empty() && locs.len() < locs_max => Err(reader.bad("the file ends within an element")),
        Some(true) => Ok(Sitemap::Index(locs)),
        Some(false) => Ok(Sitemap::Pages(locs)),
        None => Err(reader.bad("the file is empty")),
    }
}

/// Whether the root is that of an index.
fn is_index(reader: &Reader<'_>, before: Option<bool>, name: &str) -> Result<bool, BadSitemap> {
    match (before, local(name)) {
        (Some(_), _) => Err(reader.bad("there is a second root element")),
        (None, "urlset") => Ok(false),
        (None, "sitemapindex") => Ok(true),
        (None, _) => Err(reader.bad("the root element is neither <urlset> nor <sitemapindex>")),
    }
}

/// Whether the open elements are a page's or sitemap's `loc`, and not, say, a picture's.
fn is_loc(open: &[&str]) -> bool {
    matches!(open, [_, entry, loc] if matches!(local(entry), "url" | "sitemap") && local(loc) == "loc")
}

/// A name without its namespace's prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn decode_into(out: &mut String, text: &str) -> Result<(), &'static str> {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (name, after) = rest[at + 1..].split_once(';').ok_or("an & does not begin an entity; write &amp;")?;
        out.push(entity(name).ok_or("an entity is not one of XML's own")?);
        rest = after;
    }
    out.push_str(rest);
    Ok(())
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

enum Token<'a> {
    Open { name: &'a str, empty: bool },
    Close(&'a str),
    Text(&'a str),
    Cdata(&'a str),
}

struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn bad(&self, what: &'static str) -> BadSitemap {
        let read = &self.whole[..self.whole.len() - self.rest.len()];
        BadSitemap { line: 1 + read.matches('\n').count(), what }
    }

    /// The next token; comments and processing instructions are passed over.
    fn next(&mut self) -> Result<Option<Token<'a>>, BadSitemap> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            if self.skip("<!--") {
                self.until("-->")?;
            } else if self.skip("<?") {
                self.until("?>")?;
            } else if self.skip("<![CDATA[") {
                return Ok(Some(Token::Cdata(self.until("]]>")?)));
            } else if self.rest.starts_with("<!") {
                return Err(self.bad("a document type is not read; a sitemap needs none"));
            } else if self.skip("</") {
                return Ok(Some(Token::Close(self.until(">")?.trim_end())));
            } else if self.rest.starts_with('<') {
                return self.element().map(Some);
            } else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Ok(Some(Token::Text(text)));
            }
        }
    }

    fn skip(&mut self, start: &str) -> bool {
        self.rest.strip_prefix(start).map(|rest| self.rest = rest).is_some()
    }

    fn until(&mut self, end: &str) -> Result<&'a str, BadSitemap> {
        let (inner, rest) = self.rest.split_once(end).ok_or_else(|| self.bad("the file ends within a tag"))?;
        self.rest = rest;
        Ok(inner)
    }

    /// An opening tag; a `>` within an attribute's quotes does not end it.
    fn element(&mut self) -> Result<Token<'a>, BadSitemap> {
        let mut quote = None;
        let end = self.rest.bytes().position(|byte| {
            match (quote, byte) {
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if open == byte => quote = None,
                _ => {}
            }
            quote.is_none() && byte == b'>'
        });
        let end = end.ok_or_else(|| self.bad("the file ends within a tag"))?;
        let inner = &self.rest[1..end];
        let empty = inner.ends_with('/');
        let name = inner.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        if name.is_empty() {
            return Err(self.bad("a tag has no name"));
        }
        self.rest = &self.rest[end + 1..];
        Ok(Token::Open { name, empty })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(text: &str) -> Result<Sitemap, String> {
        parse(text, 100).map_err(|bad| bad.to_string())
    }

    fn is_pages(text: &str, expected: &[&str]) {
        assert_eq!(pages(text), Ok(Sitemap::Pages(expected.iter().map(ToString::to_string).collect())), "{text}");
    }

    #[test]
    fn the_locs_of_urls_are_read_and_no_others() {
        is_pages("<urlset/>", &[]);
        is_pages(
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- <loc>no</loc> --><urlset xmlns=\"http://a/>b\" x='\"'>\n\
             <url><loc>\n http://a/1?b=1&amp;c=2 </loc><lastmod>2026-01-01</lastmod></url>\n\
             <url><image:image><image:loc>http://a/pic</image:loc></image:image><loc ><![CDATA[http://a/2?b&c]]></loc ></url>\
             <loc>http://a/outside</loc></urlset>\n",
            &["http://a/1?b=1&c=2", "http://a/2?b&c"],
        );
        is_pages(
            "<s:urlset><s:url><s:loc>/a&#38;b&#x26;c&lt;&gt;&quot;&apos;</s:loc></s:url></s:urlset>",
            &["/a&b&c<>\"'"],
        );
        is_pages("<urlset><url><loc/><loc></loc></url></urlset>", &[""]);
    }

    #[test]
    fn an_index_is_told_from_pages() {
        let index = "<sitemapindex><sitemap><loc>http://a/s.xml</loc></sitemap></sitemapindex>";
        assert_eq!(pages(index), Ok(Sitemap::Index(vec!["http://a/s.xml".into()])));
    }

    #[test]
    fn garbage_is_refused_with_its_line() {
        let deep = format!("<urlset>{}", "<a>".repeat(DEPTH_MAX));
        let long = format!("<urlset><url><loc>{}", "x".repeat(LOC_BYTES_MAX + 1));
        for (text, expected) in [
            ("", "line 1: the file is empty"),
            ("hello", "line 1: this is no XML"),
            ("\n<!DOCTYPE html>", "line 2: a document type is not read"),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]><urlset/>", "line 1: a document type is not read"),
            ("<html></html>", "line 1: the root element is neither"),
            ("<urlset></urlset><urlset/>", "line 1: there is a second root"),
            ("<urlset>\n<url>\n</urlset>", "line 3: an element is closed that is not open"),
            ("<urlset>\n<url><loc>http://a/", "line 2: the file ends within an element"),
            ("<urlset><url", "line 1: the file ends within a tag"),
            ("<urlset a=\">", "line 1: the file ends within a tag"),
            ("<urlset><!-- >", "line 1: the file ends within a tag"),
            ("<urlset>< ></urlset>", "line 1: a tag has no name"),
            ("<urlset><url><loc>/?a&b</loc></url></urlset>", "line 1: an & does not begin an entity"),
            ("<urlset><url><loc>&nbsp;</loc></url></urlset>", "line 1: an entity is not one of XML's own"),
            ("<urlset><url><loc>&#xd800;</loc></url></urlset>", "line 1: an entity is not one of XML's own"),
            (&deep, "line 1: the elements are nested too deeply"),
            (&long, "line 1: a <loc> is too long"),
        ] {
            let error = pages(text).unwrap_err();
            assert!(error.starts_with(expected), "{text:.40}: {error}");
        }
    }

    #[test]
    fn no_more_is_read_than_was_asked_for() {
        let text = format!("<urlset>{}", "<url><loc>/a</loc></url>".repeat(9));
        assert_eq!(parse(&text, 3), Ok(Sitemap::Pages(vec!["/a".into(); 3])));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>/!?&;#x\\-\\[\\]A-Za-z\"' \n:é]{0,200}") {
            let _ = parse(&text, 10);
            let _ = parse(&format!("<urlset><url><loc>{text}</loc></url></urlset>"), 10);
        }
    }
}
