//! The client side of SMTP as a machine without I/O (RFC 5321), in plain text; [`Session`](crate::Session) adds TLS.
//!
//! Implements greeting, EHLO with HELO as fallback, STARTTLS (RFC 3207), AUTH (RFC 4954), MAIL, RCPT, DATA and BDAT
//! (RFC 3030), RSET and QUIT, pipelined where the server allows (RFC 2920), many messages one behind the other; with
//! SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), LIMITS (RFC 9422) and the options of
//! [`envelope`](crate::envelope); LMTP (RFC 2033).  It leaves connecting and the TLS handshake to others.
//!
//! # Embedding
//!
//! Whoever has the socket and the clock calls [`poll`](Client::poll) and does what it says: handles an
//! [`Event`], hands out content at [`Next::Body`], and at [`Next::Wait`] moves bytes until
//! [`deadline`](Client::deadline).  What moved is told by `handle_input`, `handle_written`, `handle_eof` and
//! `handle_timeout`, none of which fails: whatever goes wrong comes out of `poll`, after what went right.
//!
//! Here is a whole program's loop over a blocking stream.  It writes everything before it reads, which is fine for small
//! messages; a program that sends large ones must read while it writes, or both sides may wait for each other.  A failed
//! write is not the end: what the server said last may still be there to be read.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::time::{Duration, Instant as Clock};
//!
//! use smtp_proto::client::{Client, Config, Event, Next, Outcome, TlsMode};
//! use smtp_proto::{Envelope, Instant, Output};
//!
//! fn deliver(stream: &mut std::net::TcpStream, envelope: Envelope, content: &[u8]) -> io::Result<Vec<Outcome>> {
//!     let epoch = Clock::now();
//!     let now = || Instant::from_duration(epoch.elapsed());
//!     let config = Config::new("client.example".parse().map_err(io::Error::other)?);
//!     let mut client = Client::new(config, TlsMode::None, now());
//!     let mut out = Output::new();
//!     let mut input = [0; 4096];
//!     let (mut envelope, mut outcomes, mut taken, mut write_failed) = (Some(envelope), Vec::new(), 0, false);
//!     loop {
//!         // What `out` refers to, if it refers to content at all.
//!         let mut chunk = &[][..];
//!         match client.poll(now(), &mut out) {
//!             Next::Event(Event::Ready) => {
//!                 client.send(envelope.take().expect("Ready comes once")).map_err(io::Error::other)?;
//!                 client.quit();
//!                 continue;
//!             }
//!             Next::Event(Event::Finished(_, all)) => {
//!                 outcomes = all;
//!                 continue;
//!             }
//!             Next::Event(_) => continue,
//!             Next::Body(_) => {
//!                 chunk = &content[taken..];
//!                 taken += client.body(now(), chunk, true, &mut out).map_err(io::Error::other)?;
//!             }
//!             Next::Wait => {}
//!             // A lost connection does not take back what was confirmed before.
//!             Next::Closed(Err(error)) if outcomes.is_empty() => return Err(io::Error::other(error)),
//!             Next::Closed(_) => return Ok(outcomes),
//!         }
//!         if out.is_empty() || write_failed {
//!             let left = client.deadline().map(|deadline| (deadline - now()).max(Duration::from_millis(1)));
//!             stream.set_read_timeout(left)?;
//!             match stream.read(&mut input) {
//!                 Ok(0) => client.handle_eof(now()),
//!                 Ok(n) => client.handle_input(now(), &input[..n]),
//!                 Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
//!                     client.handle_timeout(now());
//!                 }
//!                 Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
//!                 Err(_) => client.handle_eof(now()),
//!             }
//!         } else if out.slices(chunk).map_err(io::Error::other)?.try_for_each(|slice| stream.write_all(slice)).is_ok() {
//!             client.handle_written(now(), out.len());
//!             out.clear();
//!         } else {
//!             write_failed = true;
//!         }
//!     }
//! }
//! # use std::io::BufRead;
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let mut stream = std::net::TcpStream::connect(listener.local_addr()?)?;
//! # let server = std::thread::spawn(move || {
//! #     let (mut peer, _) = listener.accept().unwrap();
//! #     let mut lines = io::BufReader::new(peer.try_clone().unwrap()).lines();
//! #     peer.write_all(b"220 mx\r\n").unwrap();
//! #     let mut seen = Vec::new();
//! #     while let Some(Ok(line)) = lines.next() {
//! #         let reply = match line.get(..4).unwrap_or(&line) { "DATA" => "354 go", "QUIT" => "221 bye", "Hi" => "", _ => "250 ok" };
//! #         if !reply.is_empty() { peer.write_all(format!("{reply}\r\n").as_bytes()).unwrap(); }
//! #         seen.push(line);
//! #     }
//! #     seen
//! # });
//! # let envelope = Envelope::new(Some("a@example.com".parse()?), ["b@example.org".parse()?])?;
//! # let outcomes = deliver(&mut stream, envelope, b"Hi\r\n")?;
//! # drop(stream);
//! # assert!(outcomes[0].is_delivered());
//! # let hello = ["EHLO client.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>"];
//! # assert_eq!(server.join().unwrap(), [&hello[..], &["DATA", "Hi", ".", "QUIT"]].concat());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Logging in
//!
//! At [`Event::Ready`] a program that logs in calls [`authenticate`](Client::authenticate) with an
//! [`Exchange`](crate::sasl::Exchange), and sends at [`Event::Authenticated`].  The client runs the mechanism; it holds no
//! secret, but asks for it by [`Event::SecretWanted`], and forgets it when the response is computed.  The response is kept
//! until the next command is answered, so that it is shown nowhere if the server repeats it.
//!
//! ```
//! use smtp_proto::client::{Event, Next};
//! use smtp_proto::sasl::{Credentials, NONCE};
//! use smtp_proto::{Instant, Output, Session};
//!
//! /// Moves bytes until the session has logged in, or cannot.
//! fn log_in(
//!     session: &mut Session,
//!     credentials: &Credentials,
//!     nonce: [u8; NONCE], // from the operating system, new for each exchange
//!     mut transfer: impl FnMut(&[u8]) -> Vec<u8>,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let now = Instant::ZERO; // of a clock, and with deadlines as above
//!     let mut out = Output::new();
//!     loop {
//!         match session.poll(now, &mut out) {
//!             Next::Event(Event::Ready) => {
//!                 let bound = session.channel_binding().is_some();
//!                 let mechanism = credentials.choose(session.extensions(), bound).ok_or("no AUTH that could be used")?;
//!                 session.authenticate(credentials.exchange(mechanism, nonce)?)?;
//!             }
//!             Next::Event(Event::SecretWanted(_)) => session.respond(credentials.secret().ok_or("no secret")?)?,
//!             Next::Event(Event::Authenticated(_)) => return Ok(()), // now messages can be sent
//!             // `is_temporary` says whether it may succeed later.
//!             Next::Event(Event::AuthFailed(error)) => return Err(error.into()),
//!             Next::Event(_) | Next::Body(_) => {}
//!             Next::Wait => {
//!                 let written: Vec<u8> = out.slices(&[])?.flatten().copied().collect();
//!                 session.handle_written(now, written.len());
//!                 out.clear();
//!                 session.handle_input(now, &transfer(&written));
//!             }
//!             Next::Closed(end) => return Err(end.err().map_or("closed".into(), Into::into)),
//!         }
//!     }
//! }
//! # use smtp_proto::client::Config;
//! # let serve = |accepts: bool| move |line: &[u8]| match line {
//! #     b"" => b"220 mx\r\n".to_vec(),
//! #     b"EHLO client.example\r\n" => b"250-mx\r\n250 AUTH PLAIN\r\n".to_vec(),
//! #     b"AUTH PLAIN AG1lQGV4YW1wbGUuY29tAHBhc3N3b3Jk\r\n" if accepts => b"235 welcome\r\n".to_vec(),
//! #     _ => b"535 no\r\n".to_vec(),
//! # };
//! # let mut config = Config::new("client.example".parse()?);
//! # config.allow_insecure_auth = true;
//! # let session = || Session::new(config.clone(), smtp_proto::Security::None, Instant::ZERO);
//! # let credentials = Credentials::new("me@example.com", "password")?;
//! # log_in(&mut session(), &credentials, [0; NONCE], serve(true))?;
//! # let refused = log_in(&mut session(), &credentials, [0; NONCE], serve(false)).unwrap_err();
//! # assert_eq!(refused.to_string(), "the server refused the credentials: 535 no");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it guarantees
//!
//! - No [`Outcome::Delivered`] without the server's own final reply for that transaction; a connection lost after the end
//!   mark was wholly written gives [`Outcome::Ambiguous`], unless the server itself has ended the session by 421.
//! - A reply to a command that is not wholly written, and any other that answers nothing, ends the connection; so does
//!   plain text behind the reply to STARTTLS.
//! - With TLS required nothing but EHLO and STARTTLS is said before it; credentials need verified TLS.
//! - Memory is bounded by the limits of [`Config`], every wait has a deadline, and no input makes it panic.

mod auth;
mod config;
mod error;
mod event;
mod known;
mod machine;
mod options;
mod pipeline;
mod queue;
mod state;
mod transaction;
mod wire;

pub use config::{Chunking, Config, Timeouts, TlsMode};
pub use error::{Error, Misuse, PeerMisbehaved, Phase, Unsupported};
pub use event::{AuthError, AuthRefusal, Event, Failure, Next, Outcome, PeerFault, Trace, TransactionId};
pub use machine::Client;
