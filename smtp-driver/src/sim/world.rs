//! What the simulation consists of, behind one mutex: the clock and its timers, hosts, connections, tasks to be started.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use smtp_proto::Instant;

use super::rng::Rng;
use super::{SimConnection, SimNet, SimTransport, Split};
use crate::Progress;

pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(super) type Handler = Arc<dyn Fn(SimTransport) -> Task + Send + Sync>;

/// What answers at a host and port.
#[derive(Clone)]
pub(super) enum Endpoint {
    Handler(Handler),
    Unreachable,
    Blackhole,
}

/// The ends of a connection, as indices.
pub(super) const CLIENT: usize = 0;
pub(super) const SERVER: usize = 1;

#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) net: SimNet,
    pub(super) rng: Rng,
    pub(super) hosts: BTreeMap<(String, u16), Endpoint>,
    pub(super) spawned: Vec<Task>,
    /// What went over each connection, also after its end; a connection's id is its index.
    pub(super) log: Vec<SimConnection>,
    connections: BTreeMap<usize, Connection>,
    timers: BTreeMap<(Instant, u64), Waker>,
    next_timer: u64,
}

struct Connection {
    net: SimNet,
    ends: [End; 2],
    /// Whether the client has read anything since it last wrote.
    client_heard: bool,
}

/// One end, and what is on the way to it or has arrived there.
#[derive(Default)]
struct End {
    segments: VecDeque<Segment>,
    held: usize,
    eof: Option<Instant>,
    reset: Option<Instant>,
    /// Its transport was dropped.
    gone: bool,
    waker: Option<Waker>,
}

struct Segment {
    arrives: Instant,
    bytes: VecDeque<u8>,
}

impl Shared {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            now: Instant::ZERO,
            net: SimNet::default(),
            rng: Rng::new(seed),
            hosts: BTreeMap::new(),
            spawned: Vec::new(),
            log: Vec::new(),
            connections: BTreeMap::new(),
            timers: BTreeMap::new(),
            next_timer: 0,
        })))
    }

    /// A panic elsewhere is a failed test already; it must not hide behind a second one.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl World {
    /// Moves the clock to the next timer and wakes what waits for that moment; `false` if there is none.
    pub(super) fn advance(&mut self) -> bool {
        let Some((&(at, _), _)) = self.timers.first_key_value() else { return false };
        self.now = self.now.max(at);
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > at {
                break;
            }
            entry.remove().wake();
        }
        true
    }

    /// A new connection's id.
    pub(super) fn open(&mut self, host: &str, port: u16) -> usize {
        let id = self.log.len();
        self.log.push(SimConnection::new(host, port));
        let ends = [End::default(), End::default()];
        self.connections.insert(id, Connection { net: self.net, ends, client_heard: true });
        id
    }

    /// Reads, then writes, without waiting.
    pub(super) fn attempt(
        &mut self,
        id: usize,
        end: usize,
        rx: &mut [u8],
        tx: &[IoSlice<'_>],
    ) -> io::Result<Option<Progress>> {
        if let Some(n) = self.read(id, end, rx)? {
            return Ok(Some(Progress::Read(n)));
        }
        Ok(self.write(id, end, tx))
    }

    /// `None` if nothing has arrived, or if there is no room for it.
    pub(super) fn read(&mut self, id: usize, end: usize, rx: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(ErrorKind::NotConnected.into());
        };
        if rx.is_empty() {
            return Ok(None);
        }
        let now = self.now;
        let me = &mut connection.ends[end];
        let arrived = me.segments.iter().take_while(|segment| segment.arrives <= now);
        let mut there = 0;
        for segment in arrived {
            there += segment.bytes.len();
            if there >= rx.len() {
                break;
            }
        }
        if there == 0 {
            let eof = me.eof.filter(|&at| at <= now);
            let reset = me.reset.filter(|&at| at <= now);
            return match (eof, reset) {
                (Some(eof), Some(reset)) if reset < eof => Err(ErrorKind::ConnectionReset.into()),
                (Some(_), _) => Ok(Some(0)),
                (None, Some(_)) => Err(ErrorKind::ConnectionReset.into()),
                (None, None) => Ok(None),
            };
        }
        let n = connection.net.split.cut(&mut self.rng, there.min(rx.len()));
        let mut done = 0;
        while done < n
            && let Some(segment) = me.segments.front_mut()
        {
            done += segment.bytes.read(&mut rx[done..n])?;
            if segment.bytes.is_empty() {
                me.segments.pop_front();
            }
        }
        me.held -= done;
        if end == CLIENT {
            connection.client_heard = true;
        }
        connection.wake(1 - end);
        Ok(Some(done))
    }

    /// `None` if the peer has no room, or if there is nothing to write.
    fn write(&mut self, id: usize, end: usize, tx: &[IoSlice<'_>]) -> Option<Progress> {
        let total: usize = tx.iter().map(|slice| slice.len()).sum();
        if total == 0 {
            return None;
        }
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else { return Some(Progress::WriteClosed) };
        let net = connection.net;
        let [me, peer] = connection.pair(end);
        // An end of file that is on its way to the peer was sent by this end.
        if me.reset.is_some_and(|at| at <= now) || peer.eof.is_some() {
            return Some(Progress::WriteClosed);
        }
        let room = net.buffer.max(1).saturating_sub(peer.held);
        if room == 0 {
            return None;
        }
        let n = net.split.cut(&mut self.rng, total.min(room));
        if peer.gone {
            // A reset will answer it; until then it takes up room as if somebody were there.
            me.reset = earlier(me.reset, now + net.latency * 2);
            peer.held += n;
        } else {
            peer.receive(now + net.latency, tx, n);
        }
        if end == CLIENT && std::mem::take(&mut connection.client_heard) {
            self.log[id].flights += 1;
        }
        self.log[id].sent(end, n);
        connection.wake(1 - end);
        Some(Progress::Wrote(n))
    }

    /// When something that is on its way to `end` will arrive there.
    pub(super) fn next_arrival(&self, id: usize, end: usize) -> Option<Instant> {
        let me = &self.connections.get(&id)?.ends[end];
        let segment = me.segments.front().map(|segment| segment.arrives);
        [segment, me.eof, me.reset].into_iter().flatten().filter(|&at| at > self.now).min()
    }

    /// Has `waker` woken when the connection changes for `end`.
    pub(super) fn listen(&mut self, id: usize, end: usize, waker: &Waker) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.ends[end].waker = Some(waker.clone());
        }
    }

    /// Half close: the peer reads what was written and then the end of file.
    pub(super) fn close_write(&mut self, id: usize, end: usize) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let arrives = self.now + connection.net.latency;
        connection.ends[1 - end].eof.get_or_insert(arrives);
        connection.wake(1 - end);
    }

    /// Abortive close.
    pub(super) fn reset(&mut self, id: usize, end: usize) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let arrives = self.now + connection.net.latency;
        let peer = &mut connection.ends[1 - end];
        peer.reset = earlier(peer.reset, arrives);
        self.leave(id, end);
    }

    /// What the operating system does when a socket is closed: a reset if bytes were not read, or are still to come.
    pub(super) fn close(&mut self, id: usize, end: usize) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (now, latency) = (self.now, connection.net.latency);
        let [me, peer] = connection.pair(end);
        if me.gone {
            return; // after a reset
        }
        let unread = me.segments.front().map(|segment| segment.arrives);
        if let Some(arrives) = unread {
            peer.reset = earlier(peer.reset, arrives.max(now) + latency);
        }
        if unread.is_none_or(|arrives| arrives > now) {
            peer.eof.get_or_insert(now + latency);
        }
        self.leave(id, end);
    }

    fn leave(&mut self, id: usize, end: usize) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.ends[end] = End { gone: true, ..End::default() };
        connection.wake(1 - end);
        if connection.ends[1 - end].gone {
            self.connections.remove(&id);
        }
    }
}

