//! What a hostile server says and does, as text: the parts of a transcript where it differs from an ordinary server.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use smtp_proto::escape::Escaped;

/// How a server misbehaves.  Whatever it has no rule for, it does as an ordinary server would.
///
/// ```
/// use smtp_driver::hostile::Script;
///
/// let script: Script = "
///     ## Takes DATA for a message.
///     offer PIPELINING
///     C: DATA
///     S: 250 ok
///     !over sent content that nobody had asked for
/// ".parse()?;
/// assert_eq!(script.to_string().parse::<Script>()?, script);
/// # Ok::<(), smtp_driver::hostile::ScriptError>(())
/// ```
///
/// A script is made of lines; blank ones and those that begin with `#` say nothing.  Before the first rule:
///
/// | line | meaning |
/// |---|---|
/// | `offer KEYWORD` | a line of the reply to EHLO |
/// | `tls CERTIFICATE` | STARTTLS, with a certificate that is `good`, or not: see [`Identity`] |
/// | `implicit` | TLS comes before the greeting instead (RFC 8314 section 3) |
/// | `lmtp` | the server speaks LMTP |
/// | `every other connection` | the rules are for the first, third, ... connection; the others are served ordinarily |
///
/// A rule begins with `C: WORDS`, for the client's lines that begin with these words, in any case.  `(connect)` stands for
/// a connection that was made, `(response)` for a line inside AUTH (with the line behind it, and `=` for an empty one), `(else)` for a line that is no command, `.` for the end
/// of the content.  BDAT is answered when its chunk has come.  The rule with the longest words decides; of several with the
/// same words each is for one line and the last for the rest, and those of RCPT begin anew with each MAIL.  Steps follow:
///
/// | line | what the server does |
/// |---|---|
/// | `S: TEXT` | says a line |
/// | `S\| BYTES` | says these bytes; `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH` are escapes here and above |
/// | `S64: CODE TEXT` | says a line with the text in base64, as challenges of AUTH are; `$nonce` is what a SCRAM client has sent as `r=` |
/// | `S* BYTES` | says them again and again, for as long as the client is there |
/// | `S~ 100ms BYTES` | the same, but one byte in so many milliseconds |
/// | `!ordinary` | does as an ordinary server would |
/// | `!tls` | begins the TLS handshake |
/// | `!hold` | waits until the client says more; if it leaves, that is the end |
/// | `!stall` | reads and says no more, and keeps the connection |
/// | `!close` | closes the connection; what was not read then resets it |
/// | `!drop` | the same, under TLS without `close_notify` |
/// | `!wrong TEXT` | notes that the client has done something wrong |
/// | `!over TEXT` | serves no more: a client that says anything but QUIT, or in AUTH `*`, has done something wrong, and is cut off |
///
/// What is said without a wait in between is said at once, in one segment where the network lets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub(super) offers: Vec<String>,
    pub(super) tls: Option<Identity>,
    pub(super) implicit: bool,
    pub(super) lmtp: bool,
    pub(super) alternate: bool,
    /// Words in upper case.
    pub(super) rules: Vec<(String, Vec<Step>)>,
}

/// The certificate that a server presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// `good`: nothing is wrong with it.
    Good,
    /// `expired`: it was valid until 2020.
    Expired,
    /// `self-signed`: nobody but itself vouches for it.
    SelfSigned,
    /// `wrong-name`: it is for another host.
    WrongName,
    /// `cn-only`: the host is in its common name only (RFC 9525 section 2).
    CommonNameOnly,
    /// `wildcard`: for `*.localhost` and `*.hostile.example`, which are not for names with two more labels.
    Wildcard,
    /// `unknown-ca`: an authority vouches for it that nobody knows.
    UnknownAuthority,
}

impl Identity {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Good,
        Self::Expired,
        Self::SelfSigned,
        Self::WrongName,
        Self::CommonNameOnly,
        Self::Wildcard,
        Self::UnknownAuthority,
    ];

    /// Its word in a script.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::SelfSigned => "self-signed",
            Self::WrongName => "wrong-name",
            Self::CommonNameOnly => "cn-only",
            Self::Wildcard => "wildcard",
            Self::UnknownAuthority => "unknown-ca",
        }
    }
}

