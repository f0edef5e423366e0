//! Where webhooks go and how they are signed (Standard Webhooks, symmetric).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Uri;

/// A receiver of webhooks and the secret shared with it.
#[derive(Clone)]
pub struct Webhook {
    url: Uri,
    /// A prepared key is more than a kilobyte.
    key: Arc<hmac::Key>,
}

/// Why a webhook cannot be set up; the text says what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub enum BadWebhook {
    /// The address is not `http://host[:port]/path`.
    Url(String),
    /// The secret is not `whsec_` and base64.
    Secret,
}

impl Webhook {
    /// A webhook to `url` (`http://…`), signed with `secret` (`whsec_<base64>`).
    pub fn new(url: &str, secret: &str) -> Result<Self, BadWebhook> {
        let parsed: Uri = url.parse().map_err(|_| BadWebhook::Url(url.to_owned()))?;
        if parsed.scheme_str() != Some("http") || parsed.host().is_none_or(str::is_empty) {
            return Err(BadWebhook::Url(url.to_owned()));
        }
        let encoded = secret.strip_prefix("whsec_").ok_or(BadWebhook::Secret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadWebhook::Secret)?;
        if bytes.is_empty() {
            return Err(BadWebhook::Secret);
        }
        Ok(Self { url: parsed, key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes)) })
    }

    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    /// The `webhook-signature` of `body`, sent as `id` at `seconds` since 1970.
    pub(super) fn signature(&self, id: &str, seconds: i64, body: &str) -> String {
        let signed = hmac::sign(&self.key, format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(signed))
    }
}

/// The secret stays out of logs.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

impl fmt::Display for BadWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => {
                write!(f, "webhook URL {url}: write http://HOST:PORT/PATH (this shop speaks no TLS)")
            }
            Self::Secret => f.write_str(
                "webhook secret: write whsec_ followed by base64, as --webhook-secret or in \
                 VITRINE_WEBHOOK_SECRET",
            ),
        }
    }
}

impl std::error::Error for BadWebhook {}

#[cfg(test)]
mod tests {
    use super::{BadWebhook, Webhook};

    /// The example of the Standard Webhooks libraries.
    #[test]
    fn the_published_vector() -> Result<(), BadWebhook> {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let webhook = Webhook::new("http://127.0.0.1/", secret)?;
        assert_eq!(
            webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        Ok(())
    }

    #[test]
    fn what_is_refused() {
        let url = |text: &str| Err(BadWebhook::Url(text.to_owned()));
        for (text, secret, answer) in [
            ("https://x/", "whsec_c2VjcmV0", url("https://x/")),
            ("/path", "whsec_c2VjcmV0", url("/path")),
            ("http://x/", "c2VjcmV0", Err(BadWebhook::Secret)),
            ("http://x/", "whsec_", Err(BadWebhook::Secret)),
            ("http://x/", "whsec_?", Err(BadWebhook::Secret)),
        ] {
            assert_eq!(Webhook::new(text, secret).map(drop), answer, "{text} {secret}");
        }
    }
}
