//! The command line, and the message it asks for.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::{Arg, Parser};
use smtp_driver::{MailerBuilder, Report};
use smtp_message::dkim::{PrivateKey, Signer, Template};
use smtp_message::{Bcc, LineEnds, Mailbox, Message, MessageBuilder, Part, RawMessage, Stamp};
use smtp_proto::client::Chunking;
use smtp_proto::envelope::{Envelope, MailOptions, Notify, RcptOptions, Ret};
use smtp_proto::escape::Escaped;
use smtp_proto::sasl::AuthMechanism;
use smtp_proto::{Address, Secret};

use crate::output::{self, Failure, complain, say};

const USAGE: &str = "\
Sends a message.  Without arguments: to a server of this project's own, started for the purpose.

send URL --from ADDRESS --to ADDRESS... --subject TEXT [--text TEXT] [--html FILE] [--attach FILE...]
send URL [--from ADDRESS] [--to ADDRESS...] --eml FILE

  URL             smtps://USER:PASSWORD@HOST:465 (implicit TLS), smtp://HOST:587 (STARTTLS),
                  smtp://localhost:25?tls=none (no TLS, for a server on this computer),
                  lmtp://HOST:24 (LMTP, with STARTTLS or ?tls=none)
  --from ADDRESS  the author, and the sender in the envelope; with --eml, from its headers if not given
  --to ADDRESS    a recipient, repeatable; with --eml, from its headers if not given
  --subject TEXT  the subject
  --text TEXT     the message
  --html FILE     the message in HTML; with --text the reader's program shows one of them
  --attach FILE   a file to go along, repeatable
  --eml FILE      a ready-made message; - for standard input
  --dkim SELECTOR:DOMAIN:FILE
                  sign with the key in this PEM file, repeatable
  --ca FILE       trust only the authorities in this PEM file
  --auth NAME     this AUTH mechanism and no other, such as SCRAM-SHA-256 (in the URL: ?auth=NAME)
  --token TOKEN   a token of OAuth 2.0 for the user of the URL (in the URL: ?token=TOKEN)
  --password-file FILE, --token-file FILE, --password-env NAME, --token-env NAME
                  the password or token for the user of the URL from the only line of a file, or from an environment
                  variable: unlike command lines, other users of the computer cannot read them
  --dsn           ask for notifications of delivery, failure and delay
  --require-tls   only if the message goes over verified TLS all the way (REQUIRETLS)
  --chunked       send the message in chunks (BDAT) if the server takes them
  --trace         print the transcript on standard error, secrets masked
  --json          print one JSON object, also of a failure: accepted, recipients with their outcomes, tls; error, hint

Exit status: 0 every recipient accepted, 1 some not, 2 usage or invalid address, 3 connection, TLS or authentication.";

/// What the command line asks for.
#[derive(Default)]
pub struct Task {
    url: String,
    from: Option<String>,
    to: Vec<String>,
    subject: Option<String>,
    text: Option<String>,
    html: Option<PathBuf>,
    attach: Vec<PathBuf>,
    eml: Option<PathBuf>,
    dkim: Vec<String>,
    ca: Option<PathBuf>,
    auth: Option<AuthMechanism>,
    password: Option<Given>,
    token: Option<Given>,
    dsn: bool,
    require_tls: bool,
    chunked: bool,
    trace: bool,
    json: bool,
}

/// Where a secret is.
enum Given {
    Here(Secret),
    File(PathBuf),
    Environment(String),
}

/// A message, and who gets it from whom.
pub struct Content {
    /// Who gets it from whom, and what is asked for.
    pub envelope: Envelope,
    /// The message.
    pub message: Box<dyn smtp_message::Content>,
}

impl Task {
    /// The task of this process; `None` without arguments.
    ///
    /// # Errors
    /// What the process is to end with: the arguments were wrong, or the help is printed.
    pub fn from_args() -> Result<Option<Self>, ExitCode> {
        if std::env::args_os().len() < 2 {
            return Ok(None);
        }
        let (mut parser, mut task) = (Parser::from_env(), Self::default());
        match task.parse(&mut parser) {
            Ok(()) => Ok(Some(task)),
            Err(failure) => {
                // It may stand behind what is wrong.
                while let Ok(Some(arg)) = parser.next() {
                    task.json |= arg == Arg::Long("json");
                }
                Err(task.fail(failure))
            }
        }
    }

