//! `vitrine ledger`: the audit log, and its tail.

use super::client::{Client, read};
use super::show::plain;
use super::{Failure, Ledger, deliveries};
use crate::admin::{RecordShown, RecordsShown};
use serde_json::Value;
use std::io::Write;
use std::time::Duration;

/// Seconds that each question waits for a record; the proxy allows 30.
const WAIT_SECONDS: u64 = 25;
/// A proxy with too many who wait answers at once; asking it again and again would not help it.
const BETWEEN_EMPTY: Duration = Duration::from_millis(500);
const PAGE: u64 = 1_000;

pub(super) async fn run(client: &Client, ledger: &Ledger, json: bool) -> Result<(), Failure> {
    if let Some(number) = ledger.delivery {
        return deliveries::one(client, number, json).await;
    }
    if ledger.deliveries {
        return deliveries::list(client, ledger.limit, json).await;
    }
    let head = page(client, "?limit=0").await?;
    let mut after = head.position.saturating_sub(ledger.limit);
    let mut epoch = head.epoch;
    let mut page = page(client, &format!("?after={after}&limit={PAGE}")).await?;
    loop {
        if page.epoch == epoch {
            for record in &page.records {
                print(record, json)?;
                after = record.position;
            }
            if !ledger.follow {
                return Ok(());
            }
        } else {
            // Positions of another ledger mean nothing: begin with its first record.
            (epoch, after) = (page.epoch.clone(), 0);
        }
        if page.records.is_empty() {
            tokio::time::sleep(BETWEEN_EMPTY).await;
        }
        page = self::page(client, &format!("?after={after}&limit={PAGE}&wait={WAIT_SECONDS}")).await?;
    }
}

async fn page(client: &Client, query: &str) -> Result<RecordsShown, Failure> {
    read(client.get(&format!("/api/v1/ledger{query}")).await?)
}

fn print(record: &RecordShown, json: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if json {
        let line = serde_json::to_string(record).map_err(|error| Failure::failed(error.to_string()))?;
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{}", plain(&line(record)))?;
    }
    Ok(out.flush()?)
}

fn line(record: &RecordShown) -> String {
    let scope = record.scope.as_object().and_then(|scope| scope.iter().next());
    let scope = match scope {
        Some((kind, Value::String(value))) => format!("{kind} {value}"),
        Some((kind, _)) => kind.clone(),
        None => "?".into(),
    };
    let settle = if record.settle_ms > 0 { format!(" settle {} ms", record.settle_ms) } else { String::new() };
    let RecordShown { position, time, mode, source, reason, .. } = record;
    format!("{position:>6}  {time}  {mode} {scope}{settle}  by {source}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_one_line() {
        let mut record = RecordShown {
            position: 7,
            time: "2026-01-01T00:00:00.000Z".into(),
            scope: json!({ "tag": "product:7" }),
            mode: "soft".into(),
            settle_ms: 2_000,
            source: "webhook".into(),
            reason: "product.updated".into(),
        };
        assert_eq!(
            line(&record),
            "     7  2026-01-01T00:00:00.000Z  soft tag product:7 settle 2000 ms  by webhook: product.updated"
        );
        (record.scope, record.settle_ms) = (json!({ "all": true }), 0);
        assert!(line(&record).contains("soft all  by"));
    }
}
