//! The demonstration: a server of this project's own, with a certificate of an authority that was made a moment ago.

use std::process::ExitCode;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::time_provider::DefaultTimeProvider;
use smtp_driver::{MailerBuilder, Report, Runtime, Transport, serve};
use smtp_message::{Message, Stamp};
use smtp_proto::server::{Config, Event, Response, Server, Tls};
use smtp_proto::tls::rustls::{RustlsAcceptor, default_provider};

use crate::output::{self, Failure, say};

const USER: &str = "demo";
const PASSWORD: &str = "correct horse battery staple";

/// A server for one run, and a message for it.
#[derive(Debug)]
pub struct Demo {
    authority: String,
    server: Arc<Config>,
}

impl Demo {
    /// A server with a fresh certificate.
    ///
    /// # Errors
    /// The certificate could not be made.
    pub fn new() -> Result<Self, Failure> {
        Self::with_fresh_certificate().map_err(Failure::usage)
    }

    fn with_fresh_certificate() -> Result<Self, Box<dyn std::error::Error>> {
        let mut authority = CertificateParams::new([])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["localhost".to_string()])?.signed_by(&key, &authority)?;
        let acceptor = RustlsAcceptor::with_certificate(
            default_provider(),
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            Arc::new(DefaultTimeProvider),
        )?;
        let mut server = Config::new("localhost".parse::<smtp_proto::Domain>()?);
        server.tls = Tls::StartTls(Arc::new(acceptor));
        server.require_tls = true;
        server.require_auth = true;
        Ok(Self { authority: authority.pem(), server: Arc::new(server) })
    }

    /// How to reach the server on this port: STARTTLS, a password, and no authority trusted but its own.
    ///
    /// # Errors
    /// None, if the authority is one.
    pub fn mailer(&self, port: u16) -> Result<MailerBuilder, Failure> {
        let builder = MailerBuilder::new("localhost").port(port).starttls().credentials(USER, PASSWORD);
        Ok(builder
            .trust_only_pem(self.authority.as_bytes())?
            .on_event(|event| output::trace(event, |line| say(line))))
    }

    /// A message with a subject that is not ASCII and a recipient whom nobody sees.
    ///
    /// # Errors
    /// None, if the message is in order.
    pub fn message(&self, stamp: &Stamp) -> Result<Message, Failure> {
        Message::builder()
            .from("Zo\u{eb} Example <zoe@example.com>")
            .to("\"Doe, John\" <john@example.org>")
            .bcc("archive@example.com")
            .subject("Gr\u{fc}\u{df}e \u{2014} it works")
            .text("Hello John,\n\n.this line begins with a dot.\n\nZo\u{eb}\n")
            .build(stamp)
            .map_err(Failure::usage)
    }

    /// Serves one client, and prints the message as it arrives.
    pub async fn serve<R: Runtime<Transport = T>, T: Transport>(&self, runtime: &R, transport: T) {
        let server = Server::new(Arc::clone(&self.server), runtime.now());
        let mut content = Vec::new();
        let ended = serve(runtime, transport, server, |event| match event {
            Event::Auth(login) if login.identity != USER || login.password.expose() != PASSWORD => {
                Response::refuse()
            }
            Event::Body(bytes) => {
                content.extend_from_slice(&bytes);
                Response::accept()
            }
            Event::Message => {
                say("-- what the server has received:");
                String::from_utf8_lossy(&content).lines().for_each(|line| say(format_args!("   | {line}")));
                content.clear();
                Response::accept()
            }
            _ => Response::accept(),
        });
        if let Err(error) = ended.await {
            say(format_args!("-- the server ended the connection: {error}"));
        }
    }

    /// Prints what has become of the message.
    pub fn report(&self, report: &Report) -> ExitCode {
        output::print(report);
        output::status(report)
    }
}
