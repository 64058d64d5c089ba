//! Content in chunks (RFC 3030): what a server puts together is what was given, whatever it refuses on the way.
//!
//! An input has three lines:
//!
//! 1. flags: `s` streamed, `k` the size is known, `w` `v` one byte more or less than there is, `b` binary, `l` LMTP, `1` no PIPELINING,
//!    `m` one more message, `c` cancel when content is first wanted, `2` as `c`, the second time;
//! 2. what the server says to RCPT and BDAT, one letter for each: `4` not now, `5` no, `0` what is that, `x` nothing at
//!    all any more, else yes;
//! 3. how long the pieces of content are: a byte up to 127 for as many bytes, from 128 up for so many times 8 KiB.

use std::collections::VecDeque;

use smtp_proto::client::{Chunking, Client, Config, Event, Next, Outcome, TlsMode, TransactionId};
use smtp_proto::envelope::{BodyType, Form};
use smtp_proto::{Address, Envelope, Instant, Output};

use crate::assert_printable;

const NOW: Instant = Instant::ZERO;
const CHUNK: usize = 1 << 20;
/// Pieces beyond this are left out: more than one chunk of content whose size is not known.
const MAX_CONTENT: usize = CHUNK + (CHUNK >> 2);

/// Lets the client send to a server that reads chunks, and compares.
pub fn check(data: &[u8]) {
    let mut lines = data.splitn(3, |&byte| byte == b'\n');
    let [flags, replies, pieces] = [(); 3].map(|()| lines.next().unwrap_or_default());
    let has = |flag| flags.contains(&flag);
    let mut total = 0;
    let pieces = pieces.iter().take(6).map(|&byte| piece(byte, has(b'b'))).take_while(|piece| {
        total += piece.len();
        total <= MAX_CONTENT
    });
    let pieces: Vec<Vec<u8>> = pieces.collect();
    let content = pieces.concat();
    let mut config = Config::new("client.example".parse().expect("a host"));
    config.chunking = if has(b's') { Chunking::Streamed } else { Chunking::Safe };
    config.lmtp = has(b'l');
    let streamed = has(b's') && !has(b'l');
    let size = match content.len() as u64 {
        size if has(b'w') => Some(size + 1),
        size if has(b'v') => Some(size.saturating_sub(1)),
        size => has(b'k').then_some(size),
    };
    let form = Form {
        size,
        body: if has(b'b') { BodyType::BinaryMime } else { BodyType::SevenBit },
        smtputf8: false,
    };
    let to: [Address; 2] = ["a@example.com", "b@example.com"].map(|to| to.parse().expect("an address"));
    let envelope = Envelope::new(None, to).expect("an envelope").with_form(form);
    let messages = 1 + flags.iter().filter(|&&flag| flag == b'm').count().min(3);

    let mut client = Client::new(config, TlsMode::None, NOW);
    let mut server = Server::new(replies, has(b'l'), has(b'1'), form.size.is_some());
    let mut out = Output::new();
    let (mut ids, mut wanted, mut next) = (Vec::new(), None, 0);
    let mut cancels = flags.iter().filter(|&&flag| matches!(flag, b'c' | b'2')).count();
    let mut outcomes = Vec::new();
    client.handle_input(NOW, b"220 hi\r\n");
    let end = loop {
        let mut chunk = &[][..];
        match client.poll(NOW, &mut out) {
            Next::Event(Event::Ready) => {
                ids.extend((0..messages).map(|_| client.send(envelope.clone()).expect("ready")));
            }
            Next::Event(Event::Finished(id, all)) => {
                assert_eq!(id, ids[outcomes.len()], "in order");
                outcomes.push(all);
            }
            Next::Event(_) => {}
            Next::Body(id) => {
                assert!(streamed || server.accepted > 0, "content for nobody");
                if has(b'c') && cancels > 0 || has(b'2') && next > 0 && cancels > 0 {
                    cancels -= 1;
                    client.cancel(id);
                    continue;
                }
                if wanted.replace(id) != Some(id) {
                    next = 0;
                }
                chunk = feed(&mut client, &pieces, &content, &mut next, &mut out);
                assert!(!format!("{client:?}").contains("staged: ["), "content is shown");
            }
            Next::Wait if out.is_empty() => match server.answer() {
                Some(reply) => client.handle_input(NOW, &reply),
                None if server.gone => client.handle_eof(NOW),
                None => break None,
            },
            Next::Wait => {}
            Next::Closed(end) => break Some(end),
        }
        for slice in out.slices(chunk).expect("the chunk") {
            server.read(slice);
        }
        client.handle_written(NOW, out.len());
        out.clear();
    };
    match &end {
        None => assert!(client.is_reusable() || server.is_mid_chunk(), "nothing is left to do: {client:?}"),
        Some(Ok(())) => panic!("it ends without quit"),
        Some(Err(error)) => assert_printable(error),
    }
    judge(&ids, &outcomes, &server, &content, form.size);
}

/// Gives the next piece; the last one with the word that it is.
fn feed<'a>(
    client: &mut Client,
    pieces: &'a [Vec<u8>],
    content: &[u8],
    next: &mut usize,
    out: &mut Output,
) -> &'a [u8] {
    let (mut start, mut left) = (0, *next);
    while let Some(piece) = pieces.get(start).filter(|piece| piece.len() <= left) {
        left -= piece.len();
        start += 1;
    }
    let chunk = pieces.get(start).map_or(&[][..], |piece| &piece[left..]);
    let last = *next + chunk.len() == content.len();
    match client.body(NOW, chunk, last, out) {
        Ok(taken) => {
            assert!(taken <= chunk.len());
            *next += taken;
        }
        Err(misuse) => {
            assert_printable(&misuse);
            assert!(client.is_over(), "{misuse}");
        }
    }
    chunk
}

