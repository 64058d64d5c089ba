//! Commands of a client, one encoder each (RFC 5321 section 4.1, RFC 3207, RFC 4954).
//!
//! Everything variable in a command is of a type that was validated when it was made, so no command can carry a stray
//! CR or LF.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::address::{Address, Host};
use crate::envelope::BodyType;
use crate::extensions::AuthMechanism;

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
        parameters: MailParameters,
    },
    /// `RCPT TO` (RFC 5321 section 4.1.1.3).
    Rcpt(&'a Address),
    /// `DATA` (RFC 5321 section 4.1.1.4).
    Data,
    /// `RSET` (RFC 5321 section 4.1.1.5).
    Rset,
    /// `QUIT` (RFC 5321 section 4.1.1.10).
    Quit,
}

/// ESMTP parameters of MAIL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE=` (RFC 1870).
    pub size: Option<u64>,
    /// `BODY=` (RFC 6152).
    pub body: Option<BodyType>,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
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
    out.resize(start + encoding.encode_len(bytes.len()), 0);
    encoding.encode_mut(bytes, &mut out[start..]);
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ehlo(host) => write!(f, "EHLO {host}"),
            Self::Helo(host) => write!(f, "HELO {host}"),
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
            Self::Rcpt(recipient) => write!(f, "RCPT TO:<{recipient}>"),
            Self::Data => f.write_str("DATA"),
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
        }
        if self.smtputf8 {
            f.write_str(" SMTPUTF8")?;
        }
        Ok(())
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
        let parameters = MailParameters { size: Some(7), body: Some(BodyType::EightBitMime), smtputf8: true };
        assert_eq!(wire(Command::Ehlo(&host)), "EHLO client.example\r\n");
        assert_eq!(
            wire(Command::Mail { sender: Some(&address), parameters }),
            "MAIL FROM:<\"a b\"@example.com> SIZE=7 BODY=8BITMIME SMTPUTF8\r\n"
        );
        assert_eq!(
            wire(Command::Mail { sender: None, parameters: MailParameters::default() }),
            "MAIL FROM:<>\r\n"
        );
        assert_eq!(wire(Command::Rcpt(&Address::postmaster())), "RCPT TO:<postmaster>\r\n");
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
