//! Coded forms of what is kept, made once and behind those who wait for it: they have it as it came.
//!
//! The forms join the stored response that they are of, in its own generation and under its own stamp. What was purged meanwhile
//! stays so, and what has taken its place meanwhile stays there.

use super::Proxy;
use super::fill::FilledHead;
use super::lookup::standing;
use super::miss::Errand;
use crate::coding::Coding;
use crate::fetch::Answered;
use crate::ledger::Standing;
use crate::policy::CodingRule;
use crate::respond;
use crate::store::Variants;
use crate::stored::{Coded, CodedForm, Parts, Piece, StoredResponse, VaryKey};
use http::HeaderMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Contents that are coded at once. One processor codes some thousand pages a second, more than a shop makes; and what is asked
/// for meanwhile needs the others.
const RUNNING_MAX: usize = 1;
/// KiB of contents that wait for it. Past it, what is kept stays as it came until it is fetched or validated the next time.
const WAITING_KIB_MAX: usize = 64 * 1024;
/// For how long another proxy waits for the forms of what it finds in a shared store, before it keeps it in memory without.
pub(super) const AWAITED_MAX: Duration = Duration::from_secs(10);

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

/// A freshened response, without its coded forms where its head now forbids them.
pub(super) fn as_told(errand: &Errand, fresh: StoredResponse) -> StoredResponse {
    let allows = |fields| {
        let rule = errand.rule.coding.as_ref();
        rule.is_some_and(|rule| rule.allows(fresh.status, fields, errand.whose()))
    };
    if !fresh.is_negotiated() || allows(&fresh.fields().to_map()) {
        return fresh;
    }
    StoredResponse::of(Parts { coded: Coded::No, ..fresh.to_parts() })
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
        if proxy.tasks.is_closed() || standing(&proxy, &stored) != Standing::Valid {
            return;
        }
        let coded = tokio::task::spawn_blocking({
            let (stored, bytes_max) = (stored.clone(), bytes_max(&proxy, &stored));
            move || with_forms(&stored, &codings, bytes_max)
        });
        if let Ok(coded) = coded.await {
            put(&proxy, Arc::new(coded)).await;
        }
    });
}

/// What a response may weigh with its forms: they must not cost it the place that it has without them.
fn bytes_max(proxy: &Proxy, stored: &StoredResponse) -> u64 {
    let in_memory = proxy.memory.object_bytes_max(stored.cache);
    let in_store = proxy.limits.object_bytes_max;
    if stored.weight() as u64 > in_memory { in_store } else { in_memory.min(in_store) }
}

/// The response with its forms, in the order of `codings` and as many as there is room for.
fn with_forms(stored: &StoredResponse, codings: &[Coding], bytes_max: u64) -> StoredResponse {
    let content = stored.body.pieces().iter().map(Piece::shared).collect::<Vec<_>>().concat();
    let mut room = bytes_max.saturating_sub(stored.weight() as u64);
    let mut forms = Vec::with_capacity(codings.len());
    for coding in codings {
        let form = coding.compressed(&content).map(|bytes| CodedForm::Whole(*coding, bytes));
        if let Some(form) = form.filter(|form| form.weight() as u64 <= room) {
            room -= form.weight() as u64;
            forms.push(form);
        }
    }
    StoredResponse::of(Parts { coded: Coded::Made(forms.into()), ..stored.to_parts() })
}

/// Puts a response with its forms in the place of itself, if it still is there and good for anything.
async fn put(proxy: &Proxy, coded: Arc<StoredResponse>) {
    let key = coded.key().to_key();
    let is_succeeded = |variants: &[Arc<StoredResponse>]| {
        let own = variants.iter().find(|other| other.vary == coded.vary);
        own.map(|own| own.generation != coded.generation)
    };
    if proxy.memory.get(coded.cache, &key).as_deref().and_then(is_succeeded).is_none() {
        // Memory has let go of it. Where the store has another one or none, the forms are of no use.
        let stored = proxy.store.get(coded.cache, &key).await.map(Variants::of);
        if stored.ok().as_deref().and_then(is_succeeded) != Some(false) {
            return;
        }
    }
    let _order = proxy.keeping();
    let is_good = standing(proxy, &coded) == Standing::Valid && proxy.note_for_session(&coded).is_ok();
    if is_good && proxy.memory.replace(coded.clone()) {
        // What the queue has no room for stays in memory alone; the store counts it.
        let _ = proxy.store.put(coded);
    }
}
