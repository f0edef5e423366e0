//! The cookie that holds a visitor's secret, as the shop sets it: all of it but the value.

use super::{Secret, Unfit};
use http::{HeaderMap, HeaderValue, header};

/// For how long browsers keep it where the shop does not say: Django's own year, in seconds.
const MAX_AGE: &str = "Max-Age=31449600";
/// What it is like where a page has tokens and the shop was not seen to set it.
const USUAL: &str = "; Max-Age=31449600; Path=/; SameSite=Lax";

/// A cookie's name and attributes, as one text: `name; Path=/; …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieForm(Box<str>);

impl CookieForm {
    /// As Django sets it by its own settings.
    pub fn usual(name: &str) -> CookieForm {
        CookieForm(format!("{name}{USUAL}").into())
    }

    /// As a response sets it that was asked for with a secret; none where it does not.
    ///
    /// # Errors
    /// It is set to another secret: the page's tokens would be that one's.
    pub fn of_response(response: &HeaderMap, name: &str, secret: &Secret) -> Result<Option<CookieForm>, Unfit> {
        let mut form = None;
        for line in response.get_all(header::SET_COOKIE) {
            // What is not ASCII is none of Django's, unless it begins as such.
            let line = String::from_utf8_lossy(line.as_bytes());
            let (pair, attributes) = line.split_once(';').unwrap_or((&line, ""));
            let Some((_, value)) = pair.split_once('=').filter(|(own, _)| own.trim() == name) else { continue };
            if Secret::of_cookie(value.trim()).as_ref() != Some(secret) {
                return Err(Unfit::Foreign);
            }
            form = Some(CookieForm::with(name, attributes).ok_or(Unfit::Foreign)?);
        }
        Ok(form)
    }

    /// Reads what [`CookieForm::as_str`] gave.
    pub fn parse(text: &str) -> Option<CookieForm> {
        let name = text.split(';').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=');
        (is_name && is_text(text)).then(|| CookieForm(text.into()))
    }

    /// The date at which the cookie would end is a moment after the fetch; only its age holds for every visitor.
    fn with(name: &str, attributes: &str) -> Option<CookieForm> {
        let mut text = String::from(name);
        let of = |attribute: &str| attribute.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
        let attributes = || attributes.split(';').map(str::trim).filter(|attribute| !attribute.is_empty());
        for attribute in attributes().filter(|attribute| of(attribute) != "expires") {
            text.push_str("; ");
            text.push_str(attribute);
        }
        let (ends, lasts) =
            (attributes().any(|own| of(own) == "expires"), attributes().any(|own| of(own) == "max-age"));
        if ends && !lasts {
            text.push_str("; ");
            text.push_str(MAX_AGE);
        }
        CookieForm::parse(&text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        self.0.split(';').next().unwrap_or_default()
    }

    /// The line that gives a visitor their secret.
    pub(super) fn set(&self, secret: &Secret) -> HeaderValue {
        let name = self.name();
        let line = format!("{name}={}{}", secret.to_cookie(), &self.0[name.len()..]);
        // It was looked at when it was read.
        HeaderValue::try_from(line).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

fn is_text(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";

    fn secret() -> Secret {
        Secret::of_cookie(PLAIN).unwrap()
    }

    fn of(lines: &[&str]) -> Result<Option<String>, Unfit> {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(header::SET_COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        CookieForm::of_response(&fields, "csrftoken", &secret()).map(|form| form.map(|form| form.as_str().into()))
    }

    #[test]
    fn everything_but_value_and_date_is_as_the_shop_says() {
        let masked = String::from_utf8(secret().token().unwrap().to_vec()).unwrap();
        let expires = "expires=Sun, 28 Nov 2027 10:00:00 GMT";
        let table = [
            (
                format!("csrftoken={PLAIN}; {expires}; Max-Age=31449600; Path=/; SameSite=Lax"),
                "csrftoken; Max-Age=31449600; Path=/; SameSite=Lax",
            ),
            (
                format!("csrftoken={masked}; Domain=.shop.example; Secure; HttpOnly;Path=/en"),
                "csrftoken; Domain=.shop.example; Secure; HttpOnly; Path=/en",
            ),
            (format!("csrftoken={PLAIN}; {expires}"), "csrftoken; Max-Age=31449600"),
            (format!("csrftoken={PLAIN}"), "csrftoken"),
        ];
        for (line, expected) in table {
            assert_eq!(of(&[&line]), Ok(Some(expected.into())), "{line}");
        }
        assert_eq!(of(&["other=1", "odd", ""]), Ok(None));
    }

    #[test]
    fn another_secret_or_none_is_foreign() {
        for bad in
            ["csrftoken=", "csrftoken=x", "csrftoken=\"\"; Max-Age=0", "csrftoken=abcdefghijklmnopqrstuvwxyzABCDEG"]
        {
            assert_eq!(of(&[bad]), Err(Unfit::Foreign), "{bad}");
            assert_eq!(of(&[&format!("csrftoken={PLAIN}"), bad]), Err(Unfit::Foreign), "{bad}, after ours");
        }
        assert_eq!(of(&[&format!("csrftoken={PLAIN}; Path=/\u{e9}")]), Err(Unfit::Foreign));
    }

    #[test]
    fn a_visitor_gets_it_with_their_own_secret() {
        let form = CookieForm::usual("csrftoken");
        assert_eq!(form.set(&secret()), &format!("csrftoken={PLAIN}; Max-Age=31449600; Path=/; SameSite=Lax"));
        assert_eq!(CookieForm::parse(form.as_str()), Some(form));
        for bad in ["", "; Path=/", "a=b; Path=/", "a; \r\nx: y", "a\u{e9}"] {
            assert_eq!(CookieForm::parse(bad), None, "{bad:?}");
        }
    }
}
