//! Between our instants and tokio's, which tests can pause.

use std::time::Duration;

use smtp_driver::adapter;
use smtp_proto::Instant;

/// As far away as a timer is ever set.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

pub(crate) fn now() -> Instant {
    let epoch = tokio::time::Instant::from_std(adapter::epoch());
    Instant::from_duration(tokio::time::Instant::now().saturating_duration_since(epoch))
}

pub(crate) fn to_tokio(at: Instant) -> tokio::time::Instant {
    tokio::time::Instant::from_std(adapter::epoch())
        .checked_add(at.as_duration())
        .unwrap_or_else(|| tokio::time::Instant::now() + FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let before = now();
        let at = to_tokio(before + Duration::from_secs(5));
        assert!(at > tokio::time::Instant::now());
        assert!(now() >= before);
    }

    #[test]
    fn the_end_of_time_is_far_away() {
        assert!(to_tokio(Instant::ZERO + Duration::MAX) > tokio::time::Instant::now());
    }
}
