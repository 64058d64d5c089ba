//! A simulated runtime for tests: a network, a clock and tasks that do the same again for the same seed.
//!
//! Time is virtual: it stands still while any task can run and then jumps to the next timer, so a test of an hour's
//! retries takes no time, and nothing in it depends on how busy the machine is.  The seed decides in what pieces bytes
//! are read and written and in which order tasks run.
//!
//! ```
//! use std::io::IoSlice;
//! use std::time::Duration;
//! use smtp_driver::sim::Sim;
//! use smtp_driver::{Progress, Runtime, Transport};
//!
//! let sim = Sim::new(1);
//! sim.listen("mail.example", 25, |mut server| async move {
//!     server.write_all(b"220 mail.example\r\n").await.unwrap();
//!     assert_eq!(server.read_line().await.unwrap(), "QUIT");
//! });
//! let runtime = sim.runtime();
//! sim.block_on(async {
//!     let deadline = runtime.now() + Duration::from_secs(30);
//!     let mut client = runtime.connect("mail.example", 25, deadline).await.unwrap();
//!     assert_eq!(client.read_line().await.unwrap(), "220 mail.example");
//!     client.write_all(b"QUIT\r\n").await.unwrap();
//!     let end = client.exchange(&mut [0; 64], &[], Some(deadline)).await.unwrap();
//!     assert_eq!(end, Progress::Read(0));
//! });
//! assert_eq!(sim.connections()[0].flights, 1);
//! ```
//!
//! It is a tool for tests: it has no limits of its own, and it panics when a test can never end.  Its futures must wait
//! for nothing but the simulation itself.

mod executor;
mod rng;
mod transport;
mod world;

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use smtp_proto::Instant;

use self::executor::Tasks;
use self::world::{CLIENT, Endpoint, SERVER, Shared, Timer};
use crate::{Runtime, adapter};

pub use self::transport::SimTransport;

/// The wall clock's time at the start of each simulation: 2026-01-01 00:00 UTC.
pub const START: Duration = Duration::from_secs(1_767_225_600);

/// How the network behaves, for connections that are made from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimNet {
    /// How long bytes are on their way in one direction; connecting takes twice that.
    pub latency: Duration,
    /// How many bytes may be on their way to one end, or be unread there; whoever writes more has to wait.
    pub buffer: usize,
    /// In what pieces reads and writes are done.
    pub split: Split,
}

impl Default for SimNet {
    /// 10 ms, 64 KiB, random pieces.
    fn default() -> Self {
        Self { latency: Duration::from_millis(10), buffer: 64 * 1024, split: Split::Random }
    }
}

/// How many of the bytes that could go in one read or write do go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// All of them.
    Whole,
    /// One.
    Bytes,
    /// As many as the seed says: half the time all.
    Random,
}

/// What went over one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimConnection {
    /// The host that was connected to.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What the client wrote.
    pub client: SimTraffic,
    /// What the server wrote.
    pub server: SimTraffic,
    /// How often the client wrote after it had read something, counting the first time: the round trips that it made
    /// the server wait for.
    pub flights: u64,
}

/// What went in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimTraffic {
    /// How many bytes.
    pub bytes: u64,
    /// In how many writes.
    pub writes: u64,
}

impl SimConnection {
    fn new(host: &str, port: u16) -> Self {
        let none = SimTraffic::default();
        Self { host: host.to_owned(), port, client: none, server: none, flights: 0 }
    }

    fn sent(&mut self, end: usize, n: usize) {
        let traffic = if end == CLIENT { &mut self.client } else { &mut self.server };
        traffic.bytes += n as u64;
        traffic.writes += 1;
    }
}

/// No task can run, no timer is set, and the test has not ended: everybody waits for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// How many tasks wait, the test's own included.
    pub tasks: usize,
    /// The virtual time.
    pub now: Instant,
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "deadlock at {:?} of virtual time: {} tasks wait, and no timer is set",
            self.now, self.tasks
        )
    }
}

impl std::error::Error for Deadlock {}

/// A simulation: its network, its clock, its tasks.
pub struct Sim {
    shared: Shared,
    tasks: RefCell<Tasks>,
}

