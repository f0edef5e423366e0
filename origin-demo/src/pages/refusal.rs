//! What a visitor gets instead of a page, and why. The one place where reasons become statuses.

use axum::response::{Html, IntoResponse, Response};
use http::{StatusCode, header};

use super::frame::{Frame, draw};
use super::html::Text;
use super::replies;
use crate::database::DatabaseError;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no such thing; the word says of what kind.
    NotFound(&'static str),
    /// A form or a query that cannot be right; the sentence says how to put it right.
    BadInput(String),
    /// This page is for signed-in customers; they get back to it.
    SignIn(&'static str),
    /// Name or password is wrong.
    WrongPassword,
    /// Ours: the shop itself is broken.
    Broken(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound(what) => {
                let text = format!("There is no such {what} here (or not any more).");
                told(StatusCode::NOT_FOUND, "Not found", &text)
            }
            Self::BadInput(text) => private(told(StatusCode::BAD_REQUEST, "Not quite", &text)),
            Self::SignIn(page) => replies::found(&format!("/login?next={page}")),
            Self::WrongPassword => {
                let text = "Name or password is wrong. Try alice, bob or carol with “demo”.";
                private(told(StatusCode::FORBIDDEN, "Not signed in", text))
            }
            Self::Broken(reason) => {
                // For the operator; the visitor is told no details.
                eprintln!("origin-demo: {reason}");
                let text = "Something broke on our side. Please try again.";
                private(told(StatusCode::INTERNAL_SERVER_ERROR, "Sorry", text))
            }
        }
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// For paths no route knows.
pub(super) async fn nowhere() -> Refusal {
    Refusal::NotFound("page")
}

fn told(status: StatusCode, title: &str, text: &str) -> Response {
    let main = format!(
        r#"<section class="notice"><h1>{}</h1><p>{}</p><p><a href="/">Back to the shop</a></p></section>"#,
        Text(title),
        Text(text)
    );
    (status, Html(draw(&Frame::default(), title, &main))).into_response()
}

fn private(response: Response) -> Response {
    ([(header::CACHE_CONTROL, replies::PRIVATE)], response).into_response()
}
