//! The connections of a mailer: how many there may be, who waits for one, and which are kept between messages.
//!
//! Whoever wants a connection waits for a [`Turn`] first, and all do in the order in which they came.  There are as many
//! turns as there may be connections, and a new connection is made only by who has a turn and finds none that is kept.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use smtp_proto::Instant;

pub(super) struct Pool<C> {
    /// Never locked across an await, nor while a connection or a waker is dropped, which may do anything.
    state: Mutex<State<C>>,
    max: usize,
    max_idle: usize,
    idle_timeout: Duration,
}

struct State<C> {
    /// The oldest stand in front.
    idle: Vec<Idle<C>>,
    /// Turns that nobody has.
    free: usize,
    /// Who waits for one, by number; nobody does while some are free.
    waiting: BTreeMap<u64, Waker>,
    next: u64,
    /// Turns that were given to one who has waited, and does not know it yet.
    granted: usize,
}

struct Idle<C> {
    connection: C,
    since: Instant,
}

impl<C> Pool<C> {
    pub(super) fn new(max: usize, max_idle: usize, idle_timeout: Duration) -> Self {
        let max = max.max(1);
        let state = State { idle: Vec::new(), free: max, waiting: BTreeMap::new(), next: 0, granted: 0 };
        Self { state: Mutex::new(state), max, max_idle, idle_timeout }
    }

    /// How many connections there may be.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Waits for the right to have a connection.  Dropping the future or the turn passes it on.
    pub(super) fn turn(&self) -> Waiting<'_, C> {
        Waiting { pool: self, number: None }
    }

    /// The connection that was used last, and those that were idle for too long.
    pub(super) fn take(&self, now: Instant) -> (Option<C>, Vec<C>) {
        let mut state = self.lock();
        let expired = self.expired(&mut state, now);
        (state.idle.pop().map(|idle| idle.connection), expired)
    }

    /// For who has a turn and makes a new connection all the same: the one that must be closed before, if one must.
    pub(super) fn make_room(&self) -> Option<C> {
        let mut state = self.lock();
        let in_use = self.max - state.free;
        let full = in_use + state.idle.len() > self.max && !state.idle.is_empty();
        full.then(|| state.idle.remove(0).connection)
    }

    /// Keeps a connection; returns those that are to be closed.
    pub(super) fn put(&self, connection: C, now: Instant) -> Vec<C> {
        let mut state = self.lock();
        let mut surplus = self.expired(&mut state, now);
        if state.idle.len() < self.room(&state) {
            state.idle.push(Idle { connection, since: now });
        } else {
            surplus.push(connection);
        }
        surplus
    }

    /// All that are kept.
    pub(super) fn take_all(&self) -> Vec<C> {
        let all = std::mem::take(&mut self.lock().idle);
        all.into_iter().map(|idle| idle.connection).collect()
    }

    /// How many may be kept: who waits will have one at once.
    fn room(&self, state: &State<C>) -> usize {
        self.max_idle + state.waiting.len() + state.granted
    }

    fn expired(&self, state: &mut State<C>, now: Instant) -> Vec<C> {
        let count = state.idle.partition_point(|idle| now.saturating_since(idle.since) > self.idle_timeout);
        state.idle.drain(..count).map(|idle| idle.connection).collect()
    }

    /// Gives a turn to who waits longest.
    fn pass_on(&self) {
        let mut state = self.lock();
        let next = state.waiting.pop_first();
        match next {
            Some(_) => state.granted += 1,
            None => state.free += 1,
        }
        // Somebody for whom a connection was kept may have left.
        let surplus = state.idle.len().saturating_sub(self.room(&state));
        let surplus: Vec<_> = state.idle.drain(..surplus).collect();
        drop(state);
        if let Some((_, waker)) = next {
            waker.wake();
        }
        drop(surplus);
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to have one connection, until it is dropped.
#[must_use]
pub(super) struct Turn<'a, C>(&'a Pool<C>);