    fn parse(&mut self, parser: &mut Parser) -> Result<(), Failure> {
        let task = self;
        let mut url: Option<String> = None;
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Value(value) if url.is_none() => url = Some(text(value)?),
                // It may be a URL with a password.
                Arg::Value(_) => return Err(Failure::usage("there is more than one URL")),
                Arg::Long("from") => once(&mut task.from, "--from", text(parser.value()?)?)?,
                Arg::Long("to") => task.to.push(text(parser.value()?)?),
                Arg::Long("subject") => once(&mut task.subject, "--subject", text(parser.value()?)?)?,
                Arg::Long("text") => once(&mut task.text, "--text", text(parser.value()?)?)?,
                Arg::Long("html") => once(&mut task.html, "--html", parser.value()?.into())?,
                Arg::Long("attach") => task.attach.push(parser.value()?.into()),
                Arg::Long("eml") => once(&mut task.eml, "--eml", parser.value()?.into())?,
                Arg::Long("dkim") => task.dkim.push(text(parser.value()?)?),
                Arg::Long("ca") => once(&mut task.ca, "--ca", parser.value()?.into())?,
                Arg::Long("auth") => {
                    let mechanism = mechanism(&text(parser.value()?)?)?;
                    once(&mut task.auth, "--auth", mechanism)?;
                }
                Arg::Long("token") => {
                    let token = Given::Here(text(parser.value()?)?.into());
                    once(&mut task.token, "the token", token)?;
                }
                Arg::Long("token-file") => {
                    once(&mut task.token, "the token", Given::File(parser.value()?.into()))?;
                }
                Arg::Long("token-env") => {
                    once(&mut task.token, "the token", Given::Environment(text(parser.value()?)?))?;
                }
                Arg::Long("password-file") => {
                    once(&mut task.password, "the password", Given::File(parser.value()?.into()))?;
                }
                Arg::Long("password-env") => {
                    let password = Given::Environment(text(parser.value()?)?);
                    once(&mut task.password, "the password", password)?;
                }
                Arg::Long("dsn") => task.dsn = true,
                Arg::Long("require-tls") => task.require_tls = true,
                Arg::Long("chunked") => task.chunked = true,
                Arg::Long("trace") => task.trace = true,
                Arg::Long("json") => task.json = true,
                Arg::Long("help") | Arg::Short('h') => return Err(Failure::Help(USAGE)),
                other => return Err(other.unexpected().into()),
            }
        }
        task.url = url.ok_or_else(|| Failure::usage("the server's URL is missing"))?;
        let parts = task.text.is_some() || task.html.is_some() || !task.attach.is_empty();
        match (parts, &task.eml) {
            (false, None) => {
                Err(Failure::usage("the message is missing: give --text, --html, --attach or --eml"))
            }
            (true, Some(_)) => Err(Failure::usage("give either --eml or --text, --html and --attach")),
            (true, None) if task.from.is_none() => Err(Failure::usage("the author is missing: give --from")),
            (true, None) if task.to.is_empty() => Err(Failure::usage("the recipient is missing: give --to")),
            (false, Some(_)) if task.subject.is_some() => {
                Err(Failure::usage("--subject does not go with --eml"))
            }
            _ if task.password.is_some() && task.token.is_some() => {
                Err(Failure::usage("give either a password or a token"))
            }
            _ => Ok(()),
        }
    }

    /// How to reach the server.
    ///
    /// # Errors
    /// What is wrong with the URL or the authority.
    pub fn mailer(&self) -> Result<MailerBuilder, Failure> {
        let mut builder = MailerBuilder::from_url(&self.url)?;
        if let Some(secret) = self.password.as_ref().or(self.token.as_ref()) {
            let user = builder.user_alone().map(str::to_owned).ok_or_else(|| {
                Failure::usage(
                    "a password or token outside the URL needs a user name and no password in the URL",
                )
            })?;
            builder = match self.token {
                Some(_) => builder.token(user, secret.read()?),
                None => builder.credentials(user, secret.read()?),
            };
        }
        if let Some(mechanism) = self.auth {
            builder = builder.auth(mechanism);
        }
        if self.chunked {
            builder = builder.chunking(Chunking::Safe);
        }
        if self.trace {
            builder = builder.on_event(|event| output::trace(event, |line| complain(line)));
        }
        match &self.ca {
            None => Ok(builder),
            Some(file) => {
                let pem = fs::read(file).map_err(|error| Failure::file(file, &error))?;
                builder.trust_only_pem(&pem).map_err(|error| Failure::file(file, &error))
            }
        }
    }

    /// The message, with its signatures.
    ///
    /// # Errors
    /// What is wrong with an address, a header, a key or the file.
    pub fn content(&self, stamp: &Stamp) -> Result<Content, Failure> {
        let Content { envelope, message } = self.unsigned(stamp)?;
        if self.dkim.is_empty() {
            return Ok(Content { envelope, message });
        }
        let templates = self.dkim.iter().map(|given| template(given)).collect::<Result<Vec<_>, _>>()?;
        let signed = Signer::new(templates).sign(message, stamp.unix_time).map_err(Failure::usage)?;
        Ok(Content { envelope, message: Box::new(signed) })
    }

    fn unsigned(&self, stamp: &Stamp) -> Result<Content, Failure> {
        let mailboxes = |texts: &[String], option: &'static str| {
            let parse = |text: &String| {
                text.parse::<Mailbox>().map_err(|error| Failure::usage(format!("{option} {text:?}: {error}")))
            };
            texts.iter().map(parse).collect::<Result<Vec<_>, _>>()
        };
        let from = mailboxes(self.from.as_slice(), "--from")?.pop();
        let to = mailboxes(&self.to, "--to")?;
        let addresses =
            |mailboxes: &[Mailbox]| mailboxes.iter().map(|mailbox| mailbox.address().clone()).collect();
        let Some(file) = &self.eml else {
            let mut builder = Message::builder();
            builder = self.text.clone().into_iter().fold(builder, MessageBuilder::text);
            if let Some(file) = &self.html {
                let html = fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
                builder = builder.html(html);
            }
            builder = self.attach.iter().map(Part::file).fold(builder, MessageBuilder::attach);
            builder = from.into_iter().fold(builder, MessageBuilder::from);
            builder = to.into_iter().fold(builder, MessageBuilder::to);
            builder = self.subject.clone().into_iter().fold(builder, MessageBuilder::subject);
            let message = builder.build(stamp).map_err(Failure::usage)?;
            return Ok(Content {
                envelope: self.envelope(Some(message.sender().clone()), message.recipients().to_vec())?,
                message: Box::new(message),
            });
        };
        let (name, bytes) = if file.as_os_str() == "-" {
            let mut bytes = Vec::new();
            (Path::new("standard input"), std::io::stdin().read_to_end(&mut bytes).map(|_| bytes))
        } else {
            (file.as_path(), fs::read(file))
        };
        let bytes = bytes.map_err(|error| Failure::file(name, &error))?;
        let message = RawMessage::parse(bytes, LineEnds::Normalise, Bcc::Remove);
        let message = message.map_err(|error| Failure::file(name, &error))?;
        let header = |error: &smtp_message::RawEnvelopeError| Failure::file(name, error);
        let sender = match from {
            Some(from) => Some(from.address().clone()),
            None => message.sender().map_err(header)?.cloned(),
        };
        // The empty reverse-path is for programs that answer by themselves.
        if sender.is_none() {
            return Err(Failure::usage("the message does not say who sends it: give --from"));
        }
        let recipients = match to.is_empty() {
            false => addresses(&to),
            true => message.recipients().map_err(header)?.to_vec(),
        };
        if recipients.is_empty() {
            return Err(Failure::usage("the message has no recipient: give --to, or a To field in it"));
        }
        Ok(Content { envelope: self.envelope(sender, recipients)?, message: Box::new(message) })
    }

    fn envelope(&self, sender: Option<Address>, recipients: Vec<Address>) -> Result<Envelope, Failure> {
        let mut options = MailOptions::default();
        options.require_tls = self.require_tls;
        options.ret = self.dsn.then_some(Ret::Headers);
        let envelope = Envelope::new(sender, recipients).map_err(Failure::usage)?.with_options(options);
        if !self.dsn {
            return Ok(envelope);
        }
        Ok(envelope.with_rcpt_options(|to| {
            let mut options = RcptOptions::default();
            options.notify = Some(Notify::SUCCESS.and(Notify::FAILURE).and(Notify::DELAY));
            options.original = Some(Box::new(to.into()));
            options
        }))
    }

    /// Prints what has become of the message.
    pub fn report(&self, report: &Report) -> ExitCode {
        if self.json {
            say(output::json(report));
        } else {
            output::print(report);
        }
        output::status(report)
    }

    /// Prints why there is no report.
    #[must_use]
    pub fn fail(&self, failure: Failure) -> ExitCode {
        failure.exit_with(self.json)
    }
}

