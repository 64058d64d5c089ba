//! What the user does: asks for this and that, also where it makes no sense.

use smtp_proto::client::Misuse;
use smtp_proto::command::{Query, QueryText, XClientName};
use smtp_proto::envelope::{
    BodyType, ByMode, DeliverBy, Form, Hold, MailOptions, Notify, Priority, RcptOptions, Ret, Submitter,
};
use smtp_proto::reply::Reply;
use smtp_proto::sasl::{Exchange, NONCE};
use smtp_proto::{Address, AuthMechanism, Envelope, Extension};

use super::super::machine::Machine;
use super::super::outcome::Open;
use super::{MAX_MESSAGES, SECRET, World};
use crate::assert_printable;
use crate::dot_stuffing::is_bare;

impl World {
    pub(crate) fn send(&mut self, argument: &[u8]) {
        if self.ids.len() >= MAX_MESSAGES {
            return;
        }
        let (sender, form, recipients) = match argument {
            [sender, form, recipients @ ..] => (*sender, *form, recipients),
            _ => (b'a', b'0', &b"a"[..]),
        };
        let sender = (sender != b'0').then(|| address(sender)).filter(|sender| sender.host().is_some());
        let recipients: Vec<Address> = match recipients {
            [] => vec![address(b'a')],
            some => some.iter().take(40).map(|&letter| address(letter)).collect(),
        };
        let form_letter = form;
        let form = Form {
            size: [None, Some(100), Some(5000), Some(5001)][usize::from(form & 3)],
            body: if form & 4 == 0 { BodyType::SevenBit } else { BodyType::EightBitMime },
            smtputf8: form & 8 != 0,
        };
        let envelope = Envelope::new(sender, recipients).expect("an envelope").with_form(form);
        let envelope = match form_letter {
            b'a'..=b'o' => with_options(envelope, false),
            b'A'..=b'O' => with_options(envelope, true),
            _ => envelope,
        };
        let allowed = self.ready && self.in_auth == 0 && !self.quit && !self.machine.is_over();
        match self.machine.send(envelope.clone()) {
            Ok(id) => {
                assert!(allowed || !self.polling, "sent where nothing can be");
                assert!(!self.ids.contains(&id), "the same transaction twice");
                let rcpt = vec![None; envelope.recipients().len()];
                // Its end, and a trace of each command; under TLS a trace comes before the command is seen.
                self.allowance += 10 + rcpt.len();
                self.ids.push(id);
                let open = Open::new(envelope, rcpt);
                self.open.insert(id, open);
            }
            Err(misuse) => {
                assert_printable(&misuse);
                let full = matches!(misuse, Misuse::TooManyMails { limit } if self.ids.len() >= limit);
                assert!(!allowed || full, "{misuse}");
            }
        }
    }

    pub(crate) fn cancel(&mut self, number: usize) {
        if let Some(&id) = self.ids.get(number) {
            self.machine.cancel(id);
        }
    }

