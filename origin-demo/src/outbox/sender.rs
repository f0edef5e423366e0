//! The sender: takes the oldest message, delivers it, and only then looks at the next.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::Webhook;
use super::deliver::deliver;
use crate::database::{Database, DatabaseError, Message};
use crate::time::now_ms;

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// How long an edit's answer waits for the delivery, so that the page it leads to is the new one.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);

/// The pages' side of the sender. Without a webhook messages are kept and nobody is waited for.
pub(crate) struct Outbox {
    wake: Arc<Notify>,
    /// Place of the last message delivered; `None` without a webhook.
    delivered: Option<watch::Receiver<i64>>,
}

impl Outbox {
    /// The handle, and the sender to run if there is a webhook. The sender may be dropped at any
    /// time: what it was about to deliver is still in the table.
    pub(crate) fn new(
        database: Database,
        webhook: Option<Webhook>,
    ) -> (Self, Option<impl Future<Output = ()> + Send + 'static>) {
        let wake = Arc::new(Notify::new());
        let Some(webhook) = webhook else {
            return (Self { wake, delivered: None }, None);
        };
        let (progress, delivered) = watch::channel(0);
        let sender = Sender { database, webhook, wake: Arc::clone(&wake), progress };
        (Self { wake, delivered: Some(delivered) }, Some(sender.run()))
    }

    /// Wakes the sender for the message at `place`, just committed, and waits a little for it to
    /// be delivered. If it is not, that is the sender's business, not the visitor's.
    pub(crate) async fn committed(&self, place: i64) {
        self.wake.notify_one();
        if let Some(mut delivered) = self.delivered.clone() {
            let confirmed = delivered.wait_for(|last| *last >= place);
            let _ = timeout(CONFIRM_TIMEOUT, confirmed).await;
        }
    }
}

struct Sender {
    database: Database,
    webhook: Webhook,
    wake: Arc<Notify>,
    progress: watch::Sender<i64>,
}

impl Sender {
    async fn run(self) {
        loop {
            match self.next().await {
                Ok(Some(message)) => self.pursue(&message).await,
                Ok(None) => self.wake.notified().await,
                Err(DatabaseError::Gone) => return,
                Err(error) => {
                    eprintln!("origin-demo: outbox: {error}");
                    sleep(BACKOFF_MAX).await;
                }
            }
        }
    }

    async fn next(&self) -> Result<Option<Message>, DatabaseError> {
        self.database.ask(Message::oldest).await.map(|(message, _)| message)
    }

    /// One attempt, at the message's time or at a wake, whichever comes first: whoever has just
    /// committed an edit is waiting, and everything before it has to go first.
    async fn pursue(&self, message: &Message) {
        let wait = u64::try_from(message.next_attempt_ms - now_ms()).unwrap_or(0);
        // A clock that was set back must not make the wait longer than it can have been meant.
        let wait = Duration::from_millis(wait).min(BACKOFF_MAX);
        let _ = timeout(wait, self.wake.notified()).await;
        let noted = match deliver(&self.webhook, message, now_ms()).await {
            Ok(()) => self.note_delivered(message.place).await,
            Err(reason) => self.note_failed(message, &reason.to_string()).await,
        };
        if let Err(error) = noted {
            // The message is still due, and will be sent again under the same id.
            eprintln!("origin-demo: outbox: {error}");
            sleep(BACKOFF_FIRST).await;
        }
    }

    async fn note_delivered(&self, place: i64) -> Result<(), DatabaseError> {
        self.database.ask(move |q| Message::delivered(q, place, now_ms())).await?;
        self.progress.send_replace(place);
        Ok(())
    }

    async fn note_failed(&self, message: &Message, reason: &str) -> Result<(), DatabaseError> {
        let pause = backoff(message.attempts);
        let (id, place) = (&message.id, message.place);
        eprintln!("origin-demo: webhook {id}: {reason}; again in {} ms", pause.as_millis());
        let next_ms = now_ms().saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        self.database.ask(move |q| Message::failed(q, place, next_ms)).await.map(drop)
    }
}

/// The pause after a failure that `attempts` failures preceded.
fn backoff(attempts: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(attempts)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::{BACKOFF_MAX, backoff};
    use std::time::Duration;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        for (attempts, ms) in [(0, 100), (1, 200), (5, 3200), (8, 25_600)] {
            assert_eq!(backoff(attempts), Duration::from_millis(ms));
        }
        assert_eq!(backoff(9), BACKOFF_MAX);
        assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
    }
}
