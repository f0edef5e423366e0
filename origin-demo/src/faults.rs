//! Switches that make the shop misbehave: slow, in error, reset, or cut short.
//!
//! One fault at a time, for paths with a given prefix, for a number of requests or until it is
//! switched off. The switch itself and the figures are never affected.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde_json::{Value, json};

use crate::wire::ResetSwitch;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Only the delay.
    Slow,
    /// A 503 instead of the page.
    Error,
    /// Half of the body, then a TCP reset.
    Reset,
    /// Half of the announced body, then an orderly close.
    Cut,
}

/// A fault and whom it meets.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) mode: Mode,
    /// Before the head; for any mode.
    pub(crate) delay: Duration,
    /// Paths that begin so.
    pub(crate) path: String,
    /// Requests left to be met; no number means no end.
    pub(crate) count: Option<u32>,
}

/// The switchboard.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Option<Fault>>);

impl Mode {
    pub(crate) const NAMES: [(&'static str, Option<Self>); 5] = [
        ("none", None),
        ("slow", Some(Self::Slow)),
        ("error", Some(Self::Error)),
        ("reset", Some(Self::Reset)),
        ("cut", Some(Self::Cut)),
    ];

    /// The name of a mode; `none` where there is none.
    pub(crate) fn name(mode: Option<Self>) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, of)| *of == mode);
        named.map_or("none", |(name, _)| name)
    }
}

impl Faults {
    /// Switches to `fault`, or to none.
    pub(crate) fn set(&self, fault: Option<Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The fault that a request for `path` meets. It counts as met.
    pub(crate) fn meet(&self, path: &str) -> Option<Fault> {
        let mut switched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = switched.as_mut().filter(|fault| path.starts_with(&fault.path))?;
        let met = fault.clone();
        if let Some(left) = &mut fault.count {
            *left = left.saturating_sub(1);
            if *left == 0 {
                *switched = None;
            }
        }
        Some(met)
    }

    /// What is switched on, for the page that shows it.
    pub(crate) fn current(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn json(&self) -> Value {
        match self.current() {
            None => json!({ "mode": "none" }),
            Some(fault) => json!({
                "mode": Mode::name(Some(fault.mode)),
                "delay_ms": u64::try_from(fault.delay.as_millis()).unwrap_or(u64::MAX),
                "path": fault.path,
                "count": fault.count,
            }),
        }
    }
}

/// A body that gives its first half and then fails, which makes hyper close the connection.
pub(crate) struct BrokenBody {
    half: Option<Bytes>,
    flushed: bool,
    reset: Option<ResetSwitch>,
}

impl BrokenBody {
    /// The first half of `whole`; with a switch the connection ends with a reset.
    pub(crate) fn new(whole: &Bytes, reset: Option<ResetSwitch>) -> Self {
        Self { half: Some(whole.slice(..whole.len() / 2)), flushed: false, reset }
    }
}

impl Body for BrokenBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            // hyper flushes when a body has nothing ready; failing at once would take back what
            // was written, head included.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(reset) = self.reset.take() {
            reset.arm();
        }
        Poll::Ready(Some(Err(io::Error::other("cut short, as asked"))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, Mode};
    use std::time::Duration;

    #[test]
    fn met_by_prefix_and_number() {
        let faults = Faults::default();
        assert!(faults.meet("/").is_none());
        let path = "/products/".to_owned();
        let fault = Fault { mode: Mode::Error, delay: Duration::ZERO, path, count: Some(2) };
        faults.set(Some(fault));
        assert!(faults.meet("/products").is_none());
        assert!(faults.meet("/products/a").is_some());
        assert_eq!(faults.json()["count"], 1);
        assert!(faults.meet("/products/b").is_some());
        assert!(faults.meet("/products/c").is_none());
        assert_eq!(faults.json()["mode"], "none");
    }
}
