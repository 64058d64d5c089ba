//! Runs a `send` example, and judges what it says.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::json::Json;
use super::{Directory, build_example, secrets};

/// More than any case needs: none waits for a deadline of the protocol.
const LIMIT: Duration = Duration::from_secs(60);

/// The example of one adapter.
pub(super) struct Send {
    package: &'static str,
    program: PathBuf,
}

/// What a run of it said.
pub(super) struct Said {
    /// Whether JSON was asked for.
    json: bool,
    status: Option<i32>,
    pub(super) stdout: String,
    stderr: String,
}

impl Send {
    pub(super) fn build(package: &'static str, example: &str, directory: &Directory) -> Result<Self, String> {
        Ok(Self { package, program: build_example(package, example, directory)? })
    }

    /// The adapter.
    pub(super) fn package(&self) -> &'static str {
        self.package
    }

    /// Runs it with these arguments and this standard input.  It must not repeat the secrets that it is given.
    pub(super) fn run(&self, args: &[OsString], input: &[u8]) -> Result<Said, String> {
        let mut child = Command::new(&self.program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            // It need not read its input to the end.
            scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
            let stdout = scope.spawn(move || read(stdout));
            let stderr = scope.spawn(move || read(stderr));
            let deadline = Instant::now() + LIMIT;
            let status = loop {
                match child.try_wait().map_err(|error| error.to_string())? {
                    Some(status) => break status.code(),
                    None if Instant::now() > deadline => {
                        let _ = child.kill();
                        let _ = child.wait();
                        return Err(format!("still runs after {LIMIT:?}"));
                    }
                    None => thread::sleep(Duration::from_millis(2)),
                }
            };
            let text = |pipe: thread::ScopedJoinHandle<'_, String>| pipe.join().unwrap_or_default();
            let json = args.iter().any(|arg| arg == "--json");
            let said = Said { json, status, stdout: text(stdout), stderr: text(stderr) };
            let secrets = secrets::of(args);
            if secrets::are_in(&secrets, &said.stdout) || secrets::are_in(&secrets, &said.stderr) {
                return Err(format!("a secret in: {}{}", said.stdout, said.stderr));
            }
            Ok(said)
        })
    }
}

