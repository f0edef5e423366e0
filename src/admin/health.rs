//! Health, for supervisors and load balancers: no token, and no detail that is not public.
//!
//! *Live* means that the process answers. *Ready* means that requests should be sent to it. A store in trouble, or a
//! configuration that was refused, is told but costs no readiness: the shop is up from memory and origin, under the last
//! good configuration.

use super::answer;
use super::backstage::{Phase, Situation};
use crate::body::Body;
use crate::observe::Figures;
use http::{Response, StatusCode};
use serde::Serialize;

#[derive(Serialize)]
struct Ready {
    ready: bool,
    parts: Parts,
}

/// One word for each part.
#[derive(Serialize)]
struct Parts {
    proxy: &'static str,
    store: &'static str,
    ledger: &'static str,
    config: &'static str,
}

pub(super) fn live() -> Response<Body> {
    answer::json(StatusCode::OK, &serde_json::json!({ "live": true }))
}

pub(super) fn ready(situation: &Situation, figures: &Figures) -> Response<Body> {
    let ready = situation.phase == Phase::Serving;
    let troubled_store = figures.store.as_ref().is_some_and(|store| store.trouble.is_some());
    let is_cut_off = figures.ledger.sharing.as_ref().is_some_and(|sharing| sharing.trouble.is_some());
    let troubled_ledger = situation.ledger_trouble.is_some() || is_cut_off;
    let parts = Parts {
        proxy: match situation.phase {
            Phase::Starting => "starting",
            Phase::Serving => "ok",
            Phase::Draining => "draining",
        },
        store: if troubled_store { "degraded" } else { "ok" },
        ledger: if troubled_ledger { "degraded" } else { "ok" },
        config: if situation.config.refused.is_empty() { "ok" } else { "refused" },
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, &Ready { ready, parts })
}
