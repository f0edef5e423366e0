//! One visit: who it is, what they carry, and what their page has cost so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Response};
use http::request;

use super::frame::{Frame, draw};
use super::refusal::Refusal;
use crate::cookies::Cookies;
use crate::database::{Customer, Queries};
use crate::shop::Parts;
use crate::stats::PageKind;

/// A request for a page, with its visitor looked up.
pub(super) struct Visit {
    pub(super) cookies: Cookies,
    /// Who is signed in; found only for those who bring a session.
    pub(super) customer: Option<Customer>,
    desk: Desk,
}

/// The way to the database, which counts queries for the figures and for the page's footer.
pub(super) struct Desk {
    parts: Arc<Parts>,
    kind: Option<PageKind>,
    queries: AtomicU32,
}

impl Desk {
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Queries<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (value, count) = self.parts.database.ask(work).await?;
        self.queries.fetch_add(count, Relaxed);
        if let Some(kind) = self.kind {
            self.parts.stats.queries(kind, count);
        }
        Ok(value)
    }
}

impl Visit {
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Queries<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.desk.ask(work).await
    }

    /// Wakes the sender for the message at `place` and waits a little for its delivery.
    pub(super) async fn committed(&self, place: i64) {
        self.desk.parts.outbox.committed(place).await;
    }

    /// The customer, or the way to the login page and from there to `page`.
    pub(super) fn signed_in(&self, page: &'static str) -> Result<&Customer, Refusal> {
        self.customer.as_ref().ok_or(Refusal::SignIn(page))
    }

    /// Whether the page looks the same for everybody who is nobody in particular.
    pub(super) fn is_anonymous(&self) -> bool {
        self.customer.is_none() && self.cookies.basket.is_empty()
    }

    /// `main` as this visitor's page.
    pub(super) fn page(&self, title: &str, main: &str) -> Response {
        let frame = Frame {
            signed_in: self.customer.as_ref().map(|customer| customer.name.as_str()),
            basket: self.cookies.basket.len(),
            queries: Some(self.desk.queries.load(Relaxed)),
        };
        Html(draw(&frame, title, main)).into_response()
    }
}

impl FromRequestParts<Arc<Parts>> for Desk {
    type Rejection = Refusal;

    async fn from_request_parts(head: &mut request::Parts, parts: &Arc<Parts>) -> Result<Self, Refusal> {
        let kind = PageKind::of(head.uri.path());
        Ok(Self { parts: Arc::clone(parts), kind, queries: AtomicU32::new(0) })
    }
}

impl FromRequestParts<Arc<Parts>> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(head: &mut request::Parts, parts: &Arc<Parts>) -> Result<Self, Refusal> {
        let desk = Desk::from_request_parts(head, parts).await?;
        let cookies = Cookies::read(&head.headers);
        let customer = match cookies.session.clone() {
            Some(id) => desk.ask(move |q| Customer::of_session(q, &id)).await?,
            None => None,
        };
        Ok(Self { cookies, customer, desk })
    }
}
