//! Reading the variants of a page: one command, and one more for each body that is kept apart, all within one deadline.
//!
//! What is there was written by anybody: each value is looked at before it is believed, its whole key compared. What cannot
//! be read is a miss, and is let go.

use super::frame::{self, Content, Framed};
use super::names::{Field, Names};
use super::queue::{Change, Queue, Write};
use super::shared::Shared;
use super::trouble::Failure;
use crate::cache_name::CacheName;
use crate::key::Key;
use crate::store::StoreError;
use crate::stored::{StoredResponse, codec};
use bytes::Bytes;
use redis::Value;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// Bytes of one page's variants that one read brings to memory, at most; what does not fit is left out, as if it were not
/// there. Thirty-two large variants of one page must not take the proxy's memory.
const READ_BYTES_MAX: usize = 32 * 1024 * 1024;

/// One look at one page.
pub(super) struct Lookup<'a> {
    shared: &'a Shared,
    /// For what is found to be of no use.
    queue: &'a Queue,
    cache: CacheName,
    key: &'a Key,
    page: String,
    until: Instant,
}

impl<'a> Lookup<'a> {
    /// A look that ends after the time that a read may take.
    pub(super) fn new(shared: &'a Shared, queue: &'a Queue, cache: CacheName, key: &'a Key) -> Lookup<'a> {
        let until = Instant::now() + shared.settings.read_timeout;
        Lookup { shared, queue, cache, key, page: shared.names.page(cache, key), until }
    }

    /// The variants that are stored, newest first.
    pub(super) async fn variants(&self) -> Result<Vec<Arc<StoredResponse>>, StoreError> {
        self.shared.reads.admit()?;
        match self.read().await {
            Ok(found) => Ok(found),
            Err(failure) if failure.is_wrong_type() => {
                tracing::warn!(cache = %self.cache, "a key that holds no page is let go");
                self.push(Change::Unlink { page: self.page.clone() });
                Ok(Vec::new())
            }
            Err(failure) => {
                // One that was never sent is not counted: the link's trouble is told by itself.
                let sent = u64::from(!matches!(failure, Failure::Connect(_)));
                self.shared.errors.fetch_add(sent, Ordering::Relaxed);
                Err(failure.into())
            }
        }
    }

    async fn read(&self) -> Result<Vec<Arc<StoredResponse>>, Failure> {
        let mut get = redis::cmd("HGETALL");
        get.arg(&self.page);
        let (link, limit) = (&self.shared.reading, self.shared.settings.read_timeout);
        let answer = self.shared.ask(link, &self.shared.reads, limit, &get).await?;
        let (mut found, mut bytes, mut failed) = (Vec::new(), 0, None);
        for (field, name, value) in self.newest_first(answer) {
            bytes += value.len();
            if bytes > READ_BYTES_MAX && !found.is_empty() {
                break;
            }
            // With no time for one large body there is none for the next; the small ones are here.
            if field.apart.is_some() && failed.is_some() {
                continue;
            }
            match self.variant(field, name, value).await {
                Ok(Some(response)) => {
                    bytes += if field.apart.is_some() { response.body.len() } else { 0 };
                    found.push(Arc::new(response));
                }
                Ok(None) => {}
                Err(failure) => failed = Some(failure),
            }
        }
        failed.filter(|_| found.is_empty()).map_or(Ok(found), Err)
    }

    fn newest_first(&self, answer: Value) -> Vec<(Field, Vec<u8>, Vec<u8>)> {
        let mut fields = Vec::new();
        for (name, value) in pairs(answer) {
            match Field::parse(&name) {
                Some(field) => fields.push((field, name, value)),
                None => self.let_go(name, Some(&"a field that is none of ours")),
            }
        }
        fields.sort_unstable_by_key(|(field, ..)| Reverse(field.order));
        fields
    }

    /// The response of one field; none where there is none that may be used.
    async fn variant(&self, field: Field, name: Vec<u8>, value: Vec<u8>) -> Result<Option<StoredResponse>, Failure> {
        let Framed { received, meta, body } = match frame::read(value) {
            Ok(framed) => framed,
            Err(error) => {
                self.let_go(name, Some(&error));
                return Ok(None);
            }
        };
        let body = match body {
            Content::Here(body) => body,
            Content::Apart(length) => match self.body(field.generation).await? {
                Some(body) if body.len() as u64 == length => body,
                Some(_) => {
                    self.let_go(name, Some(&"a body of another length"));
                    return Ok(None);
                }
                // The server made room: nothing is damaged.
                None => {
                    self.let_go(name, None);
                    return Ok(None);
                }
            },
        };
        match codec::decode(&meta, &body) {
            Ok(response) if response.key() == *self.key && response.cache == self.cache => {
                let clock = &self.shared.clock;
                let response = response.received_at(frame::to_steady(clock, received));
                Ok(Some(response).filter(|response| response.lifetime().keep_until() > clock.now()))
            }
            Ok(_) => {
                self.let_go(name, Some(&"another page's response"));
                Ok(None)
            }
            Err(error) => {
                self.let_go(name, Some(&error));
                Ok(None)
            }
        }
    }

    async fn body(&self, generation: u64) -> Result<Option<Bytes>, Failure> {
        let mut get = redis::cmd("GET");
        get.arg(Names::body(&self.page, generation));
        let rest = self.until.saturating_duration_since(Instant::now());
        match self.shared.ask(&self.shared.bulk, &self.shared.reads, rest, &get).await {
            Ok(Value::BulkString(body)) => Ok(Some(body.into())),
            Ok(_) => Ok(None),
            Err(failure) if failure.is_about_data() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Lets a field go that is of no use; with the reason where it is damaged.
    fn let_go(&self, field: Vec<u8>, damaged: Option<&dyn std::fmt::Display>) {
        if let Some(why) = damaged {
            tracing::warn!(cache = %self.cache, why = %why, "a stored response is let go");
        }
        self.push(Change::Drop { page: self.page.clone(), field, damaged: damaged.is_some() });
    }

    fn push(&self, change: Change) {
        // A full queue takes it another time: it is found again.
        let _ = self.queue.push(Write::Change(change));
    }
}

/// Names and values, without a copy.
fn pairs(answer: Value) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let Value::Array(flat) = answer else { return Pairs(Vec::new().into_iter()) };
    Pairs(flat.into_iter())
}

struct Pairs(std::vec::IntoIter<Value>);

impl Iterator for Pairs {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        match (self.0.next()?, self.0.next()?) {
            (Value::BulkString(name), Value::BulkString(value)) => Some((name, value)),
            // The protocol has no other.
            _ => self.next(),
        }
    }
}
