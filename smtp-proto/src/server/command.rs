//! Commands of clients, as a server reads them (RFC 5321 section 4.1.1, RFC 2033, RFC 3030, RFC 3207, RFC 4954), and
//! Postfix's XCLIENT.
//!
//! One line in, without its end.  Spaces where RFC 5321 has none are tolerated behind `FROM:` and `TO:` and at the end
//! of a line; source routes are read and dropped, as its appendix C tells.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while, take_while1};
use nom::character::complete::{alpha1, char, digit1, space0, space1};
use nom::combinator::{all_consuming, map, map_opt, opt, recognize, rest, verify};
use nom::multi::{many0, many0_count};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::parameters::Parameter;
use crate::address::{Address, AddressRule, syntax};
use crate::command::{Query, QueryText, XClientName, before_smtputf8};
use crate::envelope::xtext;

/// A command, borrowed from its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Hello { name: &'a str, kind: Hello },
    StartTls,
    Auth { mechanism: &'a str, initial: Option<&'a str> },
    Mail { sender: Option<Address>, parameters: Vec<Parameter<'a>> },
    Rcpt { recipient: Address, parameters: Vec<Parameter<'a>> },
    Data,
    Bdat { size: u64, last: bool },
    Rset,
    Noop,
    Query(Query),
    Quit,
}

/// How a client says hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    Helo,
    Ehlo,
    Lhlo,
}

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
    /// It is BDAT, but nobody can tell how many bytes follow.
    Chunk,
}

impl CommandError {
    /// Code and enhanced status code of the reply; `Display` is the text.
    pub(super) fn codes(&self) -> (u16, &'static str) {
        match self {
            Self::Unknown => (500, "5.5.1"),
            Self::NotImplemented => (502, "5.5.1"),
            Self::Syntax(_) | Self::Chunk => (501, "5.5.4"),
            Self::Sender(_) => (501, "5.1.7"),
            Self::Recipient(_) => (501, "5.1.3"),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such command"),
            Self::NotImplemented => f.write_str("not implemented"),
            Self::Syntax(usage) => write!(f, "syntax: {usage}"),
            Self::Sender(rule) | Self::Recipient(rule) => write!(f, "bad address: {rule}"),
            Self::Chunk => f.write_str("syntax: BDAT size [LAST], closing"),
        }
    }
}

impl<'a> Command<'a> {
    /// Reads a line without its end.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, CommandError> {
        let is_chunk = line.first_chunk().is_some_and(|verb: &[u8; 4]| verb.eq_ignore_ascii_case(b"BDAT"));
        let no_text = if is_chunk { CommandError::Chunk } else { CommandError::Unknown };
        let line = str::from_utf8(line).map_err(|_| no_text)?;
        let line = line.trim_end_matches([' ', '\t']);
        let Ok((arguments, verb)) = verb(line) else { return Err(CommandError::Unknown) };
        let is = |name: &str| verb.eq_ignore_ascii_case(name);
        let alone = |command, usage| {
            if arguments.is_empty() { Ok(command) } else { Err(CommandError::Syntax(usage)) }
        };
        // VRFY and EXPN may have a parameter (RFC 6531 section 3.7.4.2).
        let subject = before_smtputf8(arguments).map_or(arguments, str::trim_ascii_end);
        let query = |query: fn(QueryText) -> Query, text: &str, usage| {
            let text = QueryText::new(text).map_err(|_| CommandError::Syntax(usage))?;
            Ok(Self::Query(query(text)))
        };
        let hellos = [
            ("EHLO", Hello::Ehlo, "EHLO host"),
            ("HELO", Hello::Helo, "HELO host"),
            ("LHLO", Hello::Lhlo, "LHLO host"),
        ];
        if let Some(&(_, kind, usage)) = hellos.iter().find(|(name, ..)| is(name)) {
            let (_, name) = host_name(arguments).map_err(|_| CommandError::Syntax(usage))?;
            Ok(Self::Hello { name, kind })
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
        } else if is("BDAT") {
            let (_, (size, last)) = chunk(arguments).map_err(|_| CommandError::Chunk)?;
            Ok(Self::Bdat { size, last })
        } else if is("HELP") && arguments.is_empty() {
            Ok(Self::Query(Query::Help(None)))
        } else if is("HELP") {
            query(|subject| Query::Help(Some(subject)), arguments, "HELP [subject]")
        } else if is("VRFY") {
            query(Query::Vrfy, subject, "VRFY user")
        } else if is("EXPN") {
            query(Query::Expn, subject, "EXPN list")
        } else if is("XCLIENT") {
            let attributes = xclient(arguments).ok_or(CommandError::Syntax("XCLIENT name=value ..."))?;
            Ok(Self::Query(Query::XClient(attributes)))
        } else if ["TURN", "ETRN", "BURL", "SEND", "SOML", "SAML"].into_iter().any(is) {
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

/// How many bytes follow (RFC 3030 section 2), up to 20 digits.
fn chunk(arguments: &str) -> IResult<&str, (u64, bool)> {
    let digits = verify(digit1, |digits: &str| digits.len() <= 20);
    let size = map_opt(digits, |digits: &str| digits.parse().ok());
    let last = map(opt((space1, tag_no_case("LAST"))), |last| last.is_some());
    all_consuming((size, last)).parse(arguments)
}

/// Attributes in xtext; what would forge lines of a log is none.
fn xclient(arguments: &str) -> Option<Vec<(XClientName, String)>> {
    const NAMES: [XClientName; 8] = [
        XClientName::Name,
        XClientName::Addr,
        XClientName::Port,
        XClientName::Proto,
        XClientName::Helo,
        XClientName::Login,
        XClientName::DestAddr,
        XClientName::DestPort,
    ];
    let attribute = |word: &str| {
        let (name, value) = word.split_once('=')?;
        let name = NAMES.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))?;
        let value = xtext::decode(value).filter(|value| !value.chars().any(char::is_control))?;
        Some((name, value))
    };
    let attributes: Vec<_> = arguments.split_ascii_whitespace().map(attribute).collect::<Option<_>>()?;
    (!attributes.is_empty()).then_some(attributes)
}

