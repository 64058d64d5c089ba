//! Commands of clients, as a server reads them (RFC 5321 section 4.1.1, RFC 1870, RFC 3207, RFC 4954, RFC 6152,
//! RFC 6531).
//!
//! One line in, without its end.  Spaces where RFC 5321 has none are tolerated behind `FROM:` and `TO:` and at the end
//! of a line; source routes are read and dropped, as its appendix C tells.

use alloc::string::String;
use alloc::vec::Vec;

use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while, take_while1};
use nom::character::complete::{alpha1, char, space0, space1};
use nom::combinator::{all_consuming, map, opt, recognize, rest, verify};
use nom::multi::{many0, many0_count};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::MailParameters;
use crate::address::{Address, AddressRule, syntax};
use crate::envelope::BodyType;

/// A command, borrowed from its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Helo { name: &'a str, extended: bool },
    StartTls,
    Auth { mechanism: &'a str, initial: Option<&'a str> },
    Mail { sender: Option<Address>, parameters: Vec<Parameter<'a>> },
    Rcpt { recipient: Address, parameters: Vec<Parameter<'a>> },
    Data,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
}

/// An ESMTP parameter: its keyword, and its value if it has one.
pub(super) type Parameter<'a> = (&'a str, Option<&'a str>);

/// Why a line is not a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CommandError {
    /// The first word is not known.
    Unknown,
    /// The first word is known, but nothing behind it is done here.
    NotImplemented,
    /// What is behind the first word is wrong; the text is how it should be.
    Syntax(&'static str),
    /// The sender is no address.
    Sender(AddressRule),
    /// The recipient is no address.
    Recipient(AddressRule),
}

/// Why the parameters of MAIL are not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParameterError {
    Unknown,
    Invalid,
}

impl<'a> Command<'a> {
    /// Reads a line without its end.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, CommandError> {
        let line = str::from_utf8(line).map_err(|_| CommandError::Unknown)?;
        let line = line.trim_end_matches([' ', '\t']);
        let Ok((arguments, verb)) = verb(line) else { return Err(CommandError::Unknown) };
        let is = |name: &str| verb.eq_ignore_ascii_case(name);
        let alone = |command, usage| {
            if arguments.is_empty() { Ok(command) } else { Err(CommandError::Syntax(usage)) }
        };
        if is("EHLO") || is("HELO") {
            let extended = is("EHLO");
            let usage = if extended { "EHLO host" } else { "HELO host" };
            let (_, name) = host_name(arguments).map_err(|_| CommandError::Syntax(usage))?;
            Ok(Self::Helo { name, extended })
        } else if is("MAIL") {
            let (path, parameters) = path_and_parameters("FROM:", arguments)
                .ok_or(CommandError::Syntax("MAIL FROM:<address> [parameters]"))?;
            let sender = match path {
                "" => None,
                path => Some(path.parse().map_err(|e: crate::AddressError| CommandError::Sender(e.rule()))?),
            };
            Ok(Self::Mail { sender, parameters })
        } else if is("RCPT") {
            let (path, parameters) = path_and_parameters("TO:", arguments)
                .ok_or(CommandError::Syntax("RCPT TO:<address> [parameters]"))?;
            let recipient =
                path.parse().map_err(|e: crate::AddressError| CommandError::Recipient(e.rule()))?;
            Ok(Self::Rcpt { recipient, parameters })
        } else if is("AUTH") {
            let (_, (mechanism, initial)) =
                auth(arguments).map_err(|_| CommandError::Syntax("AUTH mechanism [initial-response]"))?;
            Ok(Self::Auth { mechanism, initial })
        } else if is("DATA") {
            alone(Self::Data, "DATA alone")
        } else if is("RSET") {
            alone(Self::Rset, "RSET alone")
        } else if is("QUIT") {
            alone(Self::Quit, "QUIT alone")
        } else if is("STARTTLS") {
            alone(Self::StartTls, "STARTTLS alone")
        } else if is("NOOP") {
            Ok(Self::Noop)
        } else if is("HELP") {
            Ok(Self::Help)
        } else if is("VRFY") {
            if arguments.is_empty() { Err(CommandError::Syntax("VRFY user")) } else { Ok(Self::Vrfy) }
        } else if ["BDAT", "EXPN", "LHLO", "TURN", "ETRN", "BURL", "SEND", "SOML", "SAML"].into_iter().any(is)
        {
            Err(CommandError::NotImplemented)
        } else {
            Err(CommandError::Unknown)
        }
    }
}

/// The first word; what is left begins with what comes behind the spaces.
fn verb(line: &str) -> IResult<&str, &str> {
    let end = verify(rest, |rest: &str| rest.is_empty() || rest.starts_with([' ', '\t']));
    let (_, (verb, rest)) = (alpha1, end).parse(line)?;
    let (rest, _) = space0(rest)?;
    Ok((rest, verb))
}

