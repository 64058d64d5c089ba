//! Stands between the server and what it writes, and spoils it.

use std::collections::VecDeque;

/// What becomes of one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never comes.
    Drop,
    /// It comes twice.
    Double,
    /// It has another code.
    Code(u16),
    /// It has more lines.
    Lines(u16),
    /// Its lines end in LF alone.
    BareLf,
    /// Another comes before it, or behind it.
    Before(u16),
    Behind(u16),
    /// It is something else.
    Garbage(&'static str),
    /// It never ends.
    Endless,
    /// It is cut in the middle, and no more comes.
    Cut,
    /// Nothing comes from now on.
    Silence,
    /// The connection is closed behind it.
    Close,
}

/// What is no reply.
pub(crate) const GARBAGE: &[&str] = &[
    "what?\r\n",
    "250-one\r\n550 two\r\n",
    "250 a\0b\r\n",
    "99 bottles\r\n",
    "\r\n",
    "334 not base64\r\n",
    "334-QQ==\r\n334 QQ==\r\n",
    "334 \r\n334 \r\n334 \r\n",
    CHALLENGE,
];
/// One that is as it should be, wherever it comes.
pub(crate) const CHALLENGE: &str = "334 QQ==\r\n";

/// What stands in replies that are rare: to DATA and BDAT without recipients, RSET, DATA, STARTTLS, within AUTH, to a
/// chunk, to QUIT, the greeting, and the goodbye to who is idle.
pub(crate) const TARGETS: &[&str] =
    &["no valid", "reset", "end with", "go ahead", "334 ", "bytes received", "bye", "mx.example", "too long"];

/// Which replies to spoil, and how.
#[derive(Debug, Default)]
pub(crate) struct Saboteur {
    /// By the number of the reply, in order.
    plan: VecDeque<(u32, Fault)>,
    /// What becomes of all replies from that number on.
    all: Option<(u32, Fault)>,
    /// What becomes of all replies with this in their text.
    target: Option<(&'static str, Fault)>,
    seen: u32,
    held: Vec<u8>,
    silent: bool,
    /// The connection is to be closed when all is written.
    pub(crate) close: bool,
    /// It sits inside of TLS, and what the server puts out is ciphertext.
    pub(crate) is_inside: bool,
    /// A reply of the server's that only a client's mistake can bring about.
    pub(crate) complaint: Option<String>,
    /// Something was spoilt, so that nothing can be expected of the session.
    pub(crate) has_acted: bool,
}

impl Saboteur {
    pub(crate) fn new(mut plan: Vec<(u32, Fault)>, all: Option<(u32, Fault)>) -> Self {
        plan.sort_by_key(|(number, _)| *number);
        Self { plan: plan.into(), all, ..Self::default() }
    }

    /// One that spoils the replies with one of the [`TARGETS`].
    pub(crate) fn targeting(target: &'static str, fault: Fault) -> Self {
        Self { target: Some((target, fault)), ..Self::default() }
    }

    /// Takes what the server writes, and appends what shall be written.
    pub(crate) fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        while let Some(len) = reply_len(&self.held) {
            let reply: Vec<u8> = self.held.drain(..len).collect();
            let number = self.seen;
            self.seen += 1;
            self.listen(&reply);
            if self.silent {
                continue;
            }
            let mut fault = None;
            while let Some(&(planned, kind)) = self.plan.front()
                && planned <= number
            {
                self.plan.pop_front();
                fault = Some(kind).filter(|_| planned == number).or(fault);
            }
            if let Some((_, kind)) = self.all.filter(|(from, _)| number >= *from) {
                fault = fault.or(Some(kind));
            }
            if let Some((target, kind)) = self.target
                && String::from_utf8_lossy(&reply).contains(target)
            {
                fault = Some(kind);
            }
            match fault {
                None => out.extend_from_slice(&reply),
                Some(fault) => self.spoil(fault, &reply, number, out),
            }
        }
    }

    /// The server's decisions and refusals are not mistakes.
    fn listen(&mut self, reply: &[u8]) {
        const COMPLAINTS: &[&str] = &[
            "no such command",
            "syntax:",
            "bad address",
            "parameter",
            "may follow",
            "line too long",
            "bare CR",
        ];
        let text = String::from_utf8_lossy(reply);
        if self.complaint.is_none() && COMPLAINTS.iter().any(|complaint| text.contains(complaint)) {
            self.complaint = Some(text.trim_end().into());
        }
    }

    fn spoil(&mut self, fault: Fault, reply: &[u8], number: u32, out: &mut Vec<u8>) {
        // Other lines and line ends do not change what is meant.
        self.has_acted |= !matches!(fault, Fault::Lines(_) | Fault::BareLf);
        let other = |code| format!("{code} s{number} sabotage\r\n").into_bytes();
        match fault {
            Fault::Drop => {}
            Fault::Double => out.extend([reply, reply].concat()),
            Fault::Code(code) => {
                for line in reply.split_inclusive(|&byte| byte == b'\n') {
                    out.extend_from_slice(code.to_string().as_bytes());
                    out.extend_from_slice(line.get(3..).unwrap_or_default());
                }
            }
            Fault::Lines(lines) => {
                let code = String::from_utf8_lossy(&reply[..3]);
                // The first line of the reply to EHLO is no keyword.
                out.extend((0..lines).flat_map(|line| format!("{code}-X{line}\r\n").into_bytes()));
                out.extend_from_slice(reply);
            }
            Fault::BareLf => out.extend(reply.iter().filter(|&&byte| byte != b'\r')),
            Fault::Before(code) => out.extend([&other(code), reply].concat()),
            Fault::Behind(code) => out.extend([reply, &other(code)].concat()),
            Fault::Garbage(text) => out.extend_from_slice(text.as_bytes()),
            Fault::Endless => {
                for _ in 0..700 {
                    out.extend_from_slice(&reply[..3]);
                    out.extend_from_slice(
                        b"-and so on and so on and so on and so on and so on and so on\r\n",
                    );
                }
                self.silent = true;
            }
            Fault::Cut => {
                out.extend_from_slice(&reply[..reply.len() / 2]);
                (self.silent, self.close) = (true, true);
            }
            Fault::Silence => self.silent = true,
            Fault::Close => {
                out.extend_from_slice(reply);
                (self.silent, self.close) = (true, true);
            }
        }
    }
}

/// The length of the first reply, if all of it is there.
fn reply_len(bytes: &[u8]) -> Option<usize> {
    let mut len = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        len += line.len();
        if !line.ends_with(b"\n") {
            return None;
        }
        if line.get(3) != Some(&b'-') {
            return Some(len);
        }
    }
    None
}
