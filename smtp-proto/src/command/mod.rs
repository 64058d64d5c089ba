//! Commands of a client, one encoder each (RFC 5321 section 4.1, RFC 2033, RFC 3030, RFC 3207, RFC 4954), with the ESMTP
//! parameters of [`envelope`](crate::envelope), and Postfix's XCLIENT.
//!
//! Everything variable in a command is of a type that was validated when it was made, so no command can carry a stray
//! CR or LF.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::address::{Address, Host};
use crate::envelope::{BodyType, MailOptions, RcptOptions, Ret, xtext};
use crate::sasl::AuthMechanism;
use crate::text::TextError;

/// A command, or a line that answers a 334 during AUTH.
///
/// `Display` and `Debug` are for logs: they mask what may be secret and have no line end.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `EHLO` with the name or address literal of this host (RFC 5321 section 4.1.1.1).
    Ehlo(&'a Host),
    /// `HELO`, for servers that know no EHLO.
    Helo(&'a Host),
    /// `LHLO`, the EHLO of LMTP (RFC 2033 section 4.1).
    Lhlo(&'a Host),
    /// `STARTTLS` (RFC 3207).
    StartTls,
    /// `AUTH` (RFC 4954 section 4); the initial response is not encoded in base64 yet.
    Auth {
        /// The SASL mechanism.
        mechanism: AuthMechanism,
        /// The initial response; `Some` of nothing goes out as `=`.
        initial: Option<&'a [u8]>,
    },
    /// The answer to a challenge, not encoded in base64 yet.
    AuthResponse(&'a [u8]),
    /// `*`, which ends the exchange (RFC 4954 section 4).
    AuthCancel,
    /// `MAIL FROM` (RFC 5321 section 4.1.1.2).
    Mail {
        /// The reverse-path; `None` is the empty one, `<>`.
        sender: Option<&'a Address>,
        /// The ESMTP parameters.
        parameters: &'a MailParameters,
    },
    /// `RCPT TO` (RFC 5321 section 4.1.1.3).
    Rcpt {
        /// The forward-path.
        recipient: &'a Address,
        /// The ESMTP parameters.
        options: &'a RcptOptions,
    },
    /// `DATA` (RFC 5321 section 4.1.1.4).
    Data,
    /// `BDAT` (RFC 3030 section 2); so many bytes follow behind the line.
    Bdat {
        /// Bytes.
        size: u64,
        /// Whether the message ends with them.
        last: bool,
    },
    /// A command without effect on mail.
    Query(&'a Query),
    /// `RSET` (RFC 5321 section 4.1.1.5).
    Rset,
    /// `QUIT` (RFC 5321 section 4.1.1.10).
    Quit,
}

/// ESMTP parameters of MAIL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailParameters {
    /// `SIZE=` (RFC 1870).
    pub size: Option<u64>,
    /// `BODY=` (RFC 6152, RFC 3030).
    pub body: Option<BodyType>,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
    /// What the sender asks for.
    pub options: MailOptions,
}

/// A command without effect on mail, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// `NOOP` (RFC 5321 section 4.1.1.9).
    Noop,
    /// `HELP` (RFC 5321 section 4.1.1.8), in general or on a subject.
    Help(Option<QueryText>),
    /// `VRFY` of a user or a mailbox (RFC 5321 section 4.1.1.6); with `SMTPUTF8` if that is not ASCII (RFC 6531 section
    /// 3.7.4.2).
    Vrfy(QueryText),
    /// `EXPN` of a mailing list (RFC 5321 section 4.1.1.7); likewise.
    Expn(QueryText),
    /// Postfix's `XCLIENT`: what a trusted proxy knows of its client.  The session begins anew with the greeting.
    XClient(Vec<(XClientName, String)>),
}

/// An attribute of `XCLIENT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum XClientName {
    /// `NAME`: the client's host name.
    Name,
    /// `ADDR`: its address, IPv6 with `IPV6:` in front.
    Addr,
    /// `PORT`: its port.
    Port,
    /// `PROTO`: `SMTP` or `ESMTP`.
    Proto,
    /// `HELO`: what it said in its hello.
    Helo,
    /// `LOGIN`: who it is by SASL.
    Login,
    /// `DESTADDR`: the proxy's address that it connected to.
    DestAddr,
    /// `DESTPORT`: the proxy's port.
    DestPort,
}

impl XClientName {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Addr => "ADDR",
            Self::Port => "PORT",
            Self::Proto => "PROTO",
            Self::Helo => "HELO",
            Self::Login => "LOGIN",
            Self::DestAddr => "DESTADDR",
            Self::DestPort => "DESTPORT",
        }
    }
}

