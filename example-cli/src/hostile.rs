//! The command line of the hostile servers, and what is printed of their clients.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use lexopt::{Arg, Parser, ValueExt};
use smtp_driver::Runtime;
use smtp_driver::hostile::{Case, Certificates, Play, Script, Seen, catalogue};

use crate::output::{complain, say};

const USAGE: &str = "\
Listens on loopback, one port for each case, and misbehaves: point a mail client at a port, send a message, and see here
whether it has done something wrong.

hostile [CASE...] [--script FILE] [--port N] [--ca FILE] [--implicit]
hostile [CASE...] --list

  CASE           a number such as W5, or a name such as data-250; all cases if none is given
  --script FILE  a case of your own; the documentation of smtp_driver::hostile::Script says what it may have
  --port N       listen on N and the ports behind it, instead of free ones
  --ca FILE      where the certificate of the authority goes that the client is to trust; else it is printed
  --implicit     TLS from the first byte instead of STARTTLS, in the cases that have a certificate
  --list         print the cases and what a right client does; of cases that are given, their scripts too

Clients connect to localhost or 127.0.0.1 and require STARTTLS where the case has to do with TLS or AUTH; any user and
password will do.  For certificate-wildcard connect to a name with two labels before localhost, such as a.b.localhost.";

/// What the command line asks for.
#[derive(Debug)]
pub struct Hostile {
    /// The servers, in the order of their ports.
    pub servers: Vec<Server>,
    /// The first port; 0 means free ones.
    pub port: u16,
}

/// A server for one case.
#[derive(Debug)]
pub struct Server {
    /// What serves its connections.
    pub play: Arc<Play>,
    label: String,
    owed: &'static str,
}

impl Hostile {
    /// The servers that the command line asks for, and the authority's certificate in its file.
    ///
    /// # Errors
    /// What the process is to end with: something was wrong, or all that was asked for is printed.
    pub fn from_args<R: Runtime + Copy>(runtime: R) -> Result<Self, ExitCode> {
        Self::parse(Parser::from_env(), runtime).map_err(|error| {
            complain(format_args!("hostile: {error}; see --help"));
            ExitCode::from(2)
        })?
    }

    fn parse<R: Runtime + Copy>(
        mut parser: Parser,
        runtime: R,
    ) -> Result<Result<Self, ExitCode>, Box<dyn std::error::Error + Send + Sync>> {
        let mut scripts: Vec<(String, &'static str, Script)> = Vec::new();
        let mut port = 0;
        let mut authority: Option<PathBuf> = None;
        let (mut implicit, mut list) = (false, false);
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Value(word) => {
                    let word = word.string()?;
                    let before = scripts.len();
                    scripts.extend(catalogue().filter(|case| is_meant(case, &word)).map(entry));
                    if scripts.len() == before {
                        return Err(format!("there is no case {word:?}").into());
                    }
                }
                Arg::Long("script") => {
                    let file = PathBuf::from(parser.value()?);
                    let text =
                        fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                    let script = text.parse().map_err(|error| format!("{}: {error}", file.display()))?;
                    scripts.push((file.display().to_string(), "", script));
                }
                Arg::Long("port") => port = parser.value()?.parse()?,
                Arg::Long("ca") => authority = Some(parser.value()?.into()),
                Arg::Long("implicit") => implicit = true,
                Arg::Long("list") => list = true,
                Arg::Long("help") | Arg::Short('h') => {
                    say(USAGE);
                    return Ok(Err(ExitCode::SUCCESS));
                }
                other => return Err(other.unexpected().into()),
            }
        }
        let all = scripts.is_empty();
        if all {
            scripts.extend(catalogue().map(entry));
        }
        if list {
            for (label, owed, script) in &scripts {
                say(format_args!("{label:<28} {owed}"));
                if !all {
                    script.to_string().lines().for_each(|line| say(format_args!("    {line}")));
                }
            }
            return Ok(Err(ExitCode::SUCCESS));
        }
        let certificates = Certificates::new()?;
        let authority_pem = certificates.authority_pem();
        match authority {
            Some(path) => {
                fs::write(&path, authority_pem).map_err(|error| format!("{}: {error}", path.display()))?;
                say(format_args!("The authority to trust: {}", path.display()));
            }
            None => say(format_args!(
                "The authority to trust, which --ca writes to a file:\n{}",
                authority_pem.trim_end()
            )),
        }
        let servers = scripts.into_iter().map(|(label, owed, script)| {
            let script = if implicit { script.with_implicit_tls() } else { script };
            let log = Log { label: label.clone(), wrong: Mutex::default() };
            let play = Play::new(script, &certificates, runtime);
            let play = play.on_seen(move |connection, seen| log.print(connection, &seen));
            Server { play: Arc::new(play), label, owed }
        });
        Ok(Ok(Self { servers: servers.collect(), port }))
    }
}

impl Server {
    /// Prints that it listens, and what a right client does.
    pub fn listens_at(&self, port: u16) {
        say(format_args!("{:<16} {:<28} {}", format!("127.0.0.1:{port}"), self.label, self.owed));
    }
}

/// What is printed of the clients of one server.
struct Log {
    label: String,
    /// Connections with clients that have done something wrong.
    wrong: Mutex<BTreeSet<u64>>,
}

impl Log {
    fn print(&self, connection: u64, seen: &Seen) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = match seen {
            Seen::Wrong(_) => {
                wrong.insert(connection);
                ""
            }
            Seen::Ended if wrong.remove(&connection) => ": the client FELL FOR IT",
            Seen::Ended => ": the client has done nothing wrong here",
            _ => "",
        };
        say(format_args!("[{} #{connection}] {seen}{judged}", self.label));
    }
}

fn is_meant(case: &Case, word: &str) -> bool {
    case.number.eq_ignore_ascii_case(word) || case.name == word
}

fn entry(case: &Case) -> (String, &'static str, Script) {
    (format!("{} {}", case.number, case.name), case.owed, case.script())
}