/// One step of a rule; see [`Script`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Say(Vec<u8>),
    /// A code, and what goes in base64.
    Challenge(String, String),
    Forever(Vec<u8>),
    Drip(Duration, Vec<u8>),
    Ordinary,
    Tls,
    Hold,
    Stall,
    Close,
    Drop,
    Wrong(String),
    Over(String),
}

/// A line of a script that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the script: {}", self.line, self.problem)
    }
}

impl std::error::Error for ScriptError {}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self::default();
        for (number, line) in text.lines().enumerate() {
            // Spaces at the end may be what a server says.
            let line = line.trim_start();
            if !(line.trim_end().is_empty() || line.starts_with('#')) {
                script.line(line).map_err(|problem| ScriptError { line: number + 1, problem })?;
            }
        }
        Ok(script)
    }
}

impl Script {
    /// The same, with TLS before the greeting if there is TLS at all.
    #[must_use]
    pub fn with_implicit_tls(mut self) -> Self {
        self.implicit |= self.tls.is_some();
        self
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "C:" {
            if rest.trim().is_empty() {
                return Err("a rule needs the words that it is for");
            }
            self.rules.push((rest.trim().to_ascii_uppercase(), Vec::new()));
            return Ok(());
        }
        let Some((_, steps)) = self.rules.last_mut() else {
            match (word, rest.trim_end()) {
                ("offer", keyword) if !keyword.is_empty() => self.offers.push(keyword.to_owned()),
                ("implicit", "") => self.implicit = true,
                ("lmtp", "") => self.lmtp = true,
                ("every", "other connection") => self.alternate = true,
                ("tls", name) => {
                    let known = Identity::ALL.into_iter().find(|identity| identity.word() == name);
                    self.tls = Some(known.ok_or("there is no such certificate")?);
                }
                _ => return Err("there is no such setting, or no rule before it"),
            }
            return Ok(());
        };
        steps.push(match word {
            "S:" => Step::Say([&unescape(rest)?[..], b"\r\n"].concat()),
            "S|" => Step::Say(unescape(rest)?),
            "S64:" => {
                let (code, text) = rest.split_once(' ').ok_or("it needs a code and a text")?;
                Step::Challenge(code.to_owned(), text.to_owned())
            }
            "S*" => Step::Forever(some(unescape(rest)?)?),
            "S~" => {
                let (time, bytes) = rest.split_once("ms ").ok_or("it needs milliseconds and bytes")?;
                let time: u32 = time.parse().map_err(|_| "the milliseconds are no number")?;
                Step::Drip(Duration::from_millis(time.into()), some(unescape(bytes)?)?)
            }
            "!wrong" | "!over" => {
                let text = rest.trim().to_owned();
                if text.is_empty() {
                    return Err("it needs the words for what was wrong");
                }
                if word == "!wrong" { Step::Wrong(text) } else { Step::Over(text) }
            }
            _ if !rest.trim().is_empty() => return Err("there is no such step with words behind it"),
            "!ordinary" => Step::Ordinary,
            "!tls" => Step::Tls,
            "!hold" => Step::Hold,
            "!stall" => Step::Stall,
            "!close" => Step::Close,
            "!drop" => Step::Drop,
            _ => return Err("there is no such step"),
        });
        Ok(())
    }
}

/// What is said without end must be something.
fn some(bytes: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    if bytes.is_empty() { Err("it needs bytes") } else { Ok(bytes) }
}

fn unescape(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'\\') => b'\\',
                Some(b'x') => {
                    let mut digit = || u8::try_from(char::from(rest.next()?).to_digit(16)?).ok();
                    match (digit(), digit()) {
                        (Some(high), Some(low)) => high << 4 | low,
                        _ => return Err("\\x needs two hexadecimal digits"),
                    }
                }
                _ => return Err("there is no such escape"),
            },
            byte => byte,
        });
    }
    Ok(bytes)
}

