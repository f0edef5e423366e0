//! All origins, by the names that rules know them by.

use super::{Answered, FetchFailure, Origin, Outgoing, ServerFigures, Settings, health};
use crate::body::Body;
use crate::clock::Clock;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The origins. One for the whole process: another set of them takes a restart.
pub struct Origins(Box<[Arc<Origin>]>);

/// An origin at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginFigures {
    /// Its name.
    pub name: Arc<str>,
    /// Its servers, in the configuration's order.
    pub servers: Vec<ServerFigures>,
}

impl Origins {
    /// Pools for these origins; nothing is connected yet.
    pub fn new(settings: &[Settings], clock: &Clock) -> Origins {
        Origins(settings.iter().map(|own| Arc::new(Origin::new(own.clone(), clock.clone()))).collect())
    }

    /// Sends a request to the origin of that name; see [`Origin::send`].
    ///
    /// # Errors
    /// See [`FetchFailure`]. An origin that does not exist is [`FetchFailure::Lost`]: no rule that is in force names one.
    pub async fn send(&self, origin: &str, outgoing: Outgoing<'_>, body: Body) -> Result<Answered, FetchFailure> {
        let origin = self.named(origin).ok_or(FetchFailure::Lost)?;
        // In an allocation of its own: whatever waits for it would carry the room for it, and is moved more than once.
        Box::pin(origin.send(outgoing, body)).await
    }

    /// How long somebody waits for the origin of that name who can be given something stale instead; none: until it has failed.
    pub fn patience(&self, origin: &str) -> Option<Duration> {
        self.named(origin)?.patience()
    }

    /// What is known of all of them, in the configuration's order.
    pub fn figures(&self) -> Vec<OriginFigures> {
        let figures = |own: &Arc<Origin>| OriginFigures { name: own.settings.name.clone(), servers: own.figures() };
        self.0.iter().map(figures).collect()
    }

    /// What is to be done beside the requests: the health checks that are configured, one for each server, and closing
    /// connections that have waited too long. None of it ends by itself.
    pub fn upkeep(&self) -> Vec<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let places = self.0.iter().flat_map(|own| (0..own.servers.len()).map(move |place| (own, place)));
        let checks = places.filter_map(|(own, place)| health::watch(own, place));
        let checks = checks.map(|check| Box::pin(check) as Pin<Box<dyn Future<Output = ()> + Send>>);
        checks.chain(self.0.iter().map(|own| Box::pin(own.pool.clone().keep()) as _)).collect()
    }

    /// Waits until nothing is sent any more of requests whose answer has been read. Others are theirs who read the answers.
    pub async fn finish(&self) {
        for own in &self.0 {
            own.pool.finish().await;
        }
    }

    /// How many such requests there are.
    pub fn uploads(&self) -> usize {
        self.0.iter().map(|own| own.pool.uploads()).sum()
    }

    fn named(&self, name: &str) -> Option<&Arc<Origin>> {
        self.0.iter().find(|own| &*own.settings.name == name)
    }
}
