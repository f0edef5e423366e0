//! Reading a fill's body: onto its tape, and within what all fills may hold.

use super::Proxy;
use super::errand::Errand;
use super::fill::Fill;
use crate::body::BodyError;
use crate::fetch::{Lead, OriginBody};
use bytes::Bytes;
use http_body_util::BodyExt;
use std::sync::atomic::Ordering;

/// The next bytes of a body; none at its end.
pub(super) async fn next_part(body: &mut OriginBody) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
}

/// A body that has come to its end.
pub(super) struct Recorded {
    /// All of it; none where it grew too large to keep.
    pub whole: Option<Bytes>,
    /// What of it is not on the tape yet: with an announced length, the last bytes are its end to a client.
    pub last: Bytes,
}

/// Reads a body onto the tape.
pub(super) async fn record(
    proxy: &Proxy,
    lead: &Lead<Fill>,
    errand: &Errand,
    length: Option<u64>,
    first: Option<Bytes>,
    mut body: OriginBody,
) -> Result<Recorded, BodyError> {
    let fill = lead.fetch();
    let mut held = Held::nothing(proxy);
    let (mut running, mut part, mut last) = (false, first, Bytes::new());
    while let Some(data) = part {
        if !running && !held.take(data.len() as u64) {
            running = true;
            lead.close();
            proxy.note_unstorable(errand);
            fill.tape.let_run();
        }
        if running && !fill.tape.room().await {
            return Err(BodyError::Abandoned);
        }
        if !running && length == Some(held.bytes) {
            last = data;
        } else {
            fill.tape.write(data);
        }
        part = next_part(&mut body).await?;
    }
    Ok(Recorded { whole: (!running).then(|| fill.tape.contents(&last)), last })
}

/// Bytes that one fill holds, of those that all may.
pub(super) struct Held<'a> {
    proxy: &'a Proxy,
    bytes: u64,
}

impl<'a> Held<'a> {
    pub(super) fn nothing(proxy: &'a Proxy) -> Held<'a> {
        Held { proxy, bytes: 0 }
    }

    /// Takes more; false where that would be too much, for this fill or for all.
    pub(super) fn take(&mut self, more: u64) -> bool {
        let limits = self.proxy.limits;
        if self.bytes + more > limits.object_bytes_max {
            return false;
        }
        let all = self.proxy.filling_bytes.fetch_add(more, Ordering::Relaxed);
        if all + more > limits.filling_bytes_max {
            self.proxy.filling_bytes.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes += more;
        true
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.proxy.filling_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