/// As [`unescape`] reads it; `Escaped` has other escapes for characters that are not ASCII.
fn escape(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for &byte in bytes {
        match byte {
            b'\r' => f.write_str("\\r")?,
            b'\n' => f.write_str("\\n")?,
            b'\t' => f.write_str("\\t")?,
            b'\\' => f.write_str("\\\\")?,
            b' '..=b'~' => write!(f, "{}", Escaped(&[byte]))?,
            byte => write!(f, "\\x{byte:02x}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for keyword in &self.offers {
            writeln!(f, "offer {keyword}")?;
        }
        if let Some(identity) = self.tls {
            writeln!(f, "tls {}", identity.word())?;
        }
        if self.implicit {
            writeln!(f, "implicit")?;
        }
        if self.lmtp {
            writeln!(f, "lmtp")?;
        }
        if self.alternate {
            writeln!(f, "every other connection")?;
        }
        for (words, steps) in &self.rules {
            writeln!(f, "C: {words}")?;
            for step in steps {
                let (sign, bytes) = match step {
                    Step::Say(bytes) => match bytes.strip_suffix(b"\r\n") {
                        Some(line) => ("S:".to_owned(), line),
                        None => ("S|".to_owned(), &bytes[..]),
                    },
                    Step::Challenge(code, text) => {
                        writeln!(f, "S64: {code} {text}")?;
                        continue;
                    }
                    Step::Forever(bytes) => ("S*".to_owned(), &bytes[..]),
                    Step::Drip(time, bytes) => (format!("S~ {}ms", time.as_millis()), &bytes[..]),
                    Step::Ordinary => ("!ordinary".to_owned(), &[][..]),
                    Step::Tls => ("!tls".to_owned(), &[][..]),
                    Step::Hold => ("!hold".to_owned(), &[][..]),
                    Step::Stall => ("!stall".to_owned(), &[][..]),
                    Step::Close => ("!close".to_owned(), &[][..]),
                    Step::Drop => ("!drop".to_owned(), &[][..]),
                    Step::Wrong(text) => {
                        writeln!(f, "!wrong {text}")?;
                        continue;
                    }
                    Step::Over(text) => {
                        writeln!(f, "!over {text}")?;
                        continue;
                    }
                };
                f.write_str(&sign)?;
                if sign.starts_with('S') {
                    f.write_str(" ")?;
                    escape(f, bytes)?;
                }
                f.write_str("\n")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let text = "offer SIZE 10\ntls cn-only\nimplicit\nlmtp\nevery other connection\nC: RCPT TO:<A\nS: 250 ok \n\
                    S| 250-\\x00\\xff\\t\\\\\nS* x\\r\\n\nS~ 5ms abc\n!ordinary\n!tls\n!hold\n!stall\n!close\n!drop\n\
                    !wrong why\n!over that is all\n";
        let script: Script = text.parse().unwrap();
        assert_eq!(script.to_string(), text);
        assert_eq!(script.rules[0].1[1], Step::Say(b"250-\0\xff\t\\".to_vec()));
    }

    #[test]
    fn what_is_no_script() {
        let error = |text: &str| text.parse::<Script>().unwrap_err();
        for (text, line) in [
            ("S: 250", 1),
            ("offer", 1),
            ("tls maybe", 1),
            ("\n# x\nC:\n", 3),
            ("C: A\nlmtp", 2),
            ("C: A\n!hold it", 2),
            ("C: A\n!over", 2),
            ("C: A\nS: \\q", 2),
            ("C: A\nS: \\x0", 2),
            ("C: A\nS: \\x\u{fc}", 2),
            ("C: A\nS* ", 2),
            ("C: A\nS64: 334", 2),
            ("C: A\nS~ 5s x", 2),
            ("C: A\nS~ -5ms x", 2),
        ] {
            assert_eq!(error(text).line, line, "{text}: {}", error(text));
        }
    }
}
