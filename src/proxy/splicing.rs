//! A fill whose page may have form tokens: it is read to its end and taken apart before anybody is answered, so that nobody is sent a
//! page that another will not be.
//!
//! It was asked for with a secret of its own, which ends with it. A page in which a token is not of that secret is everybody's own
//! errand: not even the leader gets it, for their forms would be of no use to them.

use super::Proxy;
use super::coding;
use super::errand::Errand;
use super::fill::{Fill, FillAnswer, FilledHead};
use super::filling::{Content, keep, to_store};
use super::recording::{Held, next_part};
use crate::coding::Coding;
use crate::csrf::{CookieForm, Found, Secret, Unfit, scan};
use crate::fetch::{Answered, FetchFailure, Lead, OriginBody};
use crate::headers::list_items;
use crate::observe::FillEnd;
use crate::outcome::Reason;
use crate::policy::stale;
use crate::stored::{Packed, Piece, StoredBody};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Fields about the very bytes that came, which no visitor gets.
const FIELDS_OF_BYTES: [HeaderName; 7] = [
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LAST_MODIFIED,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// For a whole page: nobody who waits for it gets a byte before its end, and an origin that trickles would keep them for ever. Past it
/// they ask for themselves.
const PAGE_TIME_MAX: Duration = Duration::from_secs(30);
/// Larger pages are not packed: it takes some times their size in memory, and visitors wait for it.
const PACKED_BYTES_MAX: usize = 1024 * 1024;

/// What a fill sends: with its secret among the cookies, and without a content coding, which would hide the tokens.
pub(super) fn to_send(errand: &Errand) -> HeaderMap {
    let mut fields = errand.as_sent.clone();
    let Some(secret) = &errand.form_secret else { return fields };
    let name = &errand.rule.cookies.form_token;
    let before = fields.get(header::COOKIE).and_then(|line| line.to_str().ok()).map(|line| format!("{line}; "));
    let line = format!("{}{name}={}", before.unwrap_or_default(), secret.to_cookie());
    if let Ok(line) = HeaderValue::try_from(line) {
        fields.insert(header::COOKIE, line);
    }
    fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    fields
}

/// The secret of a response that may hold tokens: of a page and its like, and of whatever else sets their cookie.
pub(super) fn concerns<'a>(errand: &'a Errand, fields: &HeaderMap) -> Option<&'a Secret> {
    let secret = errand.form_secret.as_ref()?;
    (is_pages_kind(fields) || sets_form_cookie(errand, fields)).then_some(secret)
}

/// Whether a response was made with the secret that was sent: who renders a token sets its cookie.
pub(super) fn sets_form_cookie(errand: &Errand, fields: &HeaderMap) -> bool {
    let name = errand.rule.cookies.form_token.as_bytes();
    let mut names = fields.get_all(header::SET_COOKIE).iter().map(|line| {
        let name = line.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default();
        name.trim_ascii()
    });
    errand.form_secret.is_some() && names.any(|own| own == name)
}

