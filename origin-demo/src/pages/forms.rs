//! Reading forms: what is wrong with one is told in a sentence, with a 400.

use axum::Form;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// A posted form.
pub(super) struct Input<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match Form::<T>::from_request(request, state).await {
            Ok(Form(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refusal::BadInput(rejection.body_text())),
        }
    }
}

/// `value` as the text of `field`: something, one line, not too long.
pub(super) fn line(field: &str, value: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = paragraph(field, value, chars_max)?;
    if text.contains('\n') {
        return Err(Refusal::BadInput(format!("The {field} must be one line.")));
    }
    Ok(text)
}

/// `value` as the text of `field`: something, not too long, nothing unprintable.
pub(super) fn paragraph(field: &str, value: &str, chars_max: usize) -> Result<String, Refusal> {
    // Browsers send line ends as CR LF.
    let text = value.trim().replace("\r\n", "\n");
    let complaint = if text.is_empty() {
        "must not be empty.".to_owned()
    } else if text.chars().count() > chars_max {
        format!("must not be longer than {chars_max} characters.")
    } else if text.chars().any(|c| c.is_control() && c != '\n') {
        "must not contain control characters.".to_owned()
    } else {
        return Ok(text);
    };
    Err(Refusal::BadInput(format!("The {field} {complaint}")))
}
