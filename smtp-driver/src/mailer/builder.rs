//! How a server is reached, and how far it is trusted.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
use smtp_message::dkim::Signer;
use smtp_proto::client::{Chunking, Event, Timeouts};
use smtp_proto::sasl::{AuthMechanism, Credentials, CredentialsError};
use smtp_proto::tls::{TlsConnector, TlsError, TlsPolicy};
use smtp_proto::{AddressError, AddressLiteral, Config, Domain, Host, Secret, Security, Tls};

use super::pool::Pool;
use super::{Mailer, Server, url};
use crate::error;
use crate::login::{Ask, Login};
use crate::observe::{ConnectionId, Observed, Observer};
use crate::runtime::Runtime;

/// Settings of a [`Mailer`].  Mailers of the same settings share nothing, while clones of a mailer share its connections.
///
/// ```
/// use smtp_driver::MailerBuilder;
///
/// let builder = MailerBuilder::new("mail.example.com")
///     .starttls()
///     .credentials("me@example.com", "hunter2");
/// assert!(!format!("{builder:?}").contains("hunter2"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct MailerBuilder {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) protection: Protection,
    pub(super) login: Login,
    pub(super) auth: Option<AuthMechanism>,
    pub(super) hello: Host,
    roots: Roots,
    policy: TlsPolicy,
    timeouts: Timeouts,
    connect_timeout: Duration,
    send_timeout: Option<Duration>,
    observer: Option<Arc<Observer>>,
    max_connections: usize,
    wait_timeout: Duration,
    max_idle: usize,
    idle_timeout: Duration,
    chunking: Chunking,
    lmtp: bool,
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    signer: Option<Signer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    Implicit,
    StartTls,
    None,
}

/// Whom to trust.
#[derive(Clone)]
enum Roots {
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    Trusted(crate::roots::Roots),
    Connector(Arc<dyn TlsConnector>),
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    Nobody,
}

