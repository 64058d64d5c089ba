//! What a server is told once: its name, what it offers, what is too much (RFC 5321, RFC 9422).

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::address::Host;
use crate::envelope::{ByMode, Hold, MailOptions, OptionError};
use crate::extensions::Extension;
use crate::sasl::AuthMechanism;
use crate::text::TextError;
use crate::tls::TlsAcceptor;

/// How a server behaves; one value serves many connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What the server calls itself.
    pub host: Host,
    /// Whether the server speaks LMTP (RFC 2033): LHLO instead of EHLO, and a decision for each recipient at the end
    /// ([`Event::MessageFor`](super::Event::MessageFor)).
    pub lmtp: bool,
    /// What EHLO tells, in any order.  STARTTLS, AUTH and FUTURERELEASE follow from `tls`, `auth` and `future_release`
    /// instead.  [`BinaryMime`](Extension::BinaryMime) counts beside [`Chunking`](Extension::Chunking) only (RFC 3030
    /// section 3), [`RequireTls`](Extension::RequireTls) under TLS only (RFC 8689 section 2).
    /// [`XClient`](Extension::XClient) is for clients that are trusted to say who others are.
    pub extensions: Vec<Extension>,
    /// Further lines of the reply to EHLO, for what is not known here.
    pub keywords: Vec<Keyword>,
    /// The mechanisms of AUTH; none means that there is no AUTH.  PLAIN and LOGIN are implemented; of all
    /// others the messages come as [`Event::AuthMessage`](super::Event::AuthMessage).
    pub auth: Vec<AuthMechanism>,
    /// How long messages may be held; `None` means that there is no FUTURERELEASE.
    pub future_release: Option<FutureRelease>,
    /// Whether and when there is TLS.
    pub tls: Tls,
    /// Refuse mail without TLS (530).
    pub require_tls: bool,
    /// Refuse mail without AUTH (530).
    pub require_auth: bool,
    /// Take passwords without TLS.
    pub allow_auth_without_tls: bool,
    /// Take content with a CR or LF that stands alone, instead of refusing it after its end (550 5.6.0).  It ends no
    /// line in any case.  With `BODY=BINARYMIME` there is nothing to refuse.
    pub allow_bare_line_ends: bool,
    /// Take content that is not what MAIL said: with a NUL, with octets from 128 up without `BODY=8BITMIME`, with UTF-8
    /// in its headers without `SMTPUTF8`; instead of refusing it after its end (550 5.6.x).
    pub allow_undeclared_content: bool,
    /// What is too much or takes too long.
    pub limits: Limits,
}

impl Config {
    /// The extensions that ask nothing of the embedder, PLAIN and LOGIN under TLS only, but no TLS yet.
    pub fn new(host: impl Into<Host>) -> Self {
        Self {
            host: host.into(),
            lmtp: false,
            extensions: alloc::vec![
                Extension::Pipelining,
                Extension::Size,
                Extension::EightBitMime,
                Extension::SmtpUtf8,
                Extension::EnhancedStatusCodes,
                Extension::Chunking,
            ],
            keywords: Vec::new(),
            auth: alloc::vec![AuthMechanism::Plain, AuthMechanism::Login],
            future_release: None,
            tls: Tls::None,
            require_tls: false,
            require_auth: false,
            allow_auth_without_tls: false,
            allow_bare_line_ends: false,
            allow_undeclared_content: false,
            limits: Limits::default(),
        }
    }

    /// Whether AUTH may be used now.
    pub(super) fn may_authenticate(&self, secure: bool) -> bool {
        (secure || self.allow_auth_without_tls) && !self.auth.is_empty()
    }

