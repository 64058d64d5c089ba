//! A session over a channel of byte vectors: no socket, no runtime.
//!
//! The server is this crate's own, on a thread of its own; both sides send each other what they have to write, and wait on
//! their channel for what the other has written.  TLS, login and content are all there.
#![allow(clippy::print_stdout)] // it is what it is for

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant as Clock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use rustls::time_provider::DefaultTimeProvider;
use smtp_proto::client::Outcome;
use smtp_proto::sasl::{Credentials, NONCE};
use smtp_proto::server::{self, Response, Server};
use smtp_proto::tls::rustls::{RustlsAcceptor, RustlsConnector, default_provider};
use smtp_proto::{Address, Config, Envelope, Event, Host, Instant, Next, Output, Security, Session, Tls};

type Failure = Box<dyn Error + Send + Sync>;

/// Unguessable bytes for SCRAM.
fn nonce() -> Result<[u8; NONCE], Failure> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce)?;
    Ok(nonce)
}

/// One end of the connection.
struct End {
    to: Sender<Vec<u8>>,
    from: Receiver<Vec<u8>>,
    epoch: Clock,
}

/// What came of waiting.
enum Came {
    Bytes(Vec<u8>),
    TheDeadline,
    TheEnd,
}

impl End {
    fn pair() -> (Self, Self) {
        let ((to_server, at_server), (to_client, at_client)) = (channel(), channel());
        let epoch = Clock::now();
        (Self { to: to_server, from: at_client, epoch }, Self { to: to_client, from: at_server, epoch })
    }

    fn now(&self) -> Instant {
        Instant::from_duration(self.epoch.elapsed())
    }

    /// Sends all that is to be written; returns how much that was.
    fn write(&self, out: &mut Output, chunk: &[u8]) -> Result<usize, Failure> {
        let bytes: Vec<u8> = out.slices(chunk)?.flatten().copied().collect();
        let len = bytes.len();
        out.clear();
        // Nobody may be there any more, which reading will tell.
        let _ = self.to.send(bytes);
        Ok(len)
    }

    fn wait(&self, deadline: Option<Instant>) -> Came {
        let received = match deadline {
            Some(deadline) => self.from.recv_timeout(deadline - self.now()),
            None => self.from.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(bytes) => Came::Bytes(bytes),
            Err(RecvTimeoutError::Timeout) => Came::TheDeadline,
            Err(RecvTimeoutError::Disconnected) => Came::TheEnd,
        }
    }
}

/// Sends one message; returns what became of each recipient.
fn send(end: &End, security: Security, envelope: Envelope, content: &[u8]) -> Result<Vec<Outcome>, Failure> {
    let credentials = Credentials::new("user", "password")?;
    let mut session = Session::new(Config::new("client.example".parse::<Host>()?), security, end.now());
    let (mut out, mut envelope, mut outcomes, mut taken) = (Output::new(), Some(envelope), Vec::new(), 0);
    loop {
        match session.poll(end.now(), &mut out) {
            Next::Event(Event::TlsEstablished(tls)) => println!("{} with {}", tls.version, tls.cipher_suite),
            Next::Event(Event::Ready) => {
                let bound = session.channel_binding().is_some();
                let mechanism = credentials.choose(session.extensions(), bound).ok_or("no AUTH")?;
                session.authenticate(credentials.exchange(mechanism, nonce()?)?)?;
            }
            Next::Event(Event::SecretWanted(_)) => {
                session.respond(credentials.secret().ok_or("no secret")?)?;
            }
            Next::Event(Event::Authenticated(_)) => {
                session.send(envelope.take().ok_or("authenticated twice")?)?;
                session.quit();
            }
            Next::Event(Event::AuthFailed(error)) => return Err(error.into()),
            Next::Event(Event::Finished(_, all)) => outcomes = all,
            Next::Event(_) => {}
            Next::Body(_) => {
                let chunk = &content[taken..];
                taken += session.body(end.now(), chunk, true, &mut out)?;
                let written = end.write(&mut out, chunk)?;
                session.handle_written(end.now(), written);
            }
            Next::Wait if !out.is_empty() => {
                let written = end.write(&mut out, &[])?;
                session.handle_written(end.now(), written);
            }
            Next::Wait => match end.wait(session.deadline()) {
                Came::Bytes(bytes) => session.handle_input(end.now(), &bytes),
                Came::TheDeadline => session.handle_timeout(end.now()),
                Came::TheEnd => session.handle_eof(end.now()),
            },
            // A lost connection does not take back what was confirmed before.
            Next::Closed(Err(error)) if outcomes.is_empty() => return Err(error.into()),
            Next::Closed(_) => return Ok(outcomes),
        }
    }
}

