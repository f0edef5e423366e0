//! The fixed sets that label values come from. Each value has an index, so that counting it is an array access.

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$each])* $variant,)+
        }

        impl $name {
            /// All values, in the order of their index.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The label's value.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)+
                }
            }
        }
    };
}

labels! {
    /// What the origin answered; the `status_class` label.
    OriginResult {
        /// An interim or switching answer.
        Informational = "1xx",
        /// Success.
        Success = "2xx",
        /// A redirect, or 304.
        Redirection = "3xx",
        /// It found fault with the request.
        ClientError = "4xx",
        /// It failed.
        ServerError = "5xx",
        /// No answer, or none that is HTTP.
        Failed = "failed",
    }
}

impl OriginResult {
    /// The class of a status.
    pub fn of(status: http::StatusCode) -> OriginResult {
        match status.as_u16() / 100 {
            1 => OriginResult::Informational,
            2 => OriginResult::Success,
            3 => OriginResult::Redirection,
            4 => OriginResult::ClientError,
            5 => OriginResult::ServerError,
            _ => OriginResult::Failed,
        }
    }
}

labels! {
    /// How a fill ended; the `result` label of `vitrine_fills_total`.
    FillEnd {
        /// Whole, and kept.
        Stored = "stored",
        /// A 304 freshened what was stored.
        Freshened = "freshened",
        /// Whole, and not kept: `vitrine_not_stored_total` says why.
        NotStored = "not-stored",
        /// The origin could not be reached or did not answer in time.
        Failed = "failed",
        /// The body broke off or stalled.
        Broken = "broken",
        /// The fill's task was lost.
        Lost = "lost",
    }
}

labels! {
    /// What a sample of a guarded route came to; the `result` label of `vitrine_guard_samples_total`.
    SampleResult {
        /// Two anonymous fetches were alike.
        Alike = "alike",
        /// They differed.
        Different = "different",
        /// Nothing could be compared.
        Failed = "failed",
    }
}

labels! {
    /// What became of an invalidation that was asked for; the `result` label of `vitrine_purges_total`.
    PurgeResult {
        /// Recorded and confirmed.
        Confirmed = "confirmed",
        /// Recorded, but not every proxy has said that it knows.
        Unconfirmed = "unconfirmed",
        /// Not recorded: malformed, or the asker may not.
        Refused = "refused",
        /// Not recorded: the ledger could not be written.
        Failed = "failed",
    }
}

labels! {
    /// What became of a webhook; the `result` label of `vitrine_webhook_deliveries_total`.
    DeliveryResult {
        /// Taken in.
        Accepted = "accepted",
        /// Known already; answered as the first time.
        Repeated = "repeated",
        /// No rule speaks of its event.
        Unknown = "unknown-event",
        /// The signature or its time does not hold.
        Unsigned = "bad-signature",
        /// Not what its scheme sends: too large, not JSON, a name missing.
        Malformed = "malformed",
        /// The ledger could not be written.
        Failed = "failed",
        /// A form that only tries out whether somebody listens.
        Pinged = "ping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_each_value_is_its_place() {
        assert!(FillEnd::ALL.iter().enumerate().all(|(place, end)| *end as usize == place));
        assert!(OriginResult::ALL.iter().enumerate().all(|(place, result)| *result as usize == place));
    }

    #[test]
    fn a_status_falls_in_its_class() {
        let class = |status| OriginResult::of(http::StatusCode::from_u16(status).unwrap()).as_str();
        assert_eq!([class(101), class(204), class(304), class(404), class(599)], ["1xx", "2xx", "3xx", "4xx", "5xx"]);
        assert_eq!(class(999), "failed");
    }
}
