//! Looking at an origin's servers now and then, whether requests come or not.
//!
//! Never on a request's path, and not among the origin's `connections`: a busy shop must not look like one that is ill.

use super::Outgoing;
use super::body::Lent;
use super::line::Arriving;
use super::outbound::OWN_USER_AGENT;
use super::{HealthSettings, Origin};
use crate::body::Body;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Bytes of an answer that are read so that its connection can be used again; a longer one is closed.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Looks in a row, and what they come to. Pure.
#[derive(Debug)]
struct Looks {
    is_well: bool,
    /// How many in a row said the opposite.
    against: u32,
}

impl Looks {
    /// A server counts as well until looks have said otherwise.
    const fn new() -> Looks {
        Looks { is_well: true, against: 0 }
    }

    /// Takes one in. Tells whether the server changes with it.
    fn take(&mut self, found_well: bool, settings: &HealthSettings) -> bool {
        if found_well == self.is_well {
            self.against = 0;
            return false;
        }
        self.against += 1;
        let enough = if found_well { settings.healthy_after } else { settings.unhealthy_after };
        if self.against < enough {
            return false;
        }
        *self = Looks { is_well: found_well, against: 0 };
        true
    }
}

/// Looks at one server for ever; none where that is not configured.
pub(super) fn watch(origin: &Arc<Origin>, place: usize) -> Option<impl Future<Output = ()> + Send + 'static> {
    let (origin, settings) = (origin.clone(), origin.settings.health.clone()?);
    Some(async move {
        let mut looks = Looks::new();
        let mut times = interval(settings.interval);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            let found = look(&origin, &settings, place).await;
            if looks.take(found.is_ok(), &settings) {
                origin.servers.checked(place, found);
            }
        }
    })
}

/// One look; the error says in words what is wrong.
async fn look(origin: &Origin, settings: &HealthSettings, place: usize) -> Result<(), String> {
    let asked = timeout(settings.timeout, ask(origin, settings, place)).await;
    let response = asked.map_err(|_| format!("it did not answer within {} ms", settings.timeout.as_millis()))??;
    let (status, body) = (response.status(), response.into_body());
    // How it ends is no sign of anything.
    let _ = timeout(settings.timeout, drain(body)).await;
    let is_good = if settings.statuses.is_empty() { status.is_success() } else { settings.statuses.contains(&status) };
    if is_good { Ok(()) } else { Err(wrong_status(status, &settings.path)) }
}

/// What is told of a wrong answer, in the log and in the status. A query may hold a secret.
fn wrong_status(status: StatusCode, path_and_query: &str) -> String {
    let path = path_and_query.split('?').next().unwrap_or_default();
    format!("it answered {} to {path}", status.as_u16())
}

async fn ask(origin: &Origin, settings: &HealthSettings, place: usize) -> Result<Response<Arriving>, String> {
    let server = origin.servers.url(place);
    let mut fields = HeaderMap::new();
    let own = server.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let host = HeaderValue::from_str(settings.host.as_deref().unwrap_or(own)).map_err(|error| error.to_string())?;
    fields.insert(header::HOST, host);
    fields.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    fields.insert(header::USER_AGENT, OWN_USER_AGENT);
    let fields = || fields.clone();
    let request = Outgoing::new(&Method::GET, &settings.path, &fields).with(Lent::new(Body::empty()));
    let response = origin.exchange(place, request.map_err(|failure| failure.to_string())?, None, true).await;
    response.map_err(|failure| failure.to_string())
}

/// Reads a short answer to its end.
async fn drain(mut body: Arriving) {
    let mut bytes_left = BODY_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        match bytes_left.checked_sub(frame.data_ref().map_or(0, bytes::Bytes::len)) {
            Some(left) => bytes_left = left,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_query_is_told_to_nobody() {
        assert_eq!(wrong_status(StatusCode::FORBIDDEN, "/healthz?token=s3cret"), "it answered 403 to /healthz");
    }

    #[test]
    fn only_so_many_looks_in_a_row_change_anything() {
        let settings = HealthSettings {
            path: "/".into(),
            host: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            unhealthy_after: 3,
            healthy_after: 2,
            statuses: [].into(),
        };
        // A look is good (+) or bad (-); a change is told where it stands in capitals: W well, I ill.
        for (looks, expected) in [
            ("+++", "..."),
            ("--+--+", "......"),
            ("---", "..I"),
            ("---+-++", "..I...W"),
            ("---++---", "..I.W..I"),
            ("-----", "..I.."),
        ] {
            let mut own = Looks::new();
            let told: String = looks
                .chars()
                .map(|look| match (own.take(look == '+', &settings), own.is_well) {
                    (false, _) => '.',
                    (true, true) => 'W',
                    (true, false) => 'I',
                })
                .collect();
            assert_eq!(told, expected, "{looks}");
        }
    }
}