    pub(crate) fn authenticate(&mut self, argument: &[u8]) {
        let [mechanism, how] = [0, 1].map(|at| argument.get(at).copied().unwrap_or_default());
        let mechanism = match mechanism {
            b'l' => AuthMechanism::Login,
            b'x' => AuthMechanism::XOAuth2,
            b'b' => AuthMechanism::OAuthBearer,
            b'e' => AuthMechanism::External,
            b'1' => AuthMechanism::ScramSha1,
            b'2' => AuthMechanism::ScramSha256,
            b'+' => AuthMechanism::ScramSha256Plus,
            _ => AuthMechanism::Plain,
        };
        let user = if how == b'L' { "u".repeat(400) } else { "user".into() };
        self.gives_secret = how == b's' || how == b'L';
        let exchange = Exchange::new(mechanism, &user, [0; NONCE]).expect("a user name");
        let result = self.machine.authenticate(exchange);
        match result {
            Ok(()) => {
                assert!(self.in_auth == 0 && self.open.is_empty() || !self.polling);
                assert!(!self.authenticated || !self.polling, "AUTH twice");
                assert!(self.secure == Some(true) || self.insecure_auth, "AUTH where it can be read");
                self.in_auth += 1;
            }
            Err(misuse) => {
                assert_printable(&misuse);
                let busy = !self.ready || self.in_auth > 0 || self.quit || self.machine.is_over();
                match misuse {
                    Misuse::NotReady => assert!(busy || !self.polling),
                    Misuse::TransactionOpen => assert!(!self.open.is_empty()),
                    Misuse::Authenticated => assert!(self.authenticated || !self.polling),
                    Misuse::InsecureAuth => assert!(self.secure != Some(true) && !self.insecure_auth),
                    Misuse::MechanismNotOffered => {
                        assert!(!self.machine.extensions().auth().any(|offered| offered == mechanism));
                    }
                    Misuse::NoChannelBinding => {
                        let bound = self.secure.is_some() && matches!(self.machine, Machine::Session(_));
                        assert!(mechanism.is_bound() && !bound);
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }

    pub(crate) fn respond(&mut self, what: u8) {
        let secret = if what == b'e' { "" } else { SECRET };
        let result = self.machine.respond(&secret.into());
        self.check_shown(&format!("{:?}", self.machine));
        self.turn_taken(result);
    }

    pub(crate) fn abort_auth(&mut self) {
        let result = self.machine.abort_auth();
        self.check_shown(&format!("{:?}", self.machine));
        self.turn_taken(result);
    }

    fn turn_taken(&mut self, result: Result<(), Misuse>) {
        let allowed = std::mem::take(&mut self.challenged) && !self.machine.is_over();
        if let Err(misuse) = &result {
            assert_printable(misuse);
        }
        if self.polling {
            assert_eq!(result, if allowed { Ok(()) } else { Err(Misuse::NoSecretWanted) });
        }
        // Answered before the event was taken.
        self.answered_early |= result.is_ok() && !allowed;
    }

    pub(crate) fn query(&mut self, what: u8) {
        if self.queries > MAX_MESSAGES {
            return;
        }
        let text = if what.is_ascii_uppercase() { "s\u{f6}meone" } else { "someone" };
        let text = QueryText::new(text).expect("a text");
        let query = match what {
            b'h' => Query::Help(None),
            b'H' => Query::Help(Some(text)),
            b'v' | b'V' => Query::Vrfy(text),
            b'e' | b'E' => Query::Expn(text),
            b'x' => Query::XClient(vec![(XClientName::Name, "a b".into())]),
            _ => Query::Noop,
        };
        let xclient = matches!(query, Query::XClient(_));
        let has_utf8 = self.machine.extensions().has(Extension::SmtpUtf8);
        match self.machine.query(query) {
            Ok(()) => {
                assert!(!what.is_ascii_uppercase() || what != b'H' && has_utf8 || !b"HVE".contains(&what));
                assert!(self.open.is_empty() || !self.polling);
                assert!(self.ready && !self.quit && self.in_auth == 0 || !self.polling);
                self.queries += 1;
                self.allowance += 4;
                if xclient {
                    self.ready = false;
                }
            }
            Err(misuse) => assert_printable(&misuse),
        }
    }

    pub(crate) fn quit(&mut self) {
        self.quit = true;
        self.machine.quit();
    }

    pub(crate) fn content(&mut self, chunk: Vec<u8>, last: bool) {
        if !self.polling {
            return;
        }
        let before = self.bytes_of_out();
        let Some(id) = self.wanted.take().filter(|_| before.is_empty()) else {
            let result = self.machine.body(self.now, &chunk, last, &mut self.out);
            let misuse = result.expect_err("nothing was wanted");
            assert_printable(&misuse);
            assert!(matches!(misuse, Misuse::BodyNotWanted | Misuse::OutputNotEmpty));
            assert!(before == self.bytes_of_out());
            return;
        };
        self.chunk = chunk;
        let result = self.machine.body(self.now, &self.chunk, last, &mut self.out);
        let in_chunks = self.chunks && self.machine.extensions().has(Extension::Chunking);
        let open = self.open.get_mut(&id).expect("content of an open transaction");
        assert!(open.rcpt.iter().flatten().any(Reply::is_positive), "content for nobody");
        match result {
            Ok(taken) => {
                assert!(taken <= self.chunk.len() && (taken > 0 || self.chunk.is_empty()));
                let mut framed = Vec::new();
                if in_chunks {
                    let ends = last && taken == self.chunk.len();
                    let line = open.chunk(&self.chunk[..taken], ends, &mut framed);
                    self.allowance += 2;
                    if self.trace
                        && let Some(line) = line
                    {
                        self.sent.push_back(line);
                    }
                    let appended = self.bytes_of_out();
                    self.on_output(&appended, &framed, ends.then_some(id));
                    return self.match_trace();
                }
                for &byte in &self.chunk[..taken] {
                    if byte == b'.' && open.last_byte.is_none_or(|before| before == b'\n') {
                        framed.push(b'.');
                    }
                    framed.push(byte);
                    open.last_byte = Some(byte);
                }
                let ends = last && taken == self.chunk.len();
                if ends {
                    let unfinished = open.last_byte.is_some_and(|byte| byte != b'\n');
                    framed.extend_from_slice(if unfinished { b"\r\n.\r\n" } else { b".\r\n" });
                }
                self.allowance += 1;
                let appended = self.bytes_of_out();
                self.on_output(&appended, &framed, ends.then_some(id));
            }
            Err(misuse) => {
                assert_printable(&misuse);
                assert!(matches!(misuse, Misuse::Content(_)), "{misuse}");
                let before = match open.last_byte {
                    Some(b'\n') => &b"\r\n"[..],
                    Some(b'\r') => b"\r",
                    _ => b"",
                };
                let content = [before, &self.chunk].concat();
                let bare = (0..content.len()).any(|at| is_bare(&content, at));
                let another_size = open.envelope.form().size.filter(|_| in_chunks).is_some_and(|size| {
                    let taken = open.taken + self.chunk.len() as u64;
                    taken > size || last && taken < size
                });
                assert!(bare || another_size, "content refused without a reason: {misuse}");
                self.must_be_over = true;
                assert!(self.machine.is_over() && self.out.is_empty());
            }
        }
    }
}

/// Asks for what a server need not offer, and for what a message must not go without.
fn with_options(envelope: Envelope, required: bool) -> Envelope {
    let mut options = MailOptions::default();
    options.ret = Some(Ret::Full);
    options.submitter = Some(Submitter::Unknown);
    options.priority = Priority::new(3).ok();
    options.deliver_by = DeliverBy::new(60, if required { ByMode::Return } else { ByMode::Notify }).ok();
    options.hold = required.then(|| Hold::seconds(600).expect("ten minutes"));
    options.require_tls = required;
    envelope.with_options(options).with_rcpt_options(|to| {
        let mut options = RcptOptions::default();
        options.notify = Some(Notify::DELAY);
        options.original = Some(Box::new(to.into()));
        options
    })
}

/// An address by letter.
fn address(letter: u8) -> Address {
    let text = match letter {
        b'u' => "\u{fc}@example.com",
        b'p' => "postmaster",
        b'l' => "a@[IPv6:2001:db8::1]",
        b'q' => "\"a b\\\"\"@example.com",
        b'b' => "b@example.net",
        b'c' => "c@example.net",
        _ => "a@example.com",
    };
    text.parse().expect("an address")
}
