//! The admin API as the commands use it.

use super::Failure;
use super::address::{Addresses, to_connect};
use crate::fetch::simple::{Limits, Link, SimpleError};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// Above the 30 seconds that the ledger may take to answer.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(40);
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(5),
    exchange_timeout: EXCHANGE_TIMEOUT,
    body_bytes_max: 16 * 1024 * 1024,
};

/// Asks the admin API; each question has a connection of its own.
pub(super) struct Client {
    address: SocketAddr,
    token: Box<str>,
}

impl Client {
    pub(super) fn new(addresses: &Addresses) -> Client {
        Client { address: to_connect(addresses.admin), token: addresses.token.clone() }
    }

    pub(super) async fn get(&self, target: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, target, Bytes::new()).await
    }

    pub(super) async fn post(&self, target: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::POST, target, body.to_string().into()).await
    }

    async fn ask(&self, method: Method, target: &str, body: Bytes) -> Result<Value, Failure> {
        let mut request = Request::builder().method(method).uri(target).header(HOST, self.address.to_string());
        if !self.token.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        }
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| Failure::failed(format!("admin.token cannot be sent: {error}")))?;
        let mut link = Link::open(self.address, LIMITS).await.map_err(|error| self.unreachable(&error))?;
        let response = link.ask(request).await.map_err(|error| self.unreachable(&error))?;
        self.understand(&response)
    }

    fn unreachable(&self, error: &SimpleError) -> Failure {
        Failure::Failed(format!(
            "cannot reach vitrine's admin API at {}: {error}; is `vitrine serve` running with this proxy.yaml?",
            self.address
        ))
    }

    fn understand(&self, response: &Response<Bytes>) -> Result<Value, Failure> {
        let address = self.address;
        let body: Option<Value> = serde_json::from_slice(response.body()).ok();
        if response.status() == StatusCode::OK {
            return body
                .ok_or_else(|| Failure::Failed(format!("what answers at {address} is not vitrine's admin API")));
        }
        let detail = body.as_ref().and_then(|body| body["detail"].as_str());
        Err(Failure::Failed(match detail {
            Some(detail) => format!("vitrine at {address} refuses: {detail}"),
            None => format!("{address} answers {}; is it vitrine's admin API?", response.status()),
        }))
    }
}

/// An answer in the shape that this version of vitrine knows.
pub(super) fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        Failure::Failed(format!("the answer is not what this version expects ({error}); is the proxy another version?"))
    })
}

/// A target with its parameters percent-encoded; absent ones are left out.
pub(super) fn target(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let mut target = path.to_string();
    for (name, value) in parameters {
        if let Some(value) = value {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.extend([name, "="]);
            target.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded_and_absent_ones_left_out() {
        let made = target("/x", &[("url", Some("/a?b=ü&c")), ("cookie", None), ("l", Some("en"))]);
        assert_eq!(made, "/x?url=%2Fa%3Fb%3D%C3%BC%26c&l=en");
    }

    #[test]
    fn refusals_are_told_in_the_proxys_words() {
        let client = Client { address: "127.0.0.1:8081".parse().unwrap(), token: "".into() };
        let answer = |status: u16, body: &'static str| {
            let response = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            match client.understand(&response) {
                Ok(value) => value.to_string(),
                Err(Failure::Failed(words)) => words,
                Err(other) => format!("{other:?}"),
            }
        };
        assert_eq!(answer(200, "{\"a\":1}"), "{\"a\":1}");
        assert_eq!(answer(401, "{\"detail\":\"no token\"}"), "vitrine at 127.0.0.1:8081 refuses: no token");
        assert!(answer(200, "<html>").contains("is not vitrine's admin API"));
        assert!(answer(404, "<html>").contains("404 Not Found"));
    }

    #[tokio::test]
    async fn a_proxy_that_does_not_run_is_named_with_a_remedy() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let refused = Client { address, token: "".into() }.get("/api/v1/status").await;
        let Err(Failure::Failed(words)) = refused else { panic!("{refused:?}") };
        assert_eq!(
            words,
            format!(
                "cannot reach vitrine's admin API at {address}: connection refused; \
                 is `vitrine serve` running with this proxy.yaml?"
            )
        );
    }
}
