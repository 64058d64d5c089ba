//! The command line, and the message it asks for.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};
use smtp_driver::{Error, MailerBuilder, Report};
use smtp_message::dkim::{PrivateKey, Signer, Template};
use smtp_message::{Bcc, LineEnds, Mailbox, Message, MessageBuilder, Part, RawMessage, Stamp};
use smtp_proto::client::Chunking;
use smtp_proto::envelope::{Envelope, MailOptions, Notify, RcptOptions, Ret};
use smtp_proto::escape::Escaped;
use smtp_proto::sasl::AuthMechanism;
use smtp_proto::{Address, Secret};

use crate::output::{self, Failure};

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
  --dsn           ask for notifications of delivery, failure and delay
  --require-tls   only if the message goes over verified TLS all the way (REQUIRETLS)
  --chunked       send the message in chunks (BDAT) if the server takes them
  --trace         print the transcript on standard error, secrets masked
  --json          print one JSON object

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
    token: Option<Secret>,
    dsn: bool,
    require_tls: bool,
    chunked: bool,
    trace: bool,
    json: bool,
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
    /// What is wrong with the arguments, or the help that was asked for.
    pub fn from_args() -> Result<Option<Self>, Failure> {
        if std::env::args_os().len() < 2 {
            return Ok(None);
        }
        Self::parse(Parser::from_env()).map(Some)
    }

    fn parse(mut parser: Parser) -> Result<Self, Failure> {
        let mut task = Self::default();
        let mut url: Option<String> = None;
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Value(value) if url.is_none() => url = Some(text(value)?),
                // It may be a URL with a password.
                Arg::Value(_) => return Err(Failure::usage("there is more than one URL")),
                Arg::Long("from") => task.from = Some(text(parser.value()?)?),
                Arg::Long("to") => task.to.push(text(parser.value()?)?),
                Arg::Long("subject") => task.subject = Some(text(parser.value()?)?),
                Arg::Long("text") => task.text = Some(text(parser.value()?)?),
                Arg::Long("html") => task.html = Some(parser.value()?.into()),
                Arg::Long("attach") => task.attach.push(parser.value()?.into()),
                Arg::Long("eml") => task.eml = Some(parser.value()?.into()),
                Arg::Long("dkim") => task.dkim.push(text(parser.value()?)?),
                Arg::Long("ca") => task.ca = Some(parser.value()?.into()),
                Arg::Long("auth") => {
                    let name = text(parser.value()?)?;
                    let mechanism = AuthMechanism::from_name(&name);
                    task.auth = Some(mechanism.ok_or_else(|| unknown_mechanism(&name))?);
                }
                Arg::Long("token") => task.token = Some(text(parser.value()?)?.into()),
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
            _ => Ok(task),
        }
    }

    /// How to reach the server.
    ///
    /// # Errors
    /// What is wrong with the URL or the authority.
    pub fn mailer(&self) -> Result<MailerBuilder, Failure> {
        let mut builder = MailerBuilder::from_url(&self.url).map_err(Failure::usage)?;
        if let Some(token) = &self.token {
            let user = builder
                .user_alone()
                .ok_or_else(|| Failure::usage("--token needs a user name and no password in the URL"))?;
            let user = user.to_owned();
            builder = builder.token(user, token.clone());
        }
        if let Some(mechanism) = self.auth {
            builder = builder.auth(mechanism);
        }
        if self.chunked {
            builder = builder.chunking(Chunking::Safe);
        }
        if self.trace {
            builder = builder.on_event(|event| output::trace(event, &mut std::io::stderr()));
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
                text.parse::<Mailbox>().map_err(|error| Failure::usage(format!("{option}: {error}")))
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
        let bytes = if file.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(file)
        };
        let bytes = bytes.map_err(|error| Failure::file(file, &error))?;
        let message = RawMessage::parse(bytes, LineEnds::Normalise, Bcc::Remove);
        let message = message.map_err(|error| Failure::file(file, &error))?;
        let header =
            |error: &smtp_message::MailboxError| Failure::usage(format!("{}: {error}", file.display()));
        let sender = match from {
            Some(from) => Some(from.address().clone()),
            None => message.sender().map_err(header)?.cloned(),
        };
        let recipients = match to.is_empty() {
            false => addresses(&to),
            true => message.recipients().map_err(header)?.to_vec(),
        };
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
    ///
    /// # Errors
    /// The one given.
    pub fn report(&self, result: Result<Report, Error>) -> Result<ExitCode, Failure> {
        let report = result?;
        if self.json {
            println!("{}", output::json(&report));
        } else {
            output::print(&report);
        }
        Ok(output::status(&report))
    }
}

fn unknown_mechanism(name: &str) -> Failure {
    let known = AuthMechanism::ALL.map(AuthMechanism::name).join(", ");
    Failure::usage(format!("--auth: there is no mechanism {}; known are {known}", Escaped(name.as_bytes())))
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
    Ok(value.string()?)
}
