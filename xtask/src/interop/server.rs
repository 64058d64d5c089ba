//! A server that runs as long as this value lives.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, id};
use std::thread;
use std::time::{Duration, Instant};

use super::{Directory, Kind, tools};
use crate::process::root;

/// How long an accepted message may take to its mailbox.
const DELIVERY: Duration = Duration::from_secs(20);

pub(super) struct Server {
    script: Child,
    ports: Vec<u16>,
    directory: Directory,
}

impl Server {
    /// Starts the server's script, and returns when it is ready.
    pub(super) fn start(kind: &Kind, certificates: &Directory) -> Result<Self, String> {
        let name = kind.name;
        let directory = Directory::new(std::env::temp_dir().join(format!("smtp-interop-{name}-{}", id())))?;
        let ports = free_ports(kind.ports).map_err(|error| format!("no free ports: {error}"))?;
        let log = directory.0.with_extension("log");
        let opened = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut script = Command::new("bash")
            .arg(root().join(format!("xtask/interop/{name}.sh")))
            .args([&directory.0, &certificates.0])
            .args(ports.iter().map(u16::to_string))
            .env("TOOLS", tools())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(opened)
            .spawn()
            .map_err(|error| format!("bash: {error}"))?;
        let stdout = script.stdout.take();
        let server = Self { script, ports, directory };
        let mut line = String::new();
        let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let said = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(&log);
        match (read, line.trim_end()) {
            (Some(Ok(_)), "ready") => Ok(server),
            _ => Err(format!("{name} did not start: {said}")),
        }
    }

    pub(super) fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Its directory.
    pub(super) fn path(&self) -> &Path {
        &self.directory.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

/// Ports that nothing listened on a moment ago.
fn free_ports(count: usize) -> std::io::Result<Vec<u16>> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// Takes out the files of a directory, which need not be there.
pub(super) fn take_files(directory: &Path) -> Result<Vec<Vec<u8>>, String> {
    let Ok(files) = directory.read_dir() else { return Ok(Vec::new()) };
    let take = |path: PathBuf| fs::read(&path).and_then(|read| fs::remove_file(&path).map(|()| read));
    let taken = files.filter_map(Result::ok).map(|file| take(file.path()));
    taken.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Takes out the only file.
pub(super) fn only_file(directory: &Path) -> Result<Vec<u8>, String> {
    let mut files = take_files(directory)?;
    match (files.pop(), files.len()) {
        (Some(file), 0) => Ok(file),
        (last, rest) => Err(format!("{} messages arrived", rest + usize::from(last.is_some()))),
    }
}

/// A Maildir that gets the mail of all recipients.
pub(super) struct Maildir(pub(super) PathBuf);

impl Maildir {
    /// Takes out the message for one recipient when it has come, with LF line ends and the server's headers on top.
    pub(super) fn wait_for(&self, recipient: &str) -> Result<Vec<u8>, String> {
        let deadline = Instant::now() + DELIVERY;
        loop {
            if let Some(message) = self.take(recipient)? {
                return Ok(message);
            }
            if Instant::now() > deadline {
                return Err(format!("nothing arrived for {recipient}"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Takes out the message for one recipient, if it is there.
    pub(super) fn take(&self, recipient: &str) -> Result<Option<Vec<u8>>, String> {
        let delivered_to = format!("\nDelivered-To: {recipient}\n").into_bytes();
        let Ok(files) = self.0.join("new").read_dir() else { return Ok(None) };
        for file in files.filter_map(Result::ok) {
            let message = fs::read(file.path()).map_err(|error| error.to_string())?;
            if message.windows(delivered_to.len()).any(|window| window == delivered_to) {
                fs::remove_file(file.path()).map_err(|error| error.to_string())?;
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}