impl Connection {
    fn pair(&mut self, end: usize) -> [&mut End; 2] {
        let [client, server] = &mut self.ends;
        if end == CLIENT { [client, server] } else { [server, client] }
    }

    fn wake(&mut self, end: usize) {
        if let Some(waker) = self.ends[end].waker.take() {
            waker.wake();
        }
    }
}

impl End {
    /// Takes the first `n` bytes of `tx` on their way.
    fn receive(&mut self, arrives: Instant, tx: &[IoSlice<'_>], n: usize) {
        if self.segments.back().is_none_or(|segment| segment.arrives != arrives) {
            self.segments.push_back(Segment { arrives, bytes: VecDeque::new() });
        }
        let Some(segment) = self.segments.back_mut() else { return };
        let mut left = n;
        for slice in tx {
            let slice = &slice[..slice.len().min(left)];
            segment.bytes.extend(slice);
            left -= slice.len();
        }
        self.held += n;
    }
}

impl Split {
    /// How much of `available` bytes, at least one, goes in one call.
    fn cut(self, rng: &mut Rng, available: usize) -> usize {
        match self {
            Self::Whole => available,
            Self::Bytes => 1,
            // Mostly small pieces would never fill a buffer, mostly large ones would never cut a line.
            Self::Random if rng.below(2) == 0 => available,
            Self::Random => 1 + rng.below(available),
        }
    }
}

fn earlier(current: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(current.map_or(other, |at| at.min(other)))
}

/// One timer of a future; dropping it takes it off the clock, so that time never advances to a moment nobody waits for.
///
/// Not to be dropped while the world is locked.
pub(super) struct Timer {
    shared: Shared,
    key: Option<(Instant, u64)>,
}

impl Timer {
    pub(super) fn new(shared: &Shared) -> Self {
        Self { shared: shared.clone(), key: None }
    }

    /// Has `waker` woken at `at`, and at no other moment.
    pub(super) fn set(&mut self, world: &mut World, at: Option<Instant>, waker: &Waker) {
        if let Some(key) = self.key.take() {
            world.timers.remove(&key);
        }
        if let Some(at) = at {
            world.next_timer += 1;
            let key = (at, world.next_timer);
            world.timers.insert(key, waker.clone());
            self.key = Some(key);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.lock().timers.remove(&key);
        }
    }
}