    /// Whether there is this extension now.
    pub(super) fn offers(&self, extension: Extension, secure: bool) -> bool {
        let listed = |extension| self.extensions.contains(&extension);
        match extension {
            Extension::Auth => self.may_authenticate(secure),
            Extension::BinaryMime => listed(extension) && listed(Extension::Chunking),
            Extension::FutureRelease => self.future_release.is_some(),
            Extension::RequireTls => listed(extension) && secure,
            Extension::StartTls => !secure && matches!(self.tls, Tls::StartTls(_)),
            extension => listed(extension),
        }
    }

    /// What the reply to EHLO lists.
    pub(super) fn keywords(&self, secure: bool) -> Vec<String> {
        const ORDER: [Extension; 16] = [
            Extension::Pipelining,
            Extension::EightBitMime,
            Extension::SmtpUtf8,
            Extension::EnhancedStatusCodes,
            Extension::Chunking,
            Extension::BinaryMime,
            Extension::Dsn,
            Extension::MtPriority,
            Extension::DeliverBy,
            Extension::FutureRelease,
            Extension::RequireTls,
            Extension::Limits,
            Extension::Size,
            Extension::StartTls,
            Extension::Auth,
            Extension::XClient,
        ];
        let line = |extension: Extension| {
            let parameters = match extension {
                Extension::Auth => {
                    let names: Vec<&str> = self.auth.iter().map(|mechanism| mechanism.name()).collect();
                    names.join(" ")
                }
                Extension::DeliverBy => {
                    self.limits.deliver_by.map_or(String::new(), |least| least.to_string())
                }
                Extension::FutureRelease => match &self.future_release {
                    Some(most) => alloc::format!("{} {}", most.seconds, most.until),
                    None => String::new(),
                },
                Extension::Limits => self.limits.keyword(),
                Extension::Size => self.limits.size.unwrap_or(0).to_string(),
                Extension::XClient => "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT".into(),
                _ => String::new(),
            };
            let separator = if parameters.is_empty() { "" } else { " " };
            alloc::format!("{extension}{separator}{parameters}")
        };
        let known = ORDER.into_iter().filter(|&extension| self.offers(extension, secure)).map(line);
        known.chain(self.keywords.iter().map(|keyword| keyword.0.clone())).collect()
    }

    /// Whether what is asked of time keeps to the limits.
    pub(super) fn is_in_time(&self, options: &MailOptions) -> bool {
        let by = options.deliver_by.is_none_or(|by| {
            by.mode() == ByMode::Notify || by.seconds() >= self.limits.deliver_by.unwrap_or(0).into()
        });
        by && match (&options.hold, &self.future_release) {
            (Some(Hold::For(seconds)), Some(most)) => seconds.get() <= most.seconds,
            (Some(Hold::Until(time)), Some(most)) => time.as_str() <= most.until.as_str(),
            _ => true,
        }
    }
}

/// A line of the reply to EHLO: a keyword and, behind blanks, its parameters (RFC 5321 section 4.1.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keyword(String);

impl Keyword {
    const LIMIT: usize = 500;