/// Whether it could stand in base64; whether it does is for the decoder.
fn is_base64(c: char) -> bool {
    c.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use super::*;
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
            ("ehlo a.example ", Command::Hello { name: "a.example", kind: Hello::Ehlo }),
            ("HELO [192.0.2.1]", Command::Hello { name: "[192.0.2.1]", kind: Hello::Helo }),
            ("data", Command::Data),
            ("QUIT \t", Command::Quit),
            ("noop  anything", Command::Noop),
            ("AUTH plain", Command::Auth { mechanism: "plain", initial: None }),
            ("AUTH PLAIN =", Command::Auth { mechanism: "PLAIN", initial: Some("") }),
            ("AUTH PLAIN AGEA", Command::Auth { mechanism: "PLAIN", initial: Some("AGEA") }),
            ("lhlo a", Command::Hello { name: "a", kind: Hello::Lhlo }),
            ("vrfy x y", Command::Query(Query::Vrfy(QueryText::new("x y").unwrap()))),
            ("EXPN x", Command::Query(Query::Expn(QueryText::new("x").unwrap()))),
            ("VRFY \u{fc}  smtpUTF8", Command::Query(Query::Vrfy(QueryText::new("\u{fc}").unwrap()))),
            ("EXPN x SMTPUTF8", Command::Query(Query::Expn(QueryText::new("x").unwrap()))),
            ("HELP ", Command::Query(Query::Help(None))),
            ("HELP x", Command::Query(Query::Help(QueryText::new("x").ok()))),
            ("bdat 0  last ", Command::Bdat { size: 0, last: true }),
            ("BDAT 18446744073709551615", Command::Bdat { size: u64::MAX, last: false }),
            (
                "XCLIENT name=[UNAVAILABLE] HELO=a+20b",
                Command::Query(Query::XClient(vec![
                    (XClientName::Name, "[UNAVAILABLE]".into()),
                    (XClientName::Helo, "a b".into()),
                ])),
            ),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
        }
        for line in [
            "EHLO",
            "EHLO a b",
            "DATA x",
            "RSET x",
            "QUIT x",
            "STARTTLS x",
            "VRFY",
            "EXPN",
            "HELP a\tb",
            "XCLIENT",
            "XCLIENT X=1",
            "XCLIENT NAME",
            "XCLIENT NAME=a+0Ab",
            "AUTH",
            "AUTH A B C",
        ] {
            assert!(matches!(Command::parse(line.as_bytes()), Err(CommandError::Syntax(_))), "{line}");
        }
        for line in ["", " ", "DAT", "DATA1", "MAIL:x", " QUIT", "GET / HTTP/1.1", "\u{e9}", "QUIT\0"] {
            assert_eq!(Command::parse(line.as_bytes()), Err(CommandError::Unknown), "{line}");
        }
        assert_eq!(Command::parse(b"NOOP \xff"), Err(CommandError::Unknown));
        assert_eq!(Command::parse(b"ETRN x"), Err(CommandError::NotImplemented));
        for line in [
            "BDAT",
            "BDAT x",
            "BDAT 1 LAS",
            "BDAT 1 LAST x",
            "BDAT -1",
            "BDAT 1LAST",
            "BDAT 18446744073709551616",
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Err(CommandError::Chunk), "{line}");
        }
        assert_eq!(Command::parse(b"bdat 1 \xff"), Err(CommandError::Chunk));
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
}