impl<C> Drop for Turn<'_, C> {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

/// Waits for a turn.
pub(super) struct Waiting<'a, C> {
    pool: &'a Pool<C>,
    number: Option<u64>,
}

impl<'a, C> Future for Waiting<'a, C> {
    type Output = Turn<'a, C>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Turn<'a, C>> {
        let pool = self.pool;
        let waker = context.waker().clone();
        let mut state = pool.lock();
        let Some(number) = self.number else {
            if state.free > 0 {
                state.free -= 1;
                return Poll::Ready(Turn(pool));
            }
            let number = state.next;
            state.next += 1;
            state.waiting.insert(number, waker);
            self.number = Some(number);
            return Poll::Pending;
        };
        let Some(place) = state.waiting.get_mut(&number) else {
            state.granted -= 1;
            self.number = None;
            return Poll::Ready(Turn(pool));
        };
        let last = std::mem::replace(place, waker);
        drop(state);
        drop(last);
        Poll::Pending
    }
}

impl<C> Drop for Waiting<'_, C> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = self.pool.lock();
        let waker = state.waiting.remove(&number);
        if waker.is_none() {
            state.granted -= 1;
        }
        drop(state);
        if waker.is_none() {
            self.pool.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn pool(max: usize) -> Pool<u8> {
        Pool::new(max, 0, Duration::from_secs(60))
    }

    fn take<C>(pool: &Pool<C>) -> Turn<'_, C> {
        match poll(pin!(pool.turn())) {
            Poll::Ready(turn) => turn,
            Poll::Pending => panic!("there is no turn"),
        }
    }

    #[test]
    fn turns_are_taken_in_order() {
        let pool = pool(1);
        let first = take(&pool);
        let (mut second, mut third) = (pin!(pool.turn()), pin!(pool.turn()));
        assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
        drop(first);
        // Nobody gets ahead of who has waited, not even before that one is told.
        assert!(poll(pin!(pool.turn())).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        let Poll::Ready(second) = poll(second.as_mut()) else { panic!("no turn") };
        drop(second);
        assert!(poll(third.as_mut()).is_ready());
        drop(take(&pool));
    }

    #[test]
    fn who_leaves_passes_the_turn_on() {
        let pool = pool(1);
        let first = take(&pool);
        let (mut second, mut third, mut fourth) =
            (Box::pin(pool.turn()), Box::pin(pool.turn()), Box::pin(pool.turn()));
        for waiting in [&mut second, &mut third, &mut fourth] {
            assert!(poll(waiting.as_mut()).is_pending());
        }
        // Before it is its turn, and after.
        drop(second);
        drop(first);
        drop(third);
        assert!(poll(fourth.as_mut()).is_ready());
        drop(take(&pool));
    }

    #[test]
    fn connections_are_kept_for_who_waits() {
        let pool = pool(2);
        let (first, second) = (take(&pool), take(&pool));
        let mut waiting = Box::pin(pool.turn());
        assert!(poll(waiting.as_mut()).is_pending());
        assert!(pool.put(1, Instant::ZERO).is_empty());
        drop(first);
        assert_eq!(pool.put(2, Instant::ZERO), [2], "one is enough");
        drop(second);
        let Poll::Ready(turn) = poll(waiting.as_mut()) else { panic!("no turn") };
        assert_eq!(pool.take(Instant::ZERO).0, Some(1));
        assert_eq!(pool.put(1, Instant::ZERO), [1], "nobody waits");
        drop(turn);
        // Whoever it was kept for has left.
        let turns = (take(&pool), take(&pool));
        let mut waiting = Box::pin(pool.turn());
        assert!(poll(waiting.as_mut()).is_pending());
        assert!(pool.put(3, Instant::ZERO).is_empty());
        drop(turns);
        drop(waiting);
        assert_eq!(pool.take(Instant::ZERO).0, None);
    }
}