    /// A line.
    ///
    /// ```
    /// use smtp_proto::TextError;
    /// use smtp_proto::server::Keyword;
    ///
    /// assert_eq!(Keyword::new("X-LOUD yes")?.as_str(), "X-LOUD yes");
    /// assert_eq!(Keyword::new("X\r\n250 SIZE"), Err(TextError::Character { at: 1 }));
    /// # Ok::<(), TextError>(())
    /// ```
    ///
    /// # Errors
    /// Nothing, more than 500 bytes, anything but printable ASCII, or something else than a letter or digit to begin with.
    pub fn new(line: impl Into<String>) -> Result<Self, TextError> {
        let line = line.into();
        TextError::check(&line, Self::LIMIT, |at, c| {
            matches!(c, ' '..='~') && (at > 0 || c.is_ascii_alphanumeric())
        })?;
        Ok(Self(line))
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long messages may be held: what `FUTURERELEASE` says (RFC 4865 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FutureRelease {
    seconds: u32,
    until: String,
}

impl FutureRelease {
    /// For so many seconds at most, and until a time in UTC at most, such as `2026-11-23T17:00:00Z`.
    ///
    /// # Errors
    /// No seconds or more than nine digits of them; no such time.
    pub fn new(seconds: u32, until: impl Into<String>) -> Result<Self, OptionError> {
        let until = until.into();
        Hold::seconds(seconds)?;
        Hold::until(until.clone())?;
        Ok(Self { seconds, until })
    }
}

/// Whether and when a server speaks TLS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Tls {
    /// Never.
    None,
    /// When the client asks for it (RFC 3207).
    StartTls(Arc<dyn TlsAcceptor>),
    /// From the first byte (RFC 8314).
    Implicit(Arc<dyn TlsAcceptor>),
}

/// What is too much or takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a command line with its end.
    pub line: usize,
    /// Bytes of a line of AUTH with its end (RFC 4954 section 4.3 asks for 12288).
    pub auth_line: usize,
    /// Bytes of a message; `None` for no limit.
    pub size: Option<u64>,
    /// Bytes of content that are read although they are refused, so that the client gets to see why: those of a message
    /// beyond [`size`](Self::size), and chunks (RFC 3030) that are out of order.  They are counted over all chunks until
    /// the next MAIL is accepted; with more of them the connection ends.
    pub discard: u64,
    /// Messages on a connection; `None` for no limit.  More get 452.
    pub mails: Option<usize>,
    /// Recipients of a message.  More get 452.
    pub recipients: usize,
    /// Different domains among the recipients of a message; `None` for no limit.  Recipients of more get 452.
    pub domains: Option<usize>,
    /// The least seconds that `BY` may ask for with a return to the sender (RFC 2852 section 2).
    pub deliver_by: Option<u32>,
    /// Commands that are none, before the connection ends.
    pub errors: usize,
    /// Commands that bring nothing on before the connection ends.  They are counted from the last content, login or
    /// start of TLS; those that name a recipient or bring content are not among them.
    pub idle_commands: usize,
    /// Recipients that were refused, before the connection ends.
    pub refused_recipients: usize,
    /// Failed attempts to authenticate, before the connection ends.
    pub auth_attempts: usize,
    /// For the TLS handshake.
    pub handshake_timeout: Duration,
    /// For each command line, from the reply before it.
    pub command_timeout: Duration,
    /// For each 16 KiB of content.
    pub data_timeout: Duration,
    /// For the last reply to be written.
    pub close_timeout: Duration,
}

impl Limits {
    /// What `LIMITS` says (RFC 9422 section 4): up to six digits each, and not 0.
    fn keyword(&self) -> String {
        let limits =
            [("MAILMAX", self.mails), ("RCPTMAX", Some(self.recipients)), ("RCPTDOMAINMAX", self.domains)];
        let said = limits.into_iter().filter_map(|(name, limit)| {
            let limit = limit.filter(|limit| (1..1_000_000).contains(limit))?;
            Some(alloc::format!("{name}={limit}"))
        });
        said.collect::<Vec<_>>().join(" ")
    }
}

impl Default for Limits {
    /// 2 KiB and 12 KiB a line, 64 MiB, 1 GiB to discard, 1000 recipients, any number of messages and domains, 20 errors,
    /// 100 idle commands, 1000 refused recipients, 3 attempts; a minute for the handshake, the five
    /// minutes of RFC 5321 section 4.5.3.2 for commands and for content, ten seconds to close.
    fn default() -> Self {
        Self {
            line: 2 << 10,
            auth_line: 12 << 10,
            size: Some(64 << 20),
            discard: 1 << 30,
            mails: None,
            recipients: 1000,
            domains: None,
            deliver_by: None,
            errors: 20,
            idle_commands: 100,
            refused_recipients: 1000,
            auth_attempts: 3,
            handshake_timeout: Duration::from_secs(60),
            command_timeout: Duration::from_secs(300),
            data_timeout: Duration::from_secs(300),
            close_timeout: Duration::from_secs(10),
        }
    }
}