/// Whether it is of a kind that forms come in, alone or as a part of something. What says no kind is a page to browsers.
fn is_pages_kind(fields: &HeaderMap) -> bool {
    const KINDS: [&str; 4] = ["text/html", "application/xhtml+xml", "application/json", "text/plain"];
    let Some(kind) = fields.get(header::CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    KINDS.iter().any(|own| own.eq_ignore_ascii_case(kind))
}

/// Takes a whole page in, and tells those who wait what became of it.
pub(super) async fn receive(
    proxy: &Arc<Proxy>,
    lead: &Lead<Fill>,
    errand: &Errand,
    head: FilledHead,
    secret: &Secret,
    answered: Answered,
) -> Result<FillEnd, (FillEnd, Option<Reason>)> {
    let (fill, requested, status) = (lead.fetch(), answered.requested, answered.status);
    let refuse = |reason| {
        lead.close();
        if !stale::is_failure(status) {
            proxy.note_unstorable(errand);
        }
        fill.publish(FillAnswer::NotShared(reason, status));
        (FillEnd::NotStored, Some(reason))
    };
    let form = form_of(errand, &answered.fields, secret).map_err(refuse)?;
    let mut held = Held::nothing(proxy);
    let page = match timeout(PAGE_TIME_MAX, whole(&mut held, answered.body)).await {
        Err(_) => return Err(refuse(Reason::OriginTimeout)),
        Ok(Ok(page)) => page.ok_or_else(|| refuse(Reason::TooLarge))?,
        Ok(Err(broken)) => {
            fill.publish(FillAnswer::Failed(FetchFailure::Broken(broken)));
            return Err((FillEnd::Broken, Some(Reason::Incomplete)));
        }
    };
    let found = scan(&page, secret).map_err(|unfit| refuse(reason_of(unfit)))?;
    let Some(lifetime) = head.lifetime else {
        let has_none = form.is_none() && found.starts().is_empty();
        return Err(if has_none { deliver(fill, head, page) } else { refuse(head.storing) });
    };
    let name = &errand.rule.cookies.form_token;
    let may_pack = coding::is_awaited(errand, &head, page.len() as u64) && coding::makes(errand, Coding::Gzip);
    let content = content(&page, &found, form, name, may_pack).await;
    let head = if content.form_cookie.is_some() { taken_apart(head) } else { head };
    let stored = Arc::new(to_store(proxy, fill, errand, &head, lifetime, content).map_err(refuse)?);
    proxy.unstorable.forget(&errand.key);
    let kept = keep(proxy, errand, &stored, requested);
    fill.publish(FillAnswer::Whole(stored, kept.err().unwrap_or(Reason::Stored)));
    fill.tape.end(Ok(()));
    kept.map(|()| FillEnd::Stored).map_err(|reason| (FillEnd::NotStored, Some(reason)))
}

/// A page without tokens that is for all and not kept: an error's.
fn deliver(fill: &Fill, head: FilledHead, page: Bytes) -> (FillEnd, Option<Reason>) {
    let storing = head.storing;
    fill.publish(FillAnswer::Streaming(Arc::new(FilledHead { length: Some(page.len() as u64), ..head })));
    fill.tape.write(page);
    fill.tape.end(Ok(()));
    (FillEnd::NotStored, Some(storing))
}

/// A page as it is stored. Packing one takes a moment: not on a thread that answers requests.
async fn content(page: &Bytes, found: &Found, form: Option<CookieForm>, name: &str, may_pack: bool) -> Content {
    let form_cookie = form.or_else(|| (!found.starts().is_empty()).then(|| CookieForm::usual(name)));
    let body = body(page, found);
    // What has no tokens is coded behind those who wait, like all else.
    if !may_pack || form_cookie.is_none() || page.len() > PACKED_BYTES_MAX {
        return Content { body, form_cookie, packed: None };
    }
    let packed = tokio::task::spawn_blocking({
        let body = body.clone();
        move || Packed::of(&body)
    });
    Content { body, form_cookie, packed: packed.await.unwrap_or_default() }
}

/// A page as it is for nobody in particular, for comparing it with another fetch of it.
pub(super) fn without_tokens(errand: &Errand, fields: &mut HeaderMap, page: Bytes) -> Result<Bytes, Reason> {
    let Some(secret) = concerns(errand, fields) else { return Ok(page) };
    form_of(errand, fields, secret)?;
    let found = scan(&page, secret).map_err(reason_of)?;
    for name in &FIELDS_OF_BYTES {
        fields.remove(name);
    }
    let body = body(&page, &found);
    Ok(body.pieces().iter().map(Piece::shared).collect::<Vec<_>>().concat().into())
}

/// The cookie that a response's tokens belong to, if they can be seen at all.
fn form_of(errand: &Errand, fields: &HeaderMap, secret: &Secret) -> Result<Option<CookieForm>, Reason> {
    if list_items(fields, &header::CONTENT_ENCODING).any(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Reason::FormTokenCoded);
    }
    CookieForm::of_response(fields, &errand.rule.cookies.form_token, secret).map_err(reason_of)
}

/// The whole page; none where it is larger than what is kept.
async fn whole(held: &mut Held<'_>, mut body: OriginBody) -> Result<Option<Bytes>, String> {
    let mut page = BytesMut::new();
    while let Some(part) = next_part(&mut body).await.map_err(|broken| broken.to_string())? {
        if !held.take(part.len() as u64) {
            return Ok(None);
        }
        page.extend_from_slice(&part);
    }
    Ok(Some(page.freeze()))
}

fn body(page: &[u8], found: &Found) -> StoredBody {
    StoredBody::with_tokens(page, found.starts())
}

/// The head of a page that no visitor gets as it came.
fn taken_apart(mut head: FilledHead) -> FilledHead {
    for name in &FIELDS_OF_BYTES {
        head.fields.remove(name);
    }
    head
}

fn reason_of(unfit: Unfit) -> Reason {
    match unfit {
        Unfit::Foreign => Reason::FormTokenForeign,
        Unfit::Bare => Reason::FormTokenBare,
        Unfit::TooMany => Reason::FormTokenLimit,
    }
}
