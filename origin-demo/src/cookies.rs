//! The shop's three cookies, read from a request and written to an answer.
//!
//! `sessionid` says who is signed in, `basket` what is in the basket (product ids, one for each
//! piece), `recently_viewed` which product pages were seen. A shop's page must never need the last.

use http::{HeaderMap, HeaderValue, header};

/// Pieces a basket holds; more are refused silently, as the cookie has to fit into one header.
pub(crate) const BASKET_MAX: usize = 40;

/// Product pages remembered in `recently_viewed`.
const VIEWED_MAX: usize = 5;

/// What a visitor's cookies say.
#[derive(Debug, Default)]
pub(crate) struct Cookies {
    /// The session they claim; whether it exists is the database's to say.
    pub(crate) session: Option<String>,
    /// Ids of the products in the basket, in the order they came.
    pub(crate) basket: Vec<i64>,
    /// Slugs of products seen, the latest first.
    pub(crate) viewed: Vec<String>,
}

impl Cookies {
    /// Reads all `Cookie` fields; what does not look like ours is ignored.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut cookies = Self::default();
        let fields = headers.get_all(header::COOKIE).iter().filter_map(|f| f.to_str().ok());
        for (name, value) in fields.flat_map(|f| f.split(';')).filter_map(|c| c.trim().split_once('=')) {
            match name {
                "sessionid" if !value.is_empty() => cookies.session = Some(value.to_owned()),
                "basket" => cookies.basket = ids(value),
                "recently_viewed" => cookies.viewed = slugs(value),
                _ => {}
            }
        }
        cookies
    }

    /// `Set-Cookie` for the basket `ids`; an empty one is deleted.
    pub(crate) fn basket(ids: &[i64]) -> HeaderValue {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        written("basket", &ids.join("."), "")
    }

    /// `Set-Cookie` after `slug` was looked at.
    pub(crate) fn viewed(&self, slug: &str) -> HeaderValue {
        let others = self.viewed.iter().map(String::as_str).filter(|other| *other != slug);
        let row: Vec<&str> = std::iter::once(slug).chain(others).take(VIEWED_MAX).collect();
        written("recently_viewed", &row.join("."), "")
    }

    /// `Set-Cookie` for a visitor who signed in; an empty id signs them out.
    pub(crate) fn session(id: &str) -> HeaderValue {
        written("sessionid", id, "; HttpOnly")
    }
}

fn ids(value: &str) -> Vec<i64> {
    value.split('.').filter_map(|id| id.parse().ok()).take(BASKET_MAX).collect()
}

fn slugs(value: &str) -> Vec<String> {
    value.split('.').filter(|slug| is_slug(slug)).take(VIEWED_MAX).map(str::to_owned).collect()
}

/// A slug is what goes into URLs, cookies and tags unescaped.
fn is_slug(text: &str) -> bool {
    (1..=80).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn written(name: &str, value: &str, flags: &str) -> HeaderValue {
    let age = if value.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{name}={value}; Path=/; SameSite=Lax{flags}{age}");
    // Values are ids, slugs and hexadecimal, which always make a header; were one not, the visitor
    // is better off without the cookie than without the page.
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static("refused=; Max-Age=0"))
}

#[cfg(test)]
mod tests {
    use super::Cookies;
    use http::{HeaderMap, HeaderValue, header::COOKIE};

    fn read(fields: &[&'static str]) -> Cookies {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(COOKIE, HeaderValue::from_static(field));
        }
        Cookies::read(&headers)
    }

    #[test]
    fn ours_are_found_among_others() {
        let cookies = read(&["a=b; sessionid=abc; basket=3.3.x.9", "recently_viewed=one.two.<b>; odd"]);
        assert_eq!(cookies.session.as_deref(), Some("abc"));
        assert_eq!(cookies.basket, [3, 3, 9]);
        assert_eq!(cookies.viewed, ["one", "two"]);
    }

    #[test]
    fn the_latest_view_comes_first_once() {
        let cookies = read(&["recently_viewed=a.b.c.d.e"]);
        assert_eq!(cookies.viewed("c"), "recently_viewed=c.a.b.d.e; Path=/; SameSite=Lax");
        assert_eq!(cookies.viewed("z"), "recently_viewed=z.a.b.c.d; Path=/; SameSite=Lax");
    }

    #[test]
    fn empty_means_deleted() {
        assert_eq!(Cookies::basket(&[]), "basket=; Path=/; SameSite=Lax; Max-Age=0");
        assert_eq!(Cookies::session(""), "sessionid=; Path=/; SameSite=Lax; HttpOnly; Max-Age=0");
    }
}