/// Clients call themselves all sorts of things, so only what could confuse a log is refused.
fn host_name(arguments: &str) -> IResult<&str, &str> {
    let graphic = |c: char| !c.is_control() && !c.is_whitespace();
    verify(all_consuming(take_while1(graphic)), |name: &str| name.len() <= 255).parse(arguments)
}

fn path_and_parameters<'a>(keyword: &str, arguments: &'a str) -> Option<(&'a str, Vec<Parameter<'a>>)> {
    let path = preceded((tag_no_case(keyword), space0), path);
    let parameters = many0(preceded(space1, parameter));
    let (_, found) = all_consuming((path, parameters)).parse(arguments).ok()?;
    Some(found)
}

/// What stands in the angle brackets, without a source route.
fn path(input: &str) -> IResult<&str, &str> {
    let in_route = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ',' | '@');
    let route = (char('@'), take_while1(in_route), char(':'));
    let plain = take_while1(|c: char| !matches!(c, '<' | '>' | '"'));
    let mailbox = recognize(many0_count(alt((quoted_string, plain))));
    delimited(char('<'), preceded(opt(route), mailbox), char('>')).parse(input)
}

fn quoted_string(input: &str) -> IResult<&str, &str> {
    match syntax::quoted_string(input, |_| true) {
        Some((_, rest)) => Ok((rest, &input[..input.len() - rest.len()])),
        None => Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Char))),
    }
}

fn parameter(input: &str) -> IResult<&str, Parameter<'_>> {
    let keyword = recognize((
        take_while1(|c: char| c.is_ascii_alphanumeric()),
        take_while(|c: char| c.is_ascii_alphanumeric() || c == '-'),
    ));
    let value = take_while1(|c: char| c > ' ' && c != '=' && !c.is_control());
    (keyword, opt(preceded(char('='), value))).parse(input)
}

fn auth(arguments: &str) -> IResult<&str, (&str, Option<&str>)> {
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let initial = map(alt((tag("="), take_while1(is_base64))), |text| if text == "=" { "" } else { text });
    all_consuming((take_while1(name), opt(preceded(space1, initial)))).parse(arguments)
}

/// Whether it could stand in base64; whether it does is for the decoder.
fn is_base64(c: char) -> bool {
    c.is_ascii_graphic()
}

impl MailParameters {
    /// Reads the parameters of MAIL; `has` says which extensions they may be of.
    pub(super) fn read(
        parameters: &[Parameter<'_>],
        has: impl Fn(crate::Extension) -> bool,
    ) -> Result<Self, ParameterError> {
        use crate::Extension::{Auth, EightBitMime, Size, SmtpUtf8};
        let mut read = Self::default();
        let mut seen = 0_u8;
        for &(keyword, value) in parameters {
            let is = |name: &str, extension| keyword.eq_ignore_ascii_case(name) && has(extension);
            let bit = if is("SIZE", Size) {
                // RFC 1870 section 4: up to 20 digits; what is beyond 64 bits is certainly too much.
                let digits =
                    value.filter(|v| (1..=20).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit()));
                read.size = Some(digits.ok_or(ParameterError::Invalid)?.parse().unwrap_or(u64::MAX));
                1
            } else if is("BODY", EightBitMime) {
                read.body = match value {
                    Some(v) if v.eq_ignore_ascii_case("7BIT") => BodyType::SevenBit,
                    Some(v) if v.eq_ignore_ascii_case("8BITMIME") => BodyType::EightBitMime,
                    _ => return Err(ParameterError::Invalid),
                };
                2
            } else if is("SMTPUTF8", SmtpUtf8) {
                if value.is_some() {
                    return Err(ParameterError::Invalid);
                }
                read.smtputf8 = true;
                4
            } else if is("AUTH", Auth) {
                read.auth = Some(value.and_then(xtext).ok_or(ParameterError::Invalid)?);
                8
            } else {
                return Err(ParameterError::Unknown);
            };
            if seen & bit != 0 {
                return Err(ParameterError::Invalid);
            }
            seen |= bit;
        }
        Ok(read)
    }
}