impl Given {
    fn read(&self) -> Result<Secret, Failure> {
        let mut text = match self {
            Self::Here(secret) => return Ok(secret.clone()),
            Self::File(file) => fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?,
            // The error of the standard library shows the value.
            Self::Environment(name) => std::env::var(name).map_err(|_| {
                Failure::usage(format!(
                    "the environment variable {} is not set, or is not text",
                    Escaped(name.as_bytes())
                ))
            })?,
        };
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        Ok(text.into())
    }
}

/// Takes the value of an option that can be given once.
fn once<T>(to: &mut Option<T>, what: &str, value: T) -> Result<(), Failure> {
    match to.replace(value) {
        None => Ok(()),
        Some(_) => Err(Failure::usage(format!("{what} is given more than once"))),
    }
}

fn mechanism(name: &str) -> Result<AuthMechanism, Failure> {
    AuthMechanism::from_name(name).filter(|mechanism| mechanism.is_supported()).ok_or_else(|| {
        let known = AuthMechanism::ALL.into_iter().filter(|mechanism| mechanism.is_supported());
        let known: Vec<_> = known.map(AuthMechanism::name).collect();
        let name = Escaped(name.as_bytes());
        Failure::usage(format!("--auth: there is no mechanism {name} here; known are {}", known.join(", ")))
    })
}

