//! What SCRAM is bound to must be what another implementation of TLS exports (RFC 9266 section 4.2): `openssl s_server`.
//!
//! Ignored where nobody asks for it, because it needs the program: `cargo xtask interop openssl` does.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::time_provider::DefaultTimeProvider;
use smtp_proto::client::{Event, Next};
use smtp_proto::tls::rustls::{RustlsConnector, default_provider};
use smtp_proto::{Config, Host, Instant, Output, Security, Session, Tls};

const NOW: Instant = Instant::ZERO;

/// Longer than any handshake takes; only a failure waits for it.
const LIMIT: Duration = Duration::from_secs(30);

/// `openssl s_server` for one connection, with a certificate of its own.
struct Openssl {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
    port: u16,
    roots: RootCertStore,
    directory: PathBuf,
}

impl Openssl {
    fn start(version: &str) -> Self {
        let name = format!("smtp-exporter{version}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let certified = rcgen::generate_simple_self_signed(["mx.example".to_string()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certified.cert.der().clone()).unwrap();
        let (key, certificate) = (directory.join("key"), directory.join("certificate"));
        fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
        fs::write(&certificate, certified.cert.pem()).unwrap();
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1", version])
            .args(["-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32", "-key"])
            .arg(key)
            .arg("-cert")
            .arg(certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut openssl = Self { child, said, port: 0, roots, directory };
        openssl.port = openssl.line("ACCEPT 127.0.0.1:").parse().unwrap();
        openssl
    }

    /// What is behind this in the first line that has it.
    fn line(&mut self, start: &str) -> String {
        let mut said = String::new();
        loop {
            let before = said.len();
            assert_ne!(self.said.read_line(&mut said).unwrap(), 0, "no {start:?} in: {said}");
            if let Some((_, rest)) = said[before..].split_once(start) {
                return rest.trim_end().to_string();
            }
        }
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Opens a session by implicit TLS and gives it back with its connection when the handshake is over.
fn handshake(openssl: &Openssl) -> (Session, TcpStream) {
    let time = Arc::new(DefaultTimeProvider);
    let connector = RustlsConnector::with_roots(default_provider(), openssl.roots.clone(), time).unwrap();
    let tls = Tls { connector: Arc::new(connector), server_name: "mx.example".into() };
    let config = Config::new("client.example".parse::<Host>().unwrap());
    let mut session = Session::new(config, Security::Implicit(tls), NOW);
    let mut stream = TcpStream::connect(("127.0.0.1", openssl.port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let (mut out, mut established) = (Output::new(), false);
    loop {
        match session.poll(NOW, &mut out) {
            Next::Event(Event::TlsEstablished(_)) => established = true,
            Next::Event(_) => {}
            Next::Wait if !out.is_empty() => {
                let bytes = out.slices(&[]).unwrap().flatten().copied().collect::<Vec<_>>();
                out.clear();
                stream.write_all(&bytes).unwrap();
                session.handle_written(NOW, bytes.len());
            }
            Next::Wait if established => return (session, stream),
            Next::Wait => {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).unwrap();
                assert_ne!(read, 0, "the server has closed the connection");
                session.handle_input(NOW, &buffer[..read]);
            }
            next => panic!("{next:?}"),
        }
    }
}

#[test]
#[ignore = "needs openssl: cargo xtask interop openssl"]
fn openssl_exports_the_same() {
    let mut openssl = Openssl::start("-tls1_3");
    let (session, _stream) = handshake(&openssl);
    let ours = data_encoding::HEXUPPER.encode(&session.channel_binding().unwrap());
    assert_eq!(openssl.line("Keying material: "), ours);
}

#[test]
#[ignore = "needs openssl: cargo xtask interop openssl"]
fn openssl_by_tls_1_2_is_not_bound() {
    let mut openssl = Openssl::start("-tls1_2");
    let (session, _stream) = handshake(&openssl);
    assert_eq!(session.channel_binding(), None);
    // There would be something to export.
    assert_eq!(openssl.line("Keying material: ").len(), 64);
}
