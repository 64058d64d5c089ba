//! A server behind a network that takes its time: a session must take as many round trips as it has flights, and less
//! than one more.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::Case;
use super::stream::{self, IMPLICIT, STARTTLS};
use super::suite::Suite;

/// How long bytes are on their way, in each direction.
const ONE_WAY: Duration = Duration::from_millis(60);
const ROUND_TRIP: Duration = ONE_WAY.saturating_mul(2);
/// How often a session is tried, for the machine may be busy with something else.
const TRIES: u32 = 3;

/// Sessions with Postfix, at its port with STARTTLS and at that with implicit TLS.
pub(super) fn cases(suite: &Suite<'_>, starttls: u16, implicit: u16) -> Vec<Case> {
    let sessions: &[(&str, u16, &[&str])] = &[
        ("STARTTLS, AUTH PLAIN", starttls, STARTTLS),
        ("implicit TLS, AUTH PLAIN", implicit, IMPLICIT),
        ("one more message, DATA", starttls, STARTTLS),
        ("one more message, streamed BDAT", starttls, STARTTLS),
        ("100 messages, DATA", starttls, STARTTLS),
    ];
    let case = |&(name, port, options): &(&str, u16, &[&str])| {
        let mut tries = (0..TRIES).map(|_| takes_its_flights(suite, port, name, options));
        let first = tries.next().unwrap_or(Ok(()));
        Case {
            name: format!("smtp-proto behind a slow network: {name}"),
            result: first.or_else(|why| tries.find(Result::is_ok).unwrap_or(Err(why))),
        }
    };
    let sessions = if suite.is_first { sessions } else { &[] };
    sessions.iter().map(case).collect()
}

/// Counts only what the server itself does not take.  A machine that is busy is late with everything; how late an echo
/// over the same network tells.
fn takes_its_flights(suite: &Suite<'_>, port: u16, name: &str, options: &[&str]) -> Result<(), String> {
    let network = Network::in_front_of(port).map_err(|error| error.to_string())?;
    let ms = ROUND_TRIP.as_millis().to_string();
    let options = [options, &["--round-trip", &ms]].concat();
    let over = AtomicBool::new(false);
    let (session, echo) = thread::scope(|scope| {
        let echo = scope.spawn(|| echo(&over));
        let session = stream::session(suite, network.port, "delayed@example.test", name, &options);
        over.store(true, Ordering::Relaxed);
        (session, echo.join())
    });
    let (session, echo) = (session?, echo.map_err(|_| "no echo")?.map_err(|error| error.to_string())?);
    let took = ROUND_TRIP.mul_f64(session.round_trips);
    let served = lock(&network.seen).served(took);
    let flights = session.flights()?;
    let took = took.saturating_sub(served);
    // Whatever delays an echo delays the client too.
    let late = echo.saturating_sub(ROUND_TRIP);
    match took >= ROUND_TRIP * flights && took < ROUND_TRIP * (flights + 1) + late * 2 * flights {
        true => Ok(()),
        false => Err(format!(
            "{took:.2?} without the server's {served:.2?}, instead of {flights} round trips of {ROUND_TRIP:.2?} and {late:.2?}"
        )),
    }
}

/// What a byte takes there and back, on average until it is over.
fn echo(over: &AtomicBool) -> io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let network = Network::in_front_of(listener.local_addr()?.port())?;
    let mut client = TcpStream::connect(("127.0.0.1", network.port))?;
    let (server, _) = listener.accept()?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    thread::spawn(move || io::copy(&mut &server, &mut &server));
    let (began, mut count) = (Instant::now(), 0);
    while count == 0 || !over.load(Ordering::Relaxed) {
        client.write_all(b"x")?;
        client.read_exact(&mut [0])?;
        count += 1;
    }
    Ok(began.elapsed() / count)
}

/// Passes one connection on, later.
struct Network {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

/// What came by.
#[derive(Default)]
struct Seen {
    /// When something reached the server, and how long it took from then until the last of its answer.
    answers: Vec<(Instant, Duration)>,
    /// When the last bytes reached the client.
    end: Option<Instant>,
}

impl Seen {
    /// How long the server had the word in the last part of the session, which took so long for the client.
    fn served(&self, took: Duration) -> Duration {
        let Some(begin) = self.end.and_then(|end| end.checked_sub(took)) else { return Duration::ZERO };
        self.answers.iter().filter(|(at, _)| *at >= begin).map(|(_, time)| *time).sum()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Network {
    fn in_front_of(server: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (port, seen) = (listener.local_addr()?.port(), Arc::new(Mutex::new(Seen::default())));
        let up = seen.clone();
        let down = seen.clone();
        thread::spawn(move || -> io::Result<()> {
            let (client, _) = listener.accept()?;
            let server = TcpStream::connect(("127.0.0.1", server))?;
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            let (to_server, to_client) = (server.try_clone()?, client.try_clone()?);
            pass(client, to_server, || (), move || lock(&up).answers.push((Instant::now(), Duration::ZERO)));
            let answered = down.clone();
            let answered = move || {
                if let Some((at, time)) = lock(&answered).answers.last_mut() {
                    *time = at.elapsed();
                }
            };
            pass(server, to_client, answered, move || lock(&down).end = Some(Instant::now()));
            Ok(())
        });
        Ok(Self { port, seen })
    }
}

/// Passes one direction on until it ends; `left` hears when bytes have left the one side, `arrives` when they
/// reach the other.
fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    mut left: impl FnMut() + Send + 'static,
    mut arrives: impl FnMut() + Send + 'static,
) {
    let (enter, leave) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(read) = from.read(&mut bytes)
            && read > 0
        {
            left();
            if enter.send((Instant::now() + ONE_WAY, bytes[..read].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in leave {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // Before they are there, or the answer could be seen first.
            arrives();
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
