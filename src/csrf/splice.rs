//! What one visitor gets of a shared page that is theirs alone.

use super::{CookieForm, Secret};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use std::io;

/// A visitor's token, and their cookie where they have none.
#[derive(Clone, Debug)]
pub struct Splice {
    token: Bytes,
    set_cookie: Option<HeaderValue>,
    seal: [u8; 16],
}

impl Splice {
    /// For the visitor who sent these fields. A cookie that holds no secret is replaced, as the shop itself would.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn of(request: &HeaderMap, form: &CookieForm) -> io::Result<Splice> {
        let own = secret_of(request, form.name());
        let set_new = |secret: Secret| (form.set(&secret), secret);
        let (set_cookie, secret) = match own {
            Some(own) => (None, own),
            None => Secret::random().map(set_new).map(|(line, secret)| (Some(line), secret))?,
        };
        Ok(Splice { token: Bytes::copy_from_slice(&secret.token()?), set_cookie, seal: secret.seal() })
    }

    /// The token; one for all places of a page, another for each answer.
    pub fn token(&self) -> &Bytes {
        &self.token
    }

    /// The line that gives the visitor their cookie, where they had none.
    pub fn set_cookie(&self) -> Option<&HeaderValue> {
        self.set_cookie.as_ref()
    }

    /// Tells this visitor's page from another's in its entity tag.
    pub fn seal(&self) -> &[u8; 16] {
        &self.seal
    }
}

/// The secret in a request's cookie. That it stands there once was looked at before the cache was asked.
fn secret_of(request: &HeaderMap, name: &str) -> Option<Secret> {
    let lines = request.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(own, _)| own.trim() == name).and_then(|(_, value)| Secret::of_cookie(value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::try_from(cookie).unwrap())])
    }

    #[test]
    fn who_has_a_secret_keeps_it_and_who_has_none_gets_one() {
        let form = CookieForm::usual("csrftoken");
        let own = "abcdefghijklmnopqrstuvwxyzABCDEF";
        let secret = Secret::of_cookie(own).unwrap();
        let splice = Splice::of(&request(&format!("a=b; csrftoken={own}")), &form).unwrap();
        assert!(splice.set_cookie().is_none() && secret.made(splice.token()[..].try_into().unwrap()));
        let again = Splice::of(&request(&format!("csrftoken={own}")), &form).unwrap();
        assert_eq!(again.seal(), splice.seal());
        assert_ne!(again.token(), splice.token());
        for none in ["", "a=b", "csrftoken=", "csrftoken=short", "xcsrftoken=abcdefghijklmnopqrstuvwxyzABCDEF"] {
            let splice = Splice::of(&request(none), &form).unwrap();
            let line = splice.set_cookie().unwrap().to_str().unwrap().to_string();
            let value = line.strip_prefix("csrftoken=").and_then(|line| line.split(';').next()).unwrap().to_string();
            let secret = Secret::of_cookie(&value).unwrap();
            assert!(secret.made(splice.token()[..].try_into().unwrap()), "{none}");
        }
    }
}
