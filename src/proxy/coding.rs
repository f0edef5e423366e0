//! Coded forms of what is kept, made once and behind those who wait for it: they have it as it came.
//!
//! The forms join the stored response that they are of, in its own generation and under its own stamp. What was purged meanwhile
//! stays so, and what has taken its place meanwhile stays there.

use super::Proxy;
use super::errand::Errand;
use super::fill::FilledHead;
use super::lookup::standing;
use crate::coding::Coding;
use crate::fetch::Answered;
use crate::ledger::Standing;
use crate::policy::CodingRule;
use crate::respond;
use crate::stored::{Coded, CodedForm, Parts, Piece, StoredResponse, VaryKey};
use http::HeaderMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Contents that are coded at once. One processor codes some thousand pages a second, more than a shop makes; and what is asked
/// for meanwhile needs the others.
const RUNNING_MAX: usize = 1;
/// KiB of contents that wait for it. Past it, what is kept stays as it came until it is fetched or validated the next time.
const WAITING_KIB_MAX: usize = 64 * 1024;
/// For how long another proxy waits for the forms of what it finds in a shared store, before it keeps it in memory without.
pub(super) const AWAITED_MAX: Duration = Duration::from_secs(10);
/// For the store to write what is to be replaced.
const STORE_TIME_MAX: Duration = Duration::from_secs(5);

/// Places for contents that are to be coded.
pub(super) struct Coder {
    running: Semaphore,
    waiting: Arc<Semaphore>,
}

impl Default for Coder {
    fn default() -> Coder {
        Coder { running: Semaphore::new(RUNNING_MAX), waiting: Arc::new(Semaphore::new(WAITING_KIB_MAX)) }
    }
}

/// Whether a response that is kept may have coded forms, as far as its head tells.
pub(super) fn is_codable(errand: &Errand, answered: &Answered, length: Option<u64>, vary: &VaryKey) -> bool {
    let allows = |rule: &&Arc<CodingRule>| {
        length.is_none_or(|bytes| rule.suits(bytes)) && rule.allows(answered.status, &answered.fields, errand.whose())
    };
    errand.rule.coding.as_ref().filter(allows).is_some_and(|rule| !rule.codings_for(vary).is_empty())
}

/// Whether it will have them with a content of so many bytes.
pub(super) fn is_awaited(errand: &Errand, head: &FilledHead, bytes: u64) -> bool {
    head.is_codable && errand.rule.coding.as_ref().is_some_and(|rule| rule.suits(bytes))
}

/// Whether contents under the errand's rule are kept in a coding.
pub(super) fn makes(errand: &Errand, coding: Coding) -> bool {
    errand.rule.coding.as_ref().is_some_and(|rule| rule.codings.contains(&coding))
}

/// The head of a response that streams while it is kept: those on the way are told already what they will be told of its successors.
pub(super) fn fields_of(head: &FilledHead) -> HeaderMap {
    let mut fields = head.fields.clone();
    if head.is_codable {
        respond::vary_on_coding(&mut fields);
    }
    fields
}

/// A freshened response, without its coded forms where its head now forbids them, and with those that were made while it was
/// validated: a page that is validated at each request would else never get any.
pub(super) fn as_told(proxy: &Proxy, errand: &Errand, fresh: StoredResponse) -> StoredResponse {
    let allows = |fields| {
        let rule = errand.rule.coding.as_ref();
        rule.is_some_and(|rule| rule.allows(fresh.status, fields, errand.whose()))
    };
    let coded = match () {
        () if !fresh.is_negotiated() => return fresh,
        () if !allows(&fresh.fields().to_map()) => Coded::No,
        () if fresh.awaits_forms() => made_meanwhile(proxy, &fresh).map_or(Coded::Awaited, Coded::Made),
        () => return fresh,
    };
    StoredResponse::of(Parts { coded, ..fresh.to_parts() })
}

/// The forms of the same content, where they are kept by now.
fn made_meanwhile(proxy: &Proxy, fresh: &StoredResponse) -> Option<Box<[CodedForm]>> {
    let variants = proxy.memory.get(fresh.cache, &fresh.key().to_key())?;
    let own = variants.iter().find(|other| other.vary == fresh.vary)?;
    let has_them = own.is_negotiated() && !own.awaits_forms() && own.body == fresh.body;
    has_them.then(|| own.forms().into())
}

