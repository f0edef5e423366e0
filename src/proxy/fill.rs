//! A fill: one fetch for a key, as those who wait for it see it. It always ends in one [`FillAnswer`], also when its task
//! is lost. The task itself is in `filling`.

use crate::body::BodyError;
use crate::clock::Timestamp;
use crate::fetch::{Answered, FetchFailure, Tape};
use crate::ledger::Stamp;
use crate::observe::{FillEnd, RouteFigures};
use crate::outcome::Reason;
use crate::policy::Whose;
use crate::respond::Keeper;
use crate::stored::{Lifetime, RuleFingerprint, StoredResponse, VaryKey};
use crate::tags::Tags;
use http::{HeaderMap, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A fill under way.
#[derive(Debug)]
pub(super) struct Fill {
    /// The ledger position when it began, before anything was sent.
    pub stamp: Stamp,
    /// When it began, on the steady clock.
    pub began: Timestamp,
    /// The rule that it fetches under: by another one the page may come from another origin.
    pub rule: RuleFingerprint,
    /// Its body, while it comes.
    pub tape: Tape,
    answer: watch::Sender<Option<FillAnswer>>,
    /// The response itself, where it is for the leader alone.
    private: Mutex<Option<Answered>>,
}

/// How a fill ended, or at least how its response begins.
#[derive(Clone, Debug)]
pub(super) enum FillAnswer {
    /// A response for all whom it fits; its body is on the tape.
    Streaming(Arc<FilledHead>),
    /// A page that has come whole, for all whom it fits, and [`Reason::Stored`] or why it is not kept.
    Whole(Arc<StoredResponse>, Reason),
    /// The stored response still holds; the origin took so long to say it.
    Validated(Arc<StoredResponse>, Duration),
    /// A response that cannot be shared: the leader finds it in the fill, the others fetch their own.
    NotShared(Reason, StatusCode),
    /// No response.
    Failed(FetchFailure),
}

/// The head of a response that is shared while it comes.
#[derive(Debug)]
pub(super) struct FilledHead {
    pub status: StatusCode,
    /// End-to-end fields, without tags, and without cookies where they are not one session's own.
    pub fields: HeaderMap,
    /// Fields that the response keeps from a shared cache (RFC 9111 5.2.2.4, 5.2.2.7): only who led the fetch gets them.
    pub leaders_fields: HeaderMap,
    /// What its body's length will be, where it was announced.
    pub length: Option<u64>,
    pub vary: VaryKey,
    pub tags: Tags,
    /// [`Reason::Stored`], or why it is not kept.
    pub storing: Reason,
    /// How long it is good for, where it is kept.
    pub lifetime: Option<Lifetime>,
    /// Whether it is kept in content codings too, as far as the head tells.
    pub is_codable: bool,
    /// For whom it was fetched.
    pub whose: Whose,
    /// How long the origin took.
    pub origin_time: Duration,
}

impl FilledHead {
    /// For whom it is kept; none: it is not.
    pub(super) fn keeper(&self) -> Option<Keeper> {
        self.lifetime.map(|lifetime| match self.whose {
            Whose::Everybodys => Keeper::Shared(lifetime.from),
            Whose::OneSessions => Keeper::Visitor,
        })
    }
}

impl Fill {
    /// A fill that begins now.
    pub(super) fn begin(stamp: Stamp, began: Timestamp, rule: RuleFingerprint) -> Fill {
        Fill { stamp, began, rule, tape: Tape::default(), answer: watch::Sender::new(None), private: Mutex::default() }
    }

    /// Waits for its answer. The fetch's own deadlines bound the wait.
    pub(super) async fn answer(&self) -> FillAnswer {
        let mut answers = self.answer.subscribe();
        match answers.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone().unwrap_or(FillAnswer::Failed(FetchFailure::Lost)),
            Err(_) => FillAnswer::Failed(FetchFailure::Lost),
        }
    }

    /// The response that is for the leader alone; the first to ask gets it.
    pub(super) fn take_private(&self) -> Option<Answered> {
        self.private.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Leaves a response for the leader alone.
    pub(super) fn leave_private(&self, answered: Answered) {
        *self.private.lock().unwrap_or_else(PoisonError::into_inner) = Some(answered);
    }

    /// Tells those who wait; only the first answer counts.
    pub(super) fn publish(&self, answer: FillAnswer) {
        self.answer.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(answer);
            first
        });
    }
}

/// Sees to it that a fill has an end, whatever happens to its task.
pub(super) struct Ending<'a> {
    pub fill: &'a Fill,
    pub figures: &'a RouteFigures,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if self.fill.answer.borrow().is_none() {
            self.fill.publish(FillAnswer::Failed(FetchFailure::Lost));
            self.figures.fill_ended(FillEnd::Lost, None);
        }
        self.fill.tape.end(Err(BodyError::Abandoned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache_name::CacheName;
    use crate::observe::Observer;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_lost_task_is_a_failure_for_those_who_wait_and_a_break_for_those_who_read() {
        let table = Observer::new("test").unwrap().routes([("home".into(), CacheName::Default)]);
        let fill = Arc::new(Fill::begin(Stamp::of(crate::ledger::Epoch(1), 0), Timestamp(0), RuleFingerprint(0)));
        let reader = fill.tape.reader().unwrap();
        let waiting = tokio::spawn({
            let fill = fill.clone();
            async move { fill.answer().await }
        });
        let lost = tokio::spawn(async move {
            let _ending = Ending { fill: &fill, figures: table.at(0) };
            fill.tape.write(bytes::Bytes::from_static(b"half"));
            panic!("a mistake of ours");
        });
        assert!(lost.await.is_err());
        assert!(matches!(waiting.await.unwrap(), FillAnswer::Failed(FetchFailure::Lost)));
        assert!(matches!(reader.collect().await, Err(BodyError::Abandoned)));
    }
}