/// Takes messages; returns the content of the last one.
fn serve(end: &End, config: server::Config) -> Result<Vec<u8>, Failure> {
    let mut server = Server::new(Arc::new(config), end.now());
    let (mut out, mut content) = (Output::new(), Vec::new());
    loop {
        match server.poll(end.now(), &mut out) {
            server::Next::Event(server::Event::Auth(login)) => {
                let is_user = login.identity == "user" && login.password.expose() == "password";
                server.respond(if is_user { Response::accept() } else { Response::refuse() });
            }
            server::Next::Event(server::Event::Body(bytes)) => content.extend_from_slice(&bytes),
            server::Next::Event(
                server::Event::Mail { .. } | server::Event::Rcpt { .. } | server::Event::Message,
            ) => server.respond(Response::accept()),
            server::Next::Event(_) => {}
            server::Next::Wait if !out.is_empty() => {
                let written = end.write(&mut out, &[])?;
                server.handle_written(end.now(), written);
            }
            server::Next::Wait => match end.wait(server.deadline()) {
                Came::Bytes(bytes) => server.handle_input(end.now(), &bytes),
                Came::TheDeadline => server.handle_timeout(end.now()),
                Came::TheEnd => server.handle_eof(end.now()),
            },
            server::Next::Closed(Err(error)) => return Err(error.into()),
            server::Next::Closed(Ok(())) => return Ok(content),
        }
    }
}

/// A server that wants STARTTLS and a login, and what a client needs to trust it.
fn protected() -> Result<(server::Config, Security), Failure> {
    let mut authority = CertificateParams::new([])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["mx.example".to_string()])?.signed_by(&key, &authority)?;
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone())?;
    let time = Arc::new(DefaultTimeProvider);
    let connector = RustlsConnector::with_roots(default_provider(), roots, time.clone())?;
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let acceptor = RustlsAcceptor::with_certificate(default_provider(), chain, key, time)?;
    let mut config = server::Config::new("mx.example".parse::<Host>()?);
    config.tls = server::Tls::StartTls(Arc::new(acceptor));
    config.require_tls = true;
    config.require_auth = true;
    let tls = Tls { connector: Arc::new(connector), server_name: "mx.example".into() };
    Ok((config, Security::StartTls(tls)))
}

fn run() -> Result<(Vec<Outcome>, Vec<u8>), Failure> {
    let (config, security) = protected()?;
    let (client_end, server_end) = End::pair();
    let to: [Address; 2] = ["one@mx.example".parse()?, "two@mx.example".parse()?];
    let envelope = Envelope::new(Some("me@client.example".parse()?), to)?;
    thread::scope(|scope| {
        let server = scope.spawn(move || serve(&server_end, config));
        let outcomes = send(&client_end, security, envelope, b"Subject: hi\r\n\r\n.\r\nbye\r\n")?;
        // The server sees the end of the connection.
        drop(client_end);
        let content = server.join().map_err(|_| "the server panicked")??;
        Ok((outcomes, content))
    })
}

fn main() -> Result<(), Failure> {
    let (outcomes, content) = run()?;
    outcomes.iter().for_each(|outcome| println!("{outcome}"));
    print!("-- received:\n{}", String::from_utf8_lossy(&content));
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_message_arrives() {
        let (outcomes, content) = super::run().unwrap();
        assert!(outcomes.len() == 2 && outcomes.iter().all(smtp_proto::client::Outcome::is_delivered));
        assert_eq!(content, b"Subject: hi\r\n\r\n.\r\nbye\r\n");
    }
}