/// What a query is about: not empty, at most 500 bytes, no control characters, and no `SMTPUTF8` at its end, which would be
/// a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueryText(String);

impl QueryText {
    const LIMIT: usize = 500;

    /// A text.
    ///
    /// ```
    /// use smtp_proto::TextError;
    /// use smtp_proto::command::QueryText;
    ///
    /// assert_eq!(QueryText::new("postmaster")?.as_str(), "postmaster");
    /// assert_eq!(QueryText::new("a\r\nRSET"), Err(TextError::Character { at: 1 }));
    /// # Ok::<(), TextError>(())
    /// ```
    ///
    /// # Errors
    /// Nothing, more than 500 bytes, a control character or line separator, white space at either end, or `SMTPUTF8` behind
    /// a space at its end.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let parameter = before_smtputf8(&text).map(|before| before.len() + 1);
        TextError::check(&text, Self::LIMIT, |at, c| {
            let is_end = at == 0 || at + c.len_utf8() == text.len();
            let is_line = !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
            is_line && !(is_end && c.is_whitespace()) && Some(at) != parameter
        })?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is ASCII.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    /// The parameter that goes with it.
    fn smtputf8(&self) -> &'static str {
        if self.is_ascii() { "" } else { " SMTPUTF8" }
    }
}

/// What stands in front of the parameter of VRFY and EXPN, if there is one (RFC 6531 section 3.7.4.2).
pub(crate) fn before_smtputf8(text: &str) -> Option<&str> {
    const PARAMETER: &str = " SMTPUTF8";
    let (before, end) = text.split_at_checked(text.len().checked_sub(PARAMETER.len())?)?;
    end.eq_ignore_ascii_case(PARAMETER).then_some(before)
}

impl Command<'_> {
    /// Appends the line, its end included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Auth { mechanism, initial: Some(initial) } => {
                out.extend_from_slice(b"AUTH ");
                out.extend_from_slice(mechanism.name().as_bytes());
                out.push(b' ');
                if initial.is_empty() {
                    out.push(b'=');
                } else {
                    base64(initial, out);
                }
            }
            Self::AuthResponse(response) => base64(response, out),
            Self::AuthCancel => out.push(b'*'),
            // The others have nothing secret: what goes out is what logs show.
            _ => {
                let _ = write!(Appender(out), "{self}");
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Whether the line carries a credential.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Auth { initial: Some(_), .. } | Self::AuthResponse(_))
    }
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let encoding = &data_encoding::BASE64;
    let start = out.len();
    // With the line end, so that no copy is left behind when it grows.
    out.reserve_exact(encoding.encode_len(bytes.len()) + 2);
    out.resize(start + encoding.encode_len(bytes.len()), 0);
    encoding.encode_mut(bytes, &mut out[start..]);
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ehlo(host) => write!(f, "EHLO {host}"),
            Self::Helo(host) => write!(f, "HELO {host}"),
            Self::Lhlo(host) => write!(f, "LHLO {host}"),
            Self::StartTls => f.write_str("STARTTLS"),
            Self::Auth { mechanism, initial: None } => write!(f, "AUTH {mechanism}"),
            Self::Auth { mechanism, initial: Some(_) } => write!(f, "AUTH {mechanism} ****"),
            Self::AuthResponse(_) => f.write_str("****"),
            Self::AuthCancel => f.write_str("*"),
            Self::Mail { sender, parameters } => {
                f.write_str("MAIL FROM:<")?;
                if let Some(sender) = sender {
                    write!(f, "{sender}")?;
                }
                write!(f, ">{parameters}")
            }
            Self::Rcpt { recipient, options } => write!(f, "RCPT TO:<{recipient}>{}", Rcpt(options)),
            Self::Data => f.write_str("DATA"),
            Self::Bdat { size, last } => write!(f, "BDAT {size}{}", if *last { " LAST" } else { "" }),
            Self::Query(query) => query.fmt(f),
            Self::Rset => f.write_str("RSET"),
            Self::Quit => f.write_str("QUIT"),
        }
    }
}

impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

impl fmt::Display for MailParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        match self.body {
            None => {}
            Some(BodyType::SevenBit) => f.write_str(" BODY=7BIT")?,
            Some(BodyType::EightBitMime) => f.write_str(" BODY=8BITMIME")?,
            Some(BodyType::BinaryMime) => f.write_str(" BODY=BINARYMIME")?,
        }
        if self.smtputf8 {
            f.write_str(" SMTPUTF8")?;
        }
        let MailOptions { ret, envelope_id, submitter, require_tls, priority, deliver_by, hold } =
            &self.options;
        match ret {
            None => {}
            Some(Ret::Full) => f.write_str(" RET=FULL")?,
            Some(Ret::Headers) => f.write_str(" RET=HDRS")?,
        }
        if let Some(id) = envelope_id {
            write!(f, " ENVID={id}")?;
        }
        if let Some(submitter) = submitter {
            write!(f, " AUTH={submitter}")?;
        }
        if *require_tls {
            f.write_str(" REQUIRETLS")?;
        }
        if let Some(priority) = priority {
            write!(f, " MT-PRIORITY={priority}")?;
        }
        if let Some(by) = deliver_by {
            write!(f, " BY={by}")?;
        }
        if let Some(hold) = hold {
            write!(f, " {hold}")?;
        }
        Ok(())
    }
}

/// The parameters of RCPT.
struct Rcpt<'a>(&'a RcptOptions);

impl fmt::Display for Rcpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RcptOptions { notify, original } = self.0;
        if let Some(notify) = notify {
            write!(f, " NOTIFY={notify}")?;
        }
        if let Some(original) = original {
            write!(f, " ORCPT={original}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Query {
    /// As on the wire, without the line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noop => f.write_str("NOOP"),
            Self::Help(None) => f.write_str("HELP"),
            Self::Help(Some(subject)) => write!(f, "HELP {}", subject.0),
            Self::Vrfy(user) => write!(f, "VRFY {}{}", user.0, user.smtputf8()),
            Self::Expn(list) => write!(f, "EXPN {}{}", list.0, list.smtputf8()),
            Self::XClient(attributes) => {
                f.write_str("XCLIENT")?;
                attributes.iter().try_for_each(|(name, value)| {
                    write!(f, " {}=", name.as_str())?;
                    xtext::encode(value, f)
                })
            }
        }
    }
}

struct Appender<'a>(&'a mut Vec<u8>);