/// Decodes xtext (RFC 3461 section 4) that holds printable text.
fn xtext(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => {
                let mut digit = || match bytes.next()? {
                    b @ b'0'..=b'9' => Some(b - b'0'),
                    b @ b'A'..=b'F' => Some(b - b'A' + 10),
                    _ => None,
                };
                digit()? << 4 | digit()?
            }
            byte if byte.is_ascii_graphic() => byte,
            _ => return None,
        });
    }
    String::from_utf8(decoded).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Extension;
    use alloc::string::ToString;
    use alloc::vec;

    fn mail(line: &str) -> (Option<String>, Vec<Parameter<'_>>) {
        match Command::parse(line.as_bytes()) {
            Ok(Command::Mail { sender, parameters }) => (sender.map(|a| a.to_string()), parameters),
            other => panic!("{line:?}: {other:?}"),
        }
    }

    #[test]
    fn words_without_case_and_spaces_at_the_end() {
        for (line, command) in [
            ("ehlo a.example ", Command::Helo { name: "a.example", extended: true }),
            ("HELO [192.0.2.1]", Command::Helo { name: "[192.0.2.1]", extended: false }),
            ("data", Command::Data),
            ("QUIT \t", Command::Quit),
            ("noop  anything", Command::Noop),
            ("AUTH plain", Command::Auth { mechanism: "plain", initial: None }),
            ("AUTH PLAIN =", Command::Auth { mechanism: "PLAIN", initial: Some("") }),
            ("AUTH PLAIN AGEA", Command::Auth { mechanism: "PLAIN", initial: Some("AGEA") }),
            ("vrfy x", Command::Vrfy),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
        }
        for line in
            ["EHLO", "EHLO a b", "DATA x", "RSET x", "QUIT x", "STARTTLS x", "VRFY", "AUTH", "AUTH A B C"]
        {
            assert!(matches!(Command::parse(line.as_bytes()), Err(CommandError::Syntax(_))), "{line}");
        }
        for line in ["", " ", "DAT", "DATA1", "MAIL:x", " QUIT", "GET / HTTP/1.1", "\u{e9}", "QUIT\0"] {
            assert_eq!(Command::parse(line.as_bytes()), Err(CommandError::Unknown), "{line}");
        }
        assert_eq!(Command::parse(b"NOOP \xff"), Err(CommandError::Unknown));
        assert_eq!(Command::parse(b"BDAT 1 LAST"), Err(CommandError::NotImplemented));
    }

    #[test]
    fn case_a2_paths_are_read_to_the_right_bracket() {
        assert_eq!(mail("MAIL FROM:<>"), (None, vec![]));
        assert_eq!(
            mail("mail from: <a@b.example> SIZE=10 smtputf8"),
            (Some("a@b.example".into()), vec![("SIZE", Some("10")), ("smtputf8", None)])
        );
        for address in [
            "\"a> b\"@x.example",
            "\"\\\"\"@x.example",
            "a@[IPv6:2001:db8::1]",
            "a@[192.0.2.1]",
            "postmaster",
        ] {
            assert_eq!(mail(&alloc::format!("MAIL FROM:<{address}>")).0.as_deref(), Some(address));
        }
        assert_eq!(mail("MAIL FROM:<@r.example,@s.example:a@b.example>").0.as_deref(), Some("a@b.example"));
        for line in [
            "MAIL",
            "MAIL FROM",
            "MAIL FROM:",
            "MAIL FROM:a@b.example",
            "MAIL FROM:<a@b.example",
            "MAIL TO:<a@b.example>",
            "MAIL FROM:<a@b.example>SIZE=1",
            "MAIL FROM:<a@b.example> =",
            "MAIL FROM:<a@b.example> A= ",
            "MAIL FROM:<\"a@b.example>",
            "MAIL FROM:<<a@b.example>>",
            "MAIL FROM:<a@b.example> SIZE=1=2",
        ] {
            assert!(matches!(Command::parse(line.as_bytes()), Err(CommandError::Syntax(_))), "{line}");
        }
        assert!(matches!(Command::parse(b"RCPT TO:<>"), Err(CommandError::Recipient(AddressRule::Empty))));
        assert!(matches!(Command::parse(b"MAIL FROM:<a..b@c>"), Err(CommandError::Sender(AddressRule::Dot))));
    }

    #[test]
    fn parameters_of_mail() {
        let read = |line: &str| MailParameters::read(&mail(line).1, |e| e != Extension::SmtpUtf8);
        let p = read("MAIL FROM:<> size=00123 BODY=8bitmime AUTH=a+2Bb+3D@c.example").unwrap();
        assert_eq!(
            (p.size, p.body, p.auth.as_deref()),
            (Some(123), BodyType::EightBitMime, Some("a+b=@c.example"))
        );
        assert_eq!(read("MAIL FROM:<> AUTH=<>").unwrap().auth.as_deref(), Some("<>"));
        assert_eq!(read("MAIL FROM:<> SIZE=99999999999999999999").unwrap().size, Some(u64::MAX));
        for bad in [
            "SIZE",
            "SIZE=x",
            "SIZE=-1",
            "SIZE=+1",
            "SIZE=1 SIZE=1",
            "BODY=BINARYMIME",
            "BODY",
            "AUTH",
            "AUTH=+0A",
            "AUTH=+2b",
            "AUTH=+2",
            "AUTH=+C3",
            "SIZE=123456789012345678901",
        ] {
            assert_eq!(read(&alloc::format!("MAIL FROM:<> {bad}")), Err(ParameterError::Invalid), "{bad}");
        }
        for unknown in ["SMTPUTF8", "RET=FULL", "X", "X=1"] {
            assert_eq!(
                read(&alloc::format!("MAIL FROM:<> {unknown}")),
                Err(ParameterError::Unknown),
                "{unknown}"
            );
        }
    }
}