fn judge(
    ids: &[TransactionId],
    outcomes: &[Vec<Outcome>],
    server: &Server<'_>,
    content: &[u8],
    declared: Option<u64>,
) {
    assert_eq!(ids.len(), outcomes.len(), "every transaction ends");
    let delivered = outcomes.iter().flatten().filter(|outcome| outcome.is_delivered()).count();
    assert!(delivered <= server.delivered, "{delivered} told, {} said", server.delivered);
    for outcome in outcomes.iter().flatten() {
        assert_printable(outcome);
    }
    for message in &server.messages {
        assert!(message == content, "{} bytes arrived of {}", message.len(), content.len());
        assert!(declared.is_none_or(|size| size == content.len() as u64), "another size than declared");
    }
}

/// Lines, or bytes of all sorts.
fn piece(length: u8, binary: bool) -> Vec<u8> {
    let length = if length < 128 { usize::from(length) } else { usize::from(length - 127) * 8192 };
    let pattern: &[u8] = if binary { b"\r\n.\n\0\r\xff" } else { b".bcdefghijklmn\r\n" };
    let mut piece = pattern.repeat(length / pattern.len() + 1);
    piece.truncate(length);
    piece
}

/// Reads commands and chunks.
struct Server<'a> {
    letters: std::slice::Iter<'a, u8>,
    lmtp: bool,
    lock_step: bool,
    size_known: bool,
    line: Vec<u8>,
    /// Bytes of the chunk that are to come, and whether it is the last.
    chunk: Option<(usize, bool)>,
    message: Vec<u8>,
    accepted: usize,
    /// A chunk was refused, and so are those behind it.
    refused: bool,
    replies: VecDeque<Vec<u8>>,
    gone: bool,
    /// Recipients that were told so.
    delivered: usize,
    messages: Vec<Vec<u8>>,
}

impl<'a> Server<'a> {
    fn new(letters: &'a [u8], lmtp: bool, lock_step: bool, size_known: bool) -> Self {
        Self {
            letters: letters.iter(),
            lmtp,
            lock_step,
            size_known,
            line: Vec::new(),
            chunk: None,
            message: Vec::new(),
            accepted: 0,
            refused: false,
            replies: VecDeque::new(),
            gone: false,
            delivered: 0,
            messages: Vec::new(),
        }
    }

    fn answer(&mut self) -> Option<Vec<u8>> {
        let all = self.replies.drain(..).collect::<Vec<_>>().concat();
        (!all.is_empty()).then_some(all)
    }

    fn is_mid_chunk(&self) -> bool {
        self.chunk.is_some()
    }

    fn say(&mut self, reply: &str) {
        if !self.gone {
            self.replies.push_back(format!("{reply}\r\n").into_bytes());
        }
    }

    /// Whether it says yes; it has said no otherwise.
    fn decide(&mut self) -> bool {
        match self.letters.next() {
            Some(b'4') => self.say("451 not now"),
            Some(b'5') => self.say("550 no"),
            Some(b'0') => self.say("500 what"),
            Some(b'x') => self.gone = true,
            _ => {
                self.say("250 ok");
                return !self.gone;
            }
        }
        false
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if let Some((left, last)) = self.chunk {
                let (content, rest) = bytes.split_at(left.min(bytes.len()));
                self.message.extend_from_slice(content);
                bytes = rest;
                self.chunk = Some((left - content.len(), last));
            } else {
                let end = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
                let (line, rest) = bytes.split_at(end);
                self.line.extend_from_slice(line);
                bytes = rest;
                if self.line.ends_with(b"\r\n") {
                    let line = std::mem::take(&mut self.line);
                    self.command(std::str::from_utf8(&line).expect("a command").trim_end());
                }
            }
            if let Some((0, last)) = self.chunk {
                self.chunk = None;
                self.chunk_ends(last);
            }
        }
    }

    fn command(&mut self, line: &str) {
        assert!(!self.lock_step || self.replies.is_empty(), "{line} before the reply");
        match line.split(' ').next().unwrap_or_default() {
            "EHLO" | "LHLO" if self.lock_step => self.say("250-hi\r\n250-BINARYMIME\r\n250 CHUNKING"),
            "EHLO" | "LHLO" => self.say("250-hi\r\n250-PIPELINING\r\n250-BINARYMIME\r\n250 CHUNKING"),
            "MAIL" | "RSET" => {
                (self.accepted, self.refused, self.message) = (0, false, Vec::new());
                self.say("250 ok");
            }
            "RCPT" => self.accepted += usize::from(self.decide()),
            "BDAT" => {
                let mut words = line.split(' ').skip(1);
                let size = words.next().and_then(|size| size.parse().ok()).expect("a size");
                let last = words.next().map(|word| assert_eq!(word, "LAST")).is_some();
                assert!(!self.size_known || last, "one chunk is enough");
                assert!(last || size == CHUNK, "a chunk of {size} bytes that is not the last");
                self.chunk = Some((size, last));
            }
            other => panic!("{other}"),
        }
    }

    fn chunk_ends(&mut self, last: bool) {
        if self.accepted == 0 || self.refused {
            self.letters.next();
            return self.say("554 nobody");
        }
        if !last {
            // What was refused is no part of a message any more.
            if !self.decide() {
                self.refused = true;
            }
            return;
        }
        let verdicts = if self.lmtp { self.accepted } else { 1 };
        let accepted: usize = (0..verdicts).map(|_| usize::from(self.decide())).sum();
        let recipients = if self.lmtp { 1 } else { self.accepted };
        self.delivered += accepted * recipients;
        let message = std::mem::take(&mut self.message);
        if accepted > 0 {
            self.messages.push(message);
        }
        self.accepted = 0;
    }
}