/// How to sign, from `SELECTOR:DOMAIN:FILE`.
fn template(given: &str) -> Result<Template, Failure> {
    let [selector, domain, file] = given.splitn(3, ':').collect::<Vec<_>>()[..] else {
        return Err(Failure::usage("--dkim: SELECTOR:DOMAIN:FILE is wanted"));
    };
    let file = Path::new(file);
    let pem = fs::read(file).map_err(|error| Failure::file(file, &error))?;
    let key = PrivateKey::from_pem(&pem).map_err(|error| Failure::file(file, &error))?;
    Template::new(domain, selector, key).map_err(|error| Failure::usage(format!("--dkim: {error}")))
}

fn text(value: OsString) -> Result<String, Failure> {
    // It is not shown, for it may have a secret in it.
    value.into_string().map_err(|_| Failure::usage("an argument is not UTF-8"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(line: &[&str]) -> Result<Task, String> {
        let mut task = Task::default();
        match task.parse(&mut Parser::from_args(line)) {
            Ok(()) => Ok(task),
            Err(Failure::Usage(error)) => Err(error),
            Err(other) => panic!("{other:?}"),
        }
    }

    const URL: &str = "smtp://me@localhost";
    const MESSAGE: [&str; 7] = [URL, "--from", "a@b.test", "--to", "c@b.test", "--text", "t"];

    fn error(options: &[&str]) -> String {
        let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [0; 32] };
        match parse(&[&MESSAGE, options].concat()) {
            Err(error) => error,
            Ok(task) => match task.mailer().and_then(|_| task.content(&stamp)) {
                Err(Failure::Usage(error)) => error,
                _ => panic!("{options:?} is taken"),
            },
        }
    }

    #[test]
    fn what_is_given_twice_is_refused() {
        for option in ["--from", "--subject", "--text", "--ca"] {
            let twice = [option, "x", option, "x"];
            assert_eq!(error(&twice), format!("{option} is given more than once"));
        }
        assert!(error(&["--token", "x", "--token-file", "x"]).contains("more than once"));
        assert!(error(&["--token", "x", "--password-file", "x"]).contains("either"));
        assert!(
            parse(&[&MESSAGE[..], &["--to", "d@b.test", "--attach", "x", "--attach", "y"]].concat()).is_ok()
        );
    }

    #[test]
    fn a_message_without_a_sender_needs_one() {
        let file = std::env::temp_dir().join(format!("example-cli-sender-{}", std::process::id()));
        fs::write(&file, "From: a@b.test, c@b.test\nTo: d@b.test\n\n").unwrap();
        let content = |options: &[&str]| {
            let task = parse(&[&[URL, "--eml", file.to_str().unwrap()], options].concat()).unwrap();
            task.content(&Stamp { unix_time: std::time::Duration::ZERO, random: [0; 32] })
        };
        assert!(matches!(content(&[]), Err(Failure::Usage(error)) if error.contains("--from")));
        assert!(content(&["--from", "a@b.test"]).is_ok());
        fs::remove_file(file).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn an_argument_that_is_not_utf8_is_not_shown() {
        use std::os::unix::ffi::OsStringExt;
        let secret = OsString::from_vec(b"smtps://me:hunter2\xff@host".to_vec());
        for arguments in [vec![secret.clone()], vec!["--token".into(), secret]] {
            let mut parser = Parser::from_args(arguments);
            let Err(Failure::Usage(error)) = Task::default().parse(&mut parser) else {
                panic!("it is taken")
            };
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn secrets_come_from_elsewhere() {
        let file = std::env::temp_dir().join(format!("example-cli-secret-{}", std::process::id()));
        fs::write(&file, "pass word \r\n").unwrap();
        assert_eq!(Given::File(file.clone()).read().unwrap().expose(), "pass word ");
        let given = parse(&[&MESSAGE[..], &["--password-file", file.to_str().unwrap()]].concat()).unwrap();
        assert!(given.mailer().is_ok());
        fs::remove_file(file).unwrap();
        assert!(error(&["--password-env", "NO_SUCH VARIABLE"]).contains("NO_SUCH VARIABLE"));
        assert!(error(&["--token-file", "/no/such/file"]).contains("/no/such/file"));
        let known =
            parse(&["smtp://me:pw@localhost", "--text", "t", "--from", "a@b", "--to", "a@b", "--token", "x"]);
        assert!(matches!(known.unwrap().mailer(), Err(Failure::Usage(error)) if error.contains("user name")));
    }

    #[test]
    fn an_error_says_what_was_given() {
        let from = parse(&[URL, "--from", "not an address", "--to", "a@b", "--text", "t"]).unwrap();
        let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [0; 32] };
        let Err(Failure::Usage(error)) = from.content(&stamp) else { panic!("it is taken") };
        assert!(error.starts_with("--from \"not an address\": "), "{error}");
        let remote =
            parse(&["smtp://b.test?tls=none", "--from", "a@b", "--to", "a@b", "--text", "t"]).unwrap();
        let Err(Failure::Usage(error)) = remote.mailer() else { panic!("it is taken") };
        assert!(error.contains("tls=none") && !error.contains("MailerBuilder"), "{error}");
    }

    #[test]
    fn mechanisms_are_those_that_can_be_used() {
        let error = self::error(&["--auth", "FOO"]);
        for mechanism in AuthMechanism::ALL {
            assert_eq!(error.contains(mechanism.name()), mechanism.is_supported(), "{error}");
            assert_eq!(self::mechanism(mechanism.name()).is_ok(), mechanism.is_supported());
        }
    }
}
