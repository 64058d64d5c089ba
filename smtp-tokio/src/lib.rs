//! Sends mail on tokio.
