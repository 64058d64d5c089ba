//! The connections that are open between messages: the one that was used last is used first, and the others grow old.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smtp_proto::Instant;

/// Connections that nobody uses now.
pub(super) struct Pool<C> {
    /// Never locked across an await, nor while a connection is dropped.
    idle: Mutex<Vec<Idle<C>>>,
    max_idle: usize,
    idle_timeout: Duration,
}

struct Idle<C> {
    connection: C,
    since: Instant,
}

impl<C> Pool<C> {
    pub(super) fn new(max_idle: usize, idle_timeout: Duration) -> Self {
        Self { idle: Mutex::default(), max_idle, idle_timeout }
    }

    /// The connection that was used last, and those that were idle for too long.
    pub(super) fn take(&self, now: Instant) -> (Option<C>, Vec<C>) {
        let mut idle = self.lock();
        let expired = self.expired(&mut idle, now);
        (idle.pop().map(|idle| idle.connection), expired)
    }

    /// Keeps a connection; returns those that are to be closed.
    pub(super) fn put(&self, connection: C, now: Instant) -> Vec<C> {
        let mut idle = self.lock();
        let mut surplus = self.expired(&mut idle, now);
        if idle.len() < self.max_idle {
            idle.push(Idle { connection, since: now });
        } else {
            surplus.push(connection);
        }
        surplus
    }

    /// All that are kept.
    pub(super) fn take_all(&self) -> Vec<C> {
        let all = std::mem::take(&mut *self.lock());
        all.into_iter().map(|idle| idle.connection).collect()
    }

    /// The oldest stand in front.
    fn expired(&self, idle: &mut Vec<Idle<C>>, now: Instant) -> Vec<C> {
        let count = idle.partition_point(|idle| now.saturating_since(idle.since) > self.idle_timeout);
        idle.drain(..count).map(|idle| idle.connection).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle<C>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