impl Sim {
    /// A simulation with nothing in it; all that is left to chance comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { shared: Shared::new(seed), tasks: RefCell::default() }
    }

    /// Sets how the network behaves, for connections that are made from now on.
    pub fn set_net(&self, net: SimNet) {
        self.shared.lock().net = net;
    }

    /// The runtime to give to what is tested.
    pub fn runtime(&self) -> SimRuntime {
        SimRuntime { shared: self.shared.clone() }
    }

    /// Has `handler` serve each connection to `host` and `port`, in a task of its own.
    ///
    /// Names are compared without regard to case.  What was there before is replaced.
    pub fn listen<F, Fut>(&self, host: &str, port: u16, handler: F)
    where
        F: Fn(SimTransport) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handler = Arc::new(move |transport| Box::pin(handler(transport)) as world::Task);
        self.register(host, port, Endpoint::Handler(handler));
    }

    /// Has connections to `host` and `port` fail with `HostUnreachable`.
    pub fn unreachable(&self, host: &str, port: u16) {
        self.register(host, port, Endpoint::Unreachable);
    }

    /// Has connections to `host` and `port` never be answered, so that they end with their deadline.
    pub fn blackhole(&self, host: &str, port: u16) {
        self.register(host, port, Endpoint::Blackhole);
    }

    /// What went over each connection so far, in the order in which they were made.
    pub fn connections(&self) -> Vec<SimConnection> {
        self.shared.lock().log.clone()
    }

    /// Runs `future` to its end, and all tasks meanwhile.  Tasks that have not ended go on in the next call.
    ///
    /// # Panics
    /// When everybody waits for each other; the message says so ([`Deadlock`]).  A panic in a task comes out too.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.try_block_on(future) {
            Ok(output) => output,
            Err(deadlock) => panic!("{deadlock}"),
        }
    }

    /// As [`block_on`](Self::block_on), but says when the test can never end.
    ///
    /// # Errors
    /// Everybody waits for each other.
    pub fn try_block_on<F: Future>(&self, future: F) -> Result<F::Output, Deadlock> {
        let mut future = pin!(future);
        let (main, main_waker) = self.tasks.borrow_mut().register();
        loop {
            let spawned = std::mem::take(&mut self.shared.lock().spawned);
            for task in spawned {
                self.tasks.borrow_mut().add(task);
            }
            let next = self.tasks.borrow().next_ready(&mut self.shared.lock().rng);
            let Some(id) = next else {
                let mut world = self.shared.lock();
                if world.advance() {
                    continue;
                }
                return Err(Deadlock { tasks: self.tasks.borrow().len() + 1, now: world.now });
            };
            if id == main {
                let polled = future.as_mut().poll(&mut Context::from_waker(&main_waker));
                if let Poll::Ready(output) = polled {
                    return Ok(output);
                }
                continue;
            }
            // Without a task of that id: a task that has ended was woken.
            let taken = self.tasks.borrow_mut().take(id);
            if let Some((mut task, waker)) = taken
                && task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
            {
                self.tasks.borrow_mut().put_back(id, task, waker);
            }
        }
    }

    fn register(&self, host: &str, port: u16, endpoint: Endpoint) {
        let replaced = self.shared.lock().hosts.insert((host.to_ascii_lowercase(), port), endpoint);
        // Outside the lock, for what a handler owns may need it to be dropped.
        drop(replaced);
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").finish_non_exhaustive()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // Handlers and tasks may own runtimes and connections, and with them the world that they are kept in.
        let mut world = self.shared.lock();
        let (hosts, spawned) = (std::mem::take(&mut world.hosts), std::mem::take(&mut world.spawned));
        drop(world);
        drop((hosts, spawned));
    }
}

/// The simulation as a [`Runtime`].
#[derive(Clone, Debug)]
pub struct SimRuntime {
    shared: Shared,
}

impl SimRuntime {
    /// Waits in virtual time.
    pub async fn sleep(&self, duration: Duration) {
        let at = self.now() + duration;
        self.sleep_until(at).await;
    }

    /// Waits for a moment of virtual time; not at all if it has passed.
    pub async fn sleep_until(&self, at: Instant) {
        let mut timer = Timer::new(&self.shared);
        poll_fn(|cx| {
            let mut world = self.shared.lock();
            if at <= world.now {
                return Poll::Ready(());
            }
            timer.set(&mut world, Some(at), cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Lets time pass while nobody else can do anything, as when a thread is blocked.
    pub fn block(&self, duration: Duration) {
        let mut world = self.shared.lock();
        world.now = world.now + duration;
    }

    /// Runs `future` as a task of the simulation.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.shared.lock().spawned.push(Box::pin(future));
    }

    /// What is at `host` and `port`; `None` for a host that has other ports.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Option<Endpoint>> {
        let host = host.to_ascii_lowercase();
        let world = self.shared.lock();
        let endpoint = world.hosts.get(&(host.clone(), port)).cloned();
        if endpoint.is_none() && !world.hosts.keys().any(|(name, _)| *name == host) {
            return Err(adapter::no_address(&host));
        }
        Ok(endpoint)
    }
}

impl Runtime for SimRuntime {
    type Transport = SimTransport;

    async fn connect(&self, host: &str, port: u16, deadline: Instant) -> io::Result<SimTransport> {
        let endpoint = self.resolve(host, port)?;
        let latency = self.shared.lock().net.latency;
        let answer = self.now() + latency * 2;
        let answers = !matches!(endpoint, Some(Endpoint::Blackhole)) && answer <= deadline;
        self.sleep_until(if answers { answer } else { deadline }).await;
        let refused = match endpoint {
            _ if !answers => ErrorKind::TimedOut,
            Some(Endpoint::Handler(handler)) => {
                let id = self.shared.lock().open(host, port);
                let server = SimTransport::new(&self.shared, id, SERVER);
                let runtime = self.clone();
                self.spawn(async move {
                    // The client's last packet of the handshake is still on its way.
                    runtime.sleep(latency).await;
                    drop(runtime);
                    handler(server).await;
                });
                return Ok(SimTransport::new(&self.shared, id, CLIENT));
            }
            Some(Endpoint::Unreachable) => ErrorKind::HostUnreachable,
            Some(Endpoint::Blackhole) => ErrorKind::TimedOut,
            None => ErrorKind::ConnectionRefused,
        };
        Err(io::Error::new(refused, format!("connecting to {host} port {port}: {refused}")))
    }

    async fn timeout_at<F: Future + Send>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut timer = Timer::new(&self.shared);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let mut world = self.shared.lock();
            if deadline <= world.now {
                return Poll::Ready(None);
            }
            timer.set(&mut world, Some(deadline), cx.waker());
            Poll::Pending
        })
        .await
    }

    fn now(&self) -> Instant {
        self.shared.lock().now
    }

    fn unix_time(&self) -> Duration {
        START + self.now().as_duration()
    }

    /// From the seed: not for secrets outside of a simulation.
    fn fill_random(&self, out: &mut [u8]) -> io::Result<()> {
        self.shared.lock().rng.fill(out);
        Ok(())
    }
}