/// Starts making the forms that a stored response awaits, if there is room for it. Nobody waits for them, and a client that leaves
/// stops nothing; at the end of the process what has not begun is left.
pub(super) fn begin(proxy: &Arc<Proxy>, errand: &Errand, stored: &Arc<StoredResponse>) {
    let Some(rule) = errand.rule.coding.as_ref().filter(|_| stored.awaits_forms()) else { return };
    let kib = u32::try_from(stored.body.len() / 1024 + 1).unwrap_or(u32::MAX);
    let Ok(place) = proxy.coder.waiting.clone().try_acquire_many_owned(kib) else {
        tracing::debug!(path = errand.key.path(), "kept uncompressed: too much waits for that");
        return;
    };
    let (proxy, stored, codings) = (proxy.clone(), stored.clone(), rule.codings_for(&stored.vary));
    proxy.clone().tasks.spawn(async move {
        let _place = place;
        let Ok(_turn) = proxy.coder.running.acquire().await else { return };
        if proxy.tasks.is_closed() || is_overtaken(&proxy, &stored) {
            return;
        }
        let forms = tokio::task::spawn_blocking({
            let (stored, room) = (stored.clone(), room(&proxy, &stored));
            move || forms(&stored, &codings, room)
        });
        if let Ok(forms) = forms.await {
            put(&proxy, &stored, forms).await;
        }
    });
}

/// What may be added to a response: its forms must not cost it the place that it has without them.
fn room(proxy: &Proxy, stored: &StoredResponse) -> u64 {
    let (own, in_store) = (stored.weight() as u64, proxy.limits.object_bytes_max);
    let in_memory = proxy.memory.object_bytes_max(stored.cache);
    let most = if own > in_memory { in_store } else { in_memory.min(in_store) };
    most.saturating_sub(own)
}

/// A response's forms, in the order of `codings` and as many as there is room for.
fn forms(stored: &StoredResponse, codings: &[Coding], mut room: u64) -> Box<[CodedForm]> {
    let content = stored.body.pieces().iter().map(Piece::shared).collect::<Vec<_>>().concat();
    let mut forms = Vec::with_capacity(codings.len());
    for coding in codings {
        let form = coding.compressed(&content).map(|bytes| CodedForm::Whole(*coding, bytes));
        if let Some(form) = form.filter(|form| form.weight() as u64 <= room) {
            room -= form.weight() as u64;
            forms.push(form);
        }
    }
    forms.into()
}

/// What is kept in a response's place and can have its forms: it or what a validation made of it, as long as it is good for
/// anything.
fn takes_forms(
    proxy: &Proxy,
    stored: &StoredResponse,
    variants: &[Arc<StoredResponse>],
) -> Option<Arc<StoredResponse>> {
    let own = variants.iter().find(|other| other.vary == stored.vary)?;
    let is_same = own.awaits_forms() && own.body == stored.body && standing(proxy, own) == Standing::Valid;
    is_same.then(|| own.clone())
}

/// The same, asked of memory, and where that has let go of it or has no room for it, of the store.
async fn kept_now(proxy: &Proxy, stored: &StoredResponse) -> Option<Arc<StoredResponse>> {
    let key = stored.key().to_key();
    if let Some(variants) = proxy.memory.get(stored.cache, &key)
        && has_place(stored, &variants)
    {
        return takes_forms(proxy, stored, &variants);
    }
    // It may still wait to be written. A store that is out of order must not hold up what else is to be coded.
    timeout(STORE_TIME_MAX, proxy.store.flush()).await.ok()?.ok()?;
    takes_forms(proxy, stored, &proxy.store.get(stored.cache, &key).await.ok()?)
}

/// Whether a response's forms would be of no use any more, as far as can be told at once.
fn is_overtaken(proxy: &Proxy, stored: &StoredResponse) -> bool {
    let in_memory = proxy.memory.get(stored.cache, &stored.key().to_key());
    let others = in_memory.as_deref().unwrap_or_default();
    let is_succeeded = has_place(stored, others) && takes_forms(proxy, stored, others).is_none();
    is_succeeded || standing(proxy, stored) != Standing::Valid
}

fn has_place(stored: &StoredResponse, variants: &[Arc<StoredResponse>]) -> bool {
    variants.iter().any(|other| other.vary == stored.vary)
}

/// Puts what is kept with its forms in the place of itself.
async fn put(proxy: &Proxy, stored: &StoredResponse, forms: Box<[CodedForm]>) {
    let Some(own) = kept_now(proxy, stored).await else { return };
    let coded = Arc::new(StoredResponse::of(Parts { coded: Coded::Made(forms), ..own.to_parts() }));
    let _order = proxy.keeping();
    // A successor that came just now stays; its own forms are on their way.
    if proxy.note_for_session(&coded).is_ok() && proxy.memory.replace(coded.clone()) {
        // What the queue has no room for stays in memory alone; the store counts it.
        let _ = proxy.store.put(coded);
    }
}