impl fmt::Write for Appender<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{ByMode, DeliverBy, EnvelopeId, Hold, Notify, Priority, Submitter};
    use alloc::string::{String, ToString};

    fn wire(command: Command<'_>) -> String {
        let mut out = Vec::new();
        command.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn commands_as_on_the_wire() {
        let host: Host = "client.example".parse().unwrap();
        let address: Address = "\"a b\"@example.com".parse().unwrap();
        let mut parameters = MailParameters {
            size: Some(7),
            body: Some(BodyType::EightBitMime),
            smtputf8: true,
            ..Default::default()
        };
        assert_eq!(wire(Command::Ehlo(&host)), "EHLO client.example\r\n");
        assert_eq!(
            wire(Command::Mail { sender: Some(&address), parameters: &parameters }),
            "MAIL FROM:<\"a b\"@example.com> SIZE=7 BODY=8BITMIME SMTPUTF8\r\n"
        );
        assert_eq!(
            wire(Command::Mail { sender: None, parameters: &MailParameters::default() }),
            "MAIL FROM:<>\r\n"
        );
        parameters = MailParameters { body: Some(BodyType::BinaryMime), ..Default::default() };
        parameters.options = MailOptions {
            ret: Some(Ret::Headers),
            envelope_id: EnvelopeId::new("a b").ok(),
            submitter: Some(Submitter::Unknown),
            require_tls: true,
            priority: Priority::new(-3).ok(),
            deliver_by: DeliverBy::new(60, ByMode::Return).ok(),
            hold: Hold::seconds(9).ok(),
        };
        assert_eq!(
            wire(Command::Mail { sender: None, parameters: &parameters }),
            "MAIL FROM:<> BODY=BINARYMIME RET=HDRS ENVID=a+20b AUTH=<> REQUIRETLS MT-PRIORITY=-3 BY=60;R HOLDFOR=9\r\n"
        );
        let mut options = RcptOptions::default();
        let recipient = &Address::postmaster();
        assert_eq!(wire(Command::Rcpt { recipient, options: &options }), "RCPT TO:<postmaster>\r\n");
        options.notify = Some(Notify::DELAY);
        options.original = Some(alloc::boxed::Box::new((&address).into()));
        assert_eq!(
            wire(Command::Rcpt { recipient, options: &options }),
            "RCPT TO:<postmaster> NOTIFY=DELAY ORCPT=rfc822;\"a+20b\"@example.com\r\n"
        );
        assert_eq!(wire(Command::Bdat { size: 0, last: true }), "BDAT 0 LAST\r\n");
        assert_eq!(wire(Command::Bdat { size: 7, last: false }), "BDAT 7\r\n");
        let text = |text: &str| QueryText::new(text).unwrap();
        assert_eq!(wire(Command::Query(&Query::Vrfy(text("a b")))), "VRFY a b\r\n");
        assert_eq!(wire(Command::Query(&Query::Vrfy(text("\u{fc}")))), "VRFY \u{fc} SMTPUTF8\r\n");
        assert_eq!(wire(Command::Query(&Query::Expn(text("\u{fc} b")))), "EXPN \u{fc} b SMTPUTF8\r\n");
        assert_eq!(wire(Command::Query(&Query::Help(None))), "HELP\r\n");
        let attributes =
            alloc::vec![(XClientName::Name, "[x]".into()), (XClientName::Helo, "a b\r\n".into())];
        assert_eq!(
            wire(Command::Query(&Query::XClient(attributes))),
            "XCLIENT NAME=[x] HELO=a+20b+0D+0A\r\n"
        );
        for (bad, at) in [
            (" a", 0),
            ("a ", 1),
            ("a\nb", 1),
            ("a\0", 1),
            ("a\u{85}b", 1),
            ("a\u{2028}", 1),
            ("a SMTPutf8", 2),
        ] {
            assert_eq!(QueryText::new(bad), Err(TextError::Character { at }), "{bad:?}");
        }
        assert_eq!(QueryText::new(""), Err(TextError::Empty));
        let too_long = Err(TextError::TooLong { length: 501, limit: 500 });
        assert_eq!(QueryText::new("x".repeat(501)), too_long);
    }

    #[test]
    fn credentials_are_masked_where_they_are_shown() {
        let auth = |initial| Command::Auth { mechanism: AuthMechanism::Plain, initial };
        assert_eq!(wire(auth(Some(b"\0u\0p"))), "AUTH PLAIN AHUAcA==\r\n");
        assert_eq!(wire(auth(Some(b""))), "AUTH PLAIN =\r\n");
        assert_eq!(wire(auth(None)), "AUTH PLAIN\r\n");
        assert_eq!(wire(Command::AuthResponse(b"p")), "cA==\r\n");
        assert_eq!(auth(Some(b"\0u\0p")).to_string(), "AUTH PLAIN ****");
        assert_eq!(Command::AuthResponse(b"p").to_string(), "****");
        assert!(
            auth(Some(b"p")).is_secret()
                && Command::AuthResponse(b"p").is_secret()
                && !auth(None).is_secret()
        );
    }
}