fn read(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What must become of a recipient: its address, the outcome, and the server's code if it was the server's decision.
pub(super) type Verdict<'a> = (&'a str, &'a str, Option<u16>);

impl Said {
    /// Takes the transcript away from standard error, so that what is left there is judged as without one.
    pub(super) fn take_trace(&mut self) -> Trace {
        let is_trace = |line: &&str| ["C: ", "S: ", "-- "].iter().any(|mark| line.starts_with(mark));
        let (trace, rest): (Vec<&str>, Vec<&str>) = self.stderr.split_inclusive('\n').partition(is_trace);
        let (trace, rest) = (trace.concat(), rest.concat());
        self.stderr = rest;
        Trace(trace)
    }

    /// The exit status must be this one, with nothing on standard error if the message was handed to the server, and
    /// one line that names the culprit otherwise; that is also what the JSON says, if it was asked for.
    pub(super) fn status(&self, expected: i32) -> Result<(), String> {
        if self.status != Some(expected) {
            return Err(format!(
                "exit status {:?} instead of {expected}: {}{}",
                self.status, self.stdout, self.stderr
            ));
        }
        let lines = self.stderr.lines().count();
        match expected {
            0 | 1 if lines > 0 => Err(format!("on standard error: {}", self.stderr)),
            2 | 3 if lines != 1 || !self.stderr.starts_with("send: ") || !self.stderr.ends_with('\n') => {
                Err(format!("not one line on standard error: {}", self.stderr))
            }
            2 | 3 if !self.json && !self.stdout.is_empty() => {
                Err(format!("on standard output: {}", self.stdout))
            }
            2 | 3 if self.json => self.failure(),
            _ => Ok(()),
        }
    }

    /// The JSON must say the same as the line on standard error.
    fn failure(&self) -> Result<(), String> {
        let json = Json::parse(&self.stdout).ok_or_else(|| format!("not JSON: {}", self.stdout))?;
        let line = match (json.get("error"), json.get("hint")) {
            (Json::String(error), Json::String(hint)) => format!("send: {error}; {hint}\n"),
            (Json::String(error), Json::Null) => format!("send: {error}\n"),
            _ => String::new(),
        };
        if json.keys() != ["accepted", "error", "hint", "recipients"]
            || *json.get("accepted") != Json::Bool(false)
            || *json.get("recipients") != Json::List(Vec::new())
            || line != self.stderr
        {
            return Err(format!("{} is not the JSON of: {}", self.stdout, self.stderr));
        }
        Ok(())
    }

    /// It must have failed with this status, and its one line must hold these words.
    pub(super) fn error(&self, status: i32, words: &[&str]) -> Result<(), String> {
        self.status(status)?;
        match words.iter().find(|word| !self.stderr.contains(**word)) {
            Some(word) => Err(format!("no {word:?} in: {}", self.stderr)),
            None => Ok(()),
        }
    }

    /// It must have ended with the status that these verdicts make, and have printed just them as JSON.
    pub(super) fn verdicts(&self, expected: &[Verdict<'_>]) -> Result<(), String> {
        let all = expected.iter().all(|(_, outcome, _)| *outcome == "delivered");
        self.status(i32::from(!all))?;
        let json = Json::parse(&self.stdout).ok_or_else(|| format!("not JSON: {}", self.stdout))?;
        let wrong = |what: &str| Err(format!("{what} in: {}", self.stdout));
        if json.keys() != ["accepted", "recipients", "tls"] || *json.get("accepted") != Json::Bool(all) {
            return wrong("wrong keys or value of accepted");
        }
        let tls = json.get("tls");
        if *tls != Json::Null && tls.keys() != ["cipher", "version"] {
            return wrong("wrong tls");
        }
        let Json::List(recipients) = json.get("recipients") else { return wrong("no list of recipients") };
        if recipients.len() != expected.len() {
            return wrong("wrong number of recipients");
        }
        for (found, &(address, outcome, code)) in recipients.iter().zip(expected) {
            let code = code.map_or(Json::Null, |code| Json::Number(code.to_string()));
            if found.keys() != ["address", "code", "enhanced", "outcome", "text"]
                || *found.get("address") != Json::String(address.into())
                || *found.get("outcome") != Json::String(outcome.into())
                || *found.get("code") != code
                || !matches!(found.get("enhanced"), Json::String(_) | Json::Null)
                || !matches!(found.get("text"), Json::String(text) if !text.is_empty())
            {
                return wrong(&format!("{address} should be {outcome} with {code:?}"));
            }
        }
        Ok(())
    }
}

/// The transcript of a run.
pub(super) struct Trace(String);

impl Trace {
    /// The lines with this beginning, without it.
    pub(super) fn lines(&self, start: &str) -> Vec<&str> {
        self.0.lines().filter_map(|line| line.strip_prefix(start)).collect()
    }

    /// There must be this many lines with this beginning.
    pub(super) fn has(&self, count: usize, start: &str) -> Result<(), String> {
        match self.lines(start).len() {
            found if found == count => Ok(()),
            found => Err(format!("{found} times {start:?} instead of {count} in: {}", self.0)),
        }
    }

    /// A message of this length must have gone in chunks that are together as long, the last one marked, without DATA.
    pub(super) fn is_chunked(&self, length: Option<usize>) -> Result<(), String> {
        self.has(0, "C: DATA")?;
        let chunks = self.lines("C: BDAT ");
        let sizes = chunks.iter().map(|chunk| chunk.trim_end_matches(" LAST").parse::<usize>().ok());
        let sum: Option<usize> = sizes.sum();
        let last = chunks.iter().position(|chunk| chunk.ends_with(" LAST"));
        if sum.is_none()
            || length.is_some_and(|length| sum != Some(length))
            || last != chunks.len().checked_sub(1)
        {
            return Err(format!("not {length:?} octets in chunks, but {chunks:?} in: {}", self.0));
        }
        if last.is_none() { Err(format!("no BDAT in: {}", self.0)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stderr: &str) -> Said {
        Said { json: false, status: Some(0), stdout: String::new(), stderr: stderr.into() }
    }

    #[test]
    fn a_transcript_is_not_standard_error() {
        let mut with_warning = said("C: QUIT\nwarning\nS: 221 bye\n");
        let trace = with_warning.take_trace();
        assert_eq!(with_warning.stderr, "warning\n");
        assert!(with_warning.status(0).is_err());
        assert!(
            trace.has(1, "C: QUIT").is_ok()
                && trace.has(1, "C: ").is_ok()
                && trace.has(1, "C: BDAT").is_err()
        );
    }

    #[test]
    fn chunks() {
        let good = |trace: &str| Trace(trace.into()).is_chunked(Some(12)).is_ok();
        assert!(good("C: BDAT 12 LAST\n") && good("C: BDAT 10\nC: BDAT 2 LAST\n"));
        for bad in [
            "C: DATA\n",
            "",
            "C: BDAT 12\n",
            "C: BDAT 11 LAST\n",
            "C: BDAT 10 LAST\nC: BDAT 2\n",
            "C: BDAT 12 LAST\nC: DATA\n",
        ] {
            assert!(!good(bad), "{bad}");
        }
    }
}