impl MailerBuilder {
    /// Settings for a server, a domain name or an IP address: implicit TLS, verified by the operating system's rules.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            protection: Protection::Implicit,
            login: Login::Nobody,
            auth: None,
            hello: Host::from(AddressLiteral::from(IpAddr::from(Ipv4Addr::LOCALHOST))),
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            roots: Roots::Trusted(crate::roots::Roots::default()),
            #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
            roots: Roots::Nobody,
            policy: TlsPolicy::default(),
            timeouts: Self::submission_timeouts(),
            connect_timeout: Duration::from_secs(30),
            send_timeout: None,
            observer: None,
            max_connections: 10,
            wait_timeout: Duration::from_secs(300),
            max_idle: 4,
            idle_timeout: Duration::from_secs(60),
            chunking: Chunking::default(),
            lmtp: false,
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            signer: None,
        }
    }

    /// Settings from a URL.
    ///
    /// | URL | meaning |
    /// |---|---|
    /// | `smtps://user:password@host:465` | implicit TLS, verified (RFC 8314); the port may be left out |
    /// | `smtp://user:password@host:587` | STARTTLS, required and verified; the port may be left out |
    /// | `lmtp://host:24` | LMTP (RFC 2033), with STARTTLS; the port may be left out |
    /// | `?tls=none` | with `smtp` or `lmtp`, without credentials: no TLS, for a server on this computer; the port is 25 or 24 |
    /// | `?hello=NAME` | the name or address literal for EHLO |
    /// | `?auth=MECHANISM` | this mechanism and no other: see [`AuthMechanism`]; the user name alone will do for `EXTERNAL` |
    /// | `?token=TOKEN` | with a user name and no password: a token of OAuth 2.0, for OAUTHBEARER or XOAUTH2 |
    ///
    /// User name, password and token are percent-encoded: `@` is `%40`, `:` is `%3A`, `/` is `%2F`, `&` is `%26`.
    ///
    /// # Errors
    /// What is wrong with the URL; it never shows a password.
    pub fn from_url(url: &str) -> Result<Self, UrlError> {
        url::parse(url)
    }

    /// The port, instead of 465 with implicit TLS, 587 with STARTTLS, 25 with none, 24 with LMTP.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// TLS after STARTTLS (RFC 3207), which the server must offer and accept, instead of implicit TLS.
    pub fn starttls(mut self) -> Self {
        self.protection = Protection::StartTls;
        self
    }

    /// LMTP (RFC 2033) instead of SMTP: the server answers for each recipient.
    pub fn lmtp(mut self) -> Self {
        self.lmtp = true;
        self
    }

    /// Whether and how content goes in chunks (RFC 3030); if not given, only where nothing else will do.
    pub fn chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = chunking;
        self
    }

    /// No TLS at all: anyone on the way reads and changes what is sent.  Credentials are refused.
    pub fn dangerous_plaintext(mut self) -> Self {
        self.protection = Protection::None;
        self
    }

    /// Who logs in.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.login = Login::password(user, password);
        self
    }

    /// Who logs in, with a token of OAuth 2.0 (RFC 6750): OAUTHBEARER or XOAUTH2.
    ///
    /// A token that expires while the mailer is used is better given by [`credentials_from`](Self::credentials_from).
    pub fn token(mut self, user: impl Into<String>, token: impl Into<Secret>) -> Self {
        self.login = Login::token(user, token);
        self
    }

    /// Asks for the credentials before each connection is made, and once more with [`Ask::AfterRefusal`] if the server
    /// refuses them (535): for tokens that are fetched and renewed, and for secrets that are kept elsewhere.
    ///
    /// Waiting has no deadline but the source's own and [`send_timeout`](Self::send_timeout).  With smtp-blocking the future must be ready at once; what blocks can
    /// block in it.
    ///
    /// ```
    /// use smtp_driver::{Ask, MailerBuilder};
    /// use smtp_proto::sasl::Credentials;
    ///
    /// async fn access_token(refused: Option<&str>) -> Result<String, std::io::Error> {
    ///     // Gives the token that is kept, if there is one and it is not the refused one; else asks the authorization
    ///     // server for another.
    ///     # Ok("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==".into())
    /// }
    ///
    /// let builder = MailerBuilder::new("smtp.example.com").credentials_from(|ask| async move {
    ///     let refused = match &ask {
    ///         Ask::AfterRefusal(refused) => refused.secret(),
    ///         _ => None,
    ///     };
    ///     Ok(Credentials::token("me@example.com", access_token(refused.map(|secret| secret.expose())).await?)?)
    /// });
    /// ```
    pub fn credentials_from<F, Fut>(mut self, source: F) -> Self
    where
        F: Fn(Ask) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Credentials, Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        self.login = Login::asked(source);
        self
    }

    /// This mechanism and no other.  If none is named the strongest is chosen that the server offers; CRAM-MD5 and EXTERNAL
    /// are used only if they are named.
    pub fn auth(mut self, mechanism: AuthMechanism) -> Self {
        self.auth = Some(mechanism);
        self
    }

    /// The user name that the URL has without a password.
    pub fn user_alone(&self) -> Option<&str> {
        match &self.login {
            Login::User(user) => Some(user),
            _ => None,
        }
    }

    /// The name or address literal of this host for EHLO (RFC 5321 section 4.1.4).
    ///
    /// `[127.0.0.1]` if not given, which tells nothing of this computer and which submission servers accept.  Give a
    /// name that resolves to this host for servers that are strict.
    pub fn hello(mut self, hello: impl Into<Host>) -> Self {
        self.hello = hello.into();
        self
    }

    /// Trusts only the authorities in this PEM text.
    ///
    /// # Errors
    /// It has no certificate, or a broken one.
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    pub fn trust_only_pem(mut self, pem: &[u8]) -> Result<Self, ConfigError> {
        self.roots = Roots::Trusted(crate::roots::Roots::from_pem(pem)?);
        Ok(self)
    }

    /// Trusts Mozilla's authorities, which are compiled in, instead of the operating system's: for containers that
    /// have none.
    #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))]
    pub fn trust_webpki_roots(mut self) -> Self {
        self.roots = Roots::Trusted(crate::roots::Roots::webpki());
        self
    }

    /// How the server is authenticated and the least version of TLS, instead of [`TlsPolicy::verified`]: a pinned
    /// certificate, for instance.  Credentials are not sent under a policy that does not authenticate.
    ///
    /// ```
    /// use smtp_driver::MailerBuilder;
    /// use smtp_proto::tls::{Pin, TlsPolicy};
    ///
    /// let pin: Pin = "spki:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?;
    /// let builder = MailerBuilder::new("appliance.example.com").tls_policy(TlsPolicy::pinned([pin]));
    /// # Ok::<(), smtp_proto::tls::PinError>(())
    /// ```
    pub fn tls_policy(mut self, policy: TlsPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Another TLS engine, or rustls configured otherwise; it has its own policy, and none of this builder's.
    pub fn tls_connector(mut self, connector: Arc<dyn TlsConnector>) -> Self {
        self.roots = Roots::Connector(connector);
        self
    }

    /// How long each wait of a session may take; [`submission_timeouts`](Self::submission_timeouts) if not given.
    ///
    /// ```
    /// use std::time::Duration;
    /// use smtp_driver::MailerBuilder;
    ///
    /// let mut timeouts = MailerBuilder::submission_timeouts();
    /// timeouts.message = Duration::from_secs(120);
    /// let builder = MailerBuilder::new("mail.example.com").timeouts(timeouts);
    /// ```
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Timeouts as RFC 5321 asks for, but a minute for the greeting, because a submission server that says nothing for so long
    /// expects TLS first, and 5 seconds for QUIT.
    pub fn submission_timeouts() -> Timeouts {
        let mut timeouts = Timeouts::default();
        timeouts.greeting = Duration::from_secs(60);
        timeouts.quit = Duration::from_secs(5);
        timeouts
    }

    /// How long sending a message may take altogether, from waiting for a connection to the last reply; no limit if not
    /// given, but those of each wait.
    ///
    /// What is not confirmed then is [`Deferred`], or [`Ambiguous`] if the server has all of it; without a connection, it is
    /// an error.  Files and credentials that block the thread are not interrupted.
    ///
    /// [`Deferred`]: smtp_proto::client::Outcome::Deferred
    /// [`Ambiguous`]: smtp_proto::client::Outcome::Ambiguous
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.send_timeout = Some(timeout);
        self
    }

    /// How long connecting may take, name lookup and all addresses included; 30 seconds if not given.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Signs every message (DKIM, RFC 6376) by these templates, when it is sent and before anybody is connected to.
    ///
    /// A signed message goes in its 7-bit form, whatever the server takes.  One that was signed before gets these signatures
    /// on top.
    ///
    /// ```
    /// use smtp_driver::MailerBuilder;
    /// use smtp_message::dkim::{NewKey, PrivateKey, Signer, Template};
    ///
    /// let (key, _) = PrivateKey::generate(NewKey::Ed25519)?;
    /// let signer = Signer::new([Template::new("example.com", "sel1", key)?]);
    /// let builder = MailerBuilder::new("mail.example.com").sign_with(signer);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    pub fn sign_with(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Is told of every event of every connection, among them the lines of the transcript with secrets masked.  Where messages
    /// are sent side by side, [`observe`](Self::observe) tells which connection it is.
    ///
    /// There is one observer, the one that was given last.
    pub fn on_event(self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observe(move |_, what| {
            if let Observed::Event(event) = what {
                observer(event);
            }
        })
    }

    /// The same, and is told which connection it is, and when it is made, used again and closed.
    ///
    /// ```
    /// use smtp_driver::{MailerBuilder, Observed};
    ///
    /// let builder = MailerBuilder::new("mail.example.com").observe(|connection, what| match what {
    ///     Observed::Connected { peer: Some(peer) } => println!("[{connection}] connected to {peer}"),
    ///     Observed::Event(event) => println!("[{connection}] {event:?}"),
    ///     Observed::Closed => println!("[{connection}] closed"),
    ///     _ => {}
    /// });
    /// ```
    pub fn observe(mut self, observer: impl Fn(ConnectionId, Observed<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// How many connections there may be at a time; 10 if not given, and at least one.  Servers have limits of their own, and
    /// refuse who exceeds them.
    ///
    /// Whoever sends when all are in use waits for one, in turn.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// How long to wait for one of the [`max_connections`](Self::max_connections), before it ends with [`Error::Busy`]; 5
    /// minutes if not given.
    ///
    /// [`Error::Busy`]: crate::Error::Busy
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// How many connections are kept open while nothing is sent; 4 if not given.
    pub fn max_idle(mut self, connections: usize) -> Self {
        self.max_idle = connections;
        self
    }

    /// How long a connection is kept open while nothing is sent on it; a minute if not given, which servers put up with.
    ///
    /// Nothing runs in the background: what was idle for longer is closed when the next message is sent.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// The mailer.  Nothing is connected yet.
    ///
    /// # Errors
    /// The setting that does not work.
    pub fn build<R: Runtime>(self, runtime: R) -> Result<Mailer<R>, ConfigError> {
        let host = self.resolved_host().map_err(ConfigError::Host)?;
        let logins = self.login.into_logins(self.auth).map_err(ConfigError::Credentials)?;
        let port = self.port.unwrap_or(match self.protection {
            _ if self.lmtp => 24,
            Protection::Implicit => 465,
            Protection::StartTls => 587,
            Protection::None => 25,
        });
        let security = match self.protection {
            Protection::None if logins.is_some() => return Err(ConfigError::PlaintextCredentials),
            Protection::None => Security::None,
            protection => {
                let connector = match self.roots {
                    Roots::Connector(connector) => connector,
                    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
                    Roots::Trusted(roots) => roots.connector(&self.policy)?,
                    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
                    Roots::Nobody => return Err(ConfigError::NoTlsEngine),
                };
                let tls = Tls { connector, server_name: host.clone() };
                if protection == Protection::Implicit {
                    Security::Implicit(tls)
                } else {
                    Security::StartTls(tls)
                }
            }
        };
        let mut config = Config::new(self.hello);
        config.timeouts = self.timeouts;
        config.chunking = self.chunking;
        config.lmtp = self.lmtp;
        config.trace = self.observer.is_some();
        let server = Server {
            name: error::Server { host: host.into(), port },
            security,
            logins,
            config,
            connect_timeout: self.connect_timeout,
            send_timeout: self.send_timeout,
            wait_timeout: self.wait_timeout,
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            signer: self.signer,
            observer: self.observer.unwrap_or_else(|| Arc::new(|_, _| {})),
        };
        let pool = Pool::new(self.max_connections, self.max_idle, self.idle_timeout);
        Ok(Mailer::new(runtime, server, pool))
    }

    /// The host as it is looked up and verified: A-labels, or an IP address.
    pub(super) fn resolved_host(&self) -> Result<String, AddressError> {
        match self.host.parse::<IpAddr>() {
            Ok(address) => Ok(address.to_string()),
            Err(_) => Ok(self.host.parse::<Domain>()?.to_string()),
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Debug for MailerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailerBuilder")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("protection", &self.protection)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

pub use url::UrlError;

/// Why settings do not work.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL.
    Url(UrlError),
    /// The host is neither a domain name nor an IP address.
    Host(AddressError),
    /// The credentials are not complete.
    Credentials(CredentialsError),
    /// Credentials and no TLS.
    PlaintextCredentials,
    /// TLS cannot be set up.
    Tls(TlsError),
    /// A certificate of a given authority cannot be read, or there is none.
    Certificate,
    /// This build has no TLS engine, and none was given.
    NoTlsEngine,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Host(error) => write!(f, "the server's name is not valid: {error}"),
            Self::Credentials(error) => error.fmt(f),
            Self::PlaintextCredentials => {
                f.write_str("credentials are not sent without TLS: leave out the credentials, or what turns TLS off (tls=none)")
            }
            Self::Tls(error) => error.fmt(f),
            Self::Certificate => f.write_str("the given authority is not a certificate in PEM format"),
            Self::NoTlsEngine => {
                f.write_str("this build has no TLS engine: enable aws-lc-rs or ring, or give one")
            }
        }
    }
}

impl std::error::Error for ConfigError {
    /// The cause's own: that is in the text.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => error.source(),
            Self::Host(error) => error.source(),
            Self::Credentials(error) => error.source(),
            Self::Tls(error) => error.source(),
            Self::PlaintextCredentials | Self::Certificate | Self::NoTlsEngine => None,
        }
    }
}

impl From<UrlError> for ConfigError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl From<TlsError> for ConfigError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}
