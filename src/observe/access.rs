//! The access log: one line a request. It is told the outcome that `Cache-Status` and the metrics were told, and never a
//! cookie, an Authorization or any other field.

use super::line::{Line, name};
use super::routes::RouteFigures;
use super::spool::{LogFile, OpenError, Spool};
use super::time::Dated;
use super::{AccessLog, Format, Settings};
use crate::clock::Timestamp;
use crate::outcome::Outcome;
use http::{Method, StatusCode};
use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Bytes of a value that a line keeps, by what it is.
const METHOD_BYTES_MAX: usize = 32;
const ID_BYTES_MAX: usize = 64;
const HOST_BYTES_MAX: usize = 256;
const TARGET_BYTES_MAX: usize = 1024;

/// One request that has been answered, at the end of its response.
#[derive(Clone, Copy)]
pub struct Served<'a> {
    /// When its head came, by the wall's clock.
    pub time: Timestamp,
    /// From its head to the end of the response.
    pub duration: Duration,
    /// The id that the origin and the client were told.
    pub id: &'a str,
    /// Who asked.
    pub client: IpAddr,
    /// Its method.
    pub method: &'a Method,
    /// The host it asked for; empty where it named none.
    pub host: &'a str,
    /// Its raw path and query.
    pub target: &'a str,
    /// The figures of the route it fell under.
    pub route: &'a RouteFigures,
    /// The status that was sent.
    pub status: StatusCode,
    /// Body bytes that were sent.
    pub bytes: u64,
    /// Whether the response was sent to its end; not where the client left or the body broke off.
    pub complete: bool,
    /// How and why.
    pub outcome: Outcome,
    /// How long the origin took to answer, where this request went there.
    pub origin_time: Option<Duration>,
    /// What the stored response that was served had taken the origin; none where it was asked now.
    pub saved: Option<Duration>,
}

/// Where lines go and how they look.
pub(super) struct Access {
    settings: Settings,
    spool: Spool,
}

thread_local! {
    /// The line in the making, so that a request allocates none, and the second that it is in.
    static LINE: RefCell<(Vec<u8>, Dated)> = const { RefCell::new((Vec::new(), Dated::new())) };
}

impl Access {
    /// Opens the log; none where it is off.
    pub(super) fn open(settings: &Settings, lost: Arc<AtomicU64>) -> Result<Option<Access>, OpenError> {
        let spool = match &settings.access {
            AccessLog::Off => return Ok(None),
            AccessLog::Stdout => Spool::start(io::stdout(), lost),
            AccessLog::Stderr => Spool::start(io::stderr(), lost),
            AccessLog::File(path) => Spool::start(LogFile::open(path)?, lost),
        };
        Ok(Some(Access { settings: settings.clone(), spool: spool? }))
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn reopen(&self) {
        self.spool.reopen();
    }

    pub(super) fn close(&self) {
        self.spool.close();
    }

    pub(super) fn served(&self, served: &Served<'_>) {
        LINE.with_borrow_mut(|(line, dated)| {
            line.clear();
            write_line(line, self.settings.format, dated, served);
            self.spool.push(line);
        });
    }
}

fn write_line(out: &mut Vec<u8>, format: Format, dated: &mut Dated, served: &Served<'_>) {
    let time = dated.at(served.time);
    match format {
        Format::Json => write_fields(Line::<true>::begin(out, time), served),
        Format::Logfmt => write_fields(Line::<false>::begin(out, time), served),
    }
}

fn write_fields<const JSON: bool>(mut line: Line<'_, JSON>, served: &Served<'_>) {
    let outcome = &served.outcome;
    line.text(name!("id"), served.id, ID_BYTES_MAX)
        .address(name!("client"), served.client)
        .text(name!("method"), served.method.as_str(), METHOD_BYTES_MAX)
        .text(name!("host"), served.host, HOST_BYTES_MAX)
        .text(name!("path"), served.target, TARGET_BYTES_MAX)
        .number(name!("status"), u64::from(served.status.as_u16()))
        .number(name!("bytes"), served.bytes)
        .milliseconds(name!("duration_ms"), served.duration)
        .text(name!("route"), served.route.name(), usize::MAX)
        .word(name!("cache"), served.route.cache().as_str())
        .word(name!("outcome"), outcome.kind.as_str())
        .word(name!("reason"), outcome.reason.as_str());
    if let Some(stored) = outcome.storing {
        line.word(name!("stored"), stored.as_str());
    }
    if let Some(origin_time) = served.origin_time {
        line.milliseconds(name!("origin_ms"), origin_time);
    }
    if let Some(ttl) = outcome.ttl_secs {
        line.signed(name!("ttl"), ttl);
    }
    if !served.complete {
        line.truth(name!("cut"));
    }
    line.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache_name::CacheName;
    use crate::observe::Observer;
    use crate::outcome::{Kind, Reason};

    #[test]
    fn a_line_tells_the_request_and_what_became_of_it() {
        let observer = Observer::new("1.2.3").unwrap();
        let table = observer.routes([("home".into(), CacheName::Default)]);
        let mut outcome = Outcome::new(Kind::Miss, Reason::NotStored);
        outcome.storing = Some(Reason::SetCookie);
        outcome.ttl_secs = Some(-3);
        let served = Served {
            time: Timestamp(1_709_251_199_001),
            duration: Duration::from_micros(1_234_567),
            id: "a1",
            client: IpAddr::from([192, 0, 2, 1]),
            method: &Method::GET,
            host: "shop.example",
            target: "/?q=\"x\" outcome=hit",
            route: table.at(0),
            status: StatusCode::OK,
            bytes: 12,
            complete: false,
            outcome,
            origin_time: Some(Duration::from_micros(4_005)),
            saved: None,
        };
        let (mut out, mut dated) = (Vec::new(), Dated::new());
        write_line(&mut out, Format::Logfmt, &mut dated, &served);
        write_line(&mut out, Format::Json, &mut dated, &served);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "time=2024-02-29T23:59:59.001Z id=a1 client=192.0.2.1 method=GET host=shop.example \
             path=\"/?q=\\\"x\\\" outcome=hit\" status=200 bytes=12 duration_ms=1234.567 route=home cache=default \
             outcome=miss reason=not-stored stored=set-cookie origin_ms=4.005 ttl=-3 cut=true\n\
             {\"time\":\"2024-02-29T23:59:59.001Z\",\"id\":\"a1\",\"client\":\"192.0.2.1\",\"method\":\"GET\",\
             \"host\":\"shop.example\",\"path\":\"/?q=\\\"x\\\" outcome=hit\",\"status\":200,\"bytes\":12,\
             \"duration_ms\":1234.567,\"route\":\"home\",\"cache\":\"default\",\"outcome\":\"miss\",\
             \"reason\":\"not-stored\",\"stored\":\"set-cookie\",\"origin_ms\":4.005,\"ttl\":-3,\"cut\":true}\n"
        );
    }
}
