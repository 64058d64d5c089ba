//! The server, which decides at random and keeps what it takes.

use std::collections::VecDeque;

use smtp_proto::command::MailParameters;
use smtp_proto::reply::{Code, Reply};
use smtp_proto::server::{AuthMessage, Config, Event, Next, Recipient, Response, Server};
use smtp_proto::{Address, AuthMechanism, Instant, Output};

use crate::choices::Choices;
use crate::engine::{Shared, lock};
use crate::saboteur::Saboteur;
use crate::scram::Scram;

/// What CRAM-MD5 is asked to sign.
pub(crate) const CRAM_CHALLENGE: &[u8] = b"<1896.697170952@mx.example>";

/// A message that the server has taken, for all its recipients or by LMTP for one.
pub(crate) struct Taken {
    pub(crate) sender: Option<Address>,
    pub(crate) parameters: MailParameters,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) content: Vec<u8>,
    /// What stands in the reply.
    pub(crate) tag: String,
}

/// What the server waits for a decision about.
enum Question {
    Auth,
    AuthMessage(AuthMessage),
    Mail(Option<Address>, Box<MailParameters>),
    Rcpt(Recipient),
    Message(Option<Recipient>),
    Query,
}

#[derive(Default)]
struct Transaction {
    sender: Option<Address>,
    parameters: MailParameters,
    recipients: Vec<Recipient>,
    content: Vec<u8>,
}

pub(crate) struct Peer {
    server: Server,
    out: Output,
    /// What the saboteur has left of the output, and how much of the output that is.
    pub(crate) outgoing: VecDeque<u8>,
    unreported: usize,
    saboteur: Shared<Saboteur>,
    question: Option<Question>,
    transaction: Option<Transaction>,
    pub(crate) taken: Vec<Taken>,
    scram: Scram,
    replies: u32,
    pub(crate) is_closed: bool,
    accepts: u32,
}

impl Peer {
    pub(crate) fn new(config: Config, saboteur: Shared<Saboteur>, accepts: u32, now: Instant) -> Self {
        Self {
            server: Server::new(config.into(), now),
            out: Output::new(),
            outgoing: VecDeque::new(),
            unreported: 0,
            saboteur,
            question: None,
            transaction: None,
            taken: Vec::new(),
            scram: Scram::default(),
            replies: 0,
            is_closed: false,
            accepts,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.server.deadline().filter(|_| !self.is_closed)
    }

    pub(crate) fn wants_input(&self) -> bool {
        self.server.wants_input() && !self.is_closed
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.question.is_some()
    }

    pub(crate) fn input(&mut self, now: Instant, bytes: &[u8]) {
        match bytes {
            [] => self.server.handle_eof(now),
            bytes => self.server.handle_input(now, bytes),
        }
        self.settle(now);
    }

    pub(crate) fn timeout(&mut self, now: Instant) {
        self.server.handle_timeout(now);
        self.settle(now);
    }

    /// So much of what is outgoing was written.
    pub(crate) fn write(&mut self, now: Instant, n: usize) -> Vec<u8> {
        let bytes = self.outgoing.drain(..n).collect();
        self.report(now);
        self.settle(now);
        bytes
    }

    fn report(&mut self, now: Instant) {
        if self.outgoing.is_empty() && self.unreported > 0 {
            let n = std::mem::take(&mut self.unreported);
            self.out.clear();
            self.server.handle_written(now, n);
        }
    }

    /// Does what can be done without a decision.
    pub(crate) fn settle(&mut self, now: Instant) {
        while !self.is_closed {
            match self.server.poll(now, &mut self.out) {
                Next::Event(event) => self.on_event(event),
                next => {
                    self.is_closed = matches!(next, Next::Closed(_));
                    if self.unreported > 0 || self.out.is_empty() {
                        return;
                    }
                    self.unreported = self.out.len();
                    let mut bytes = Vec::new();
                    if let Ok(slices) = self.out.slices(&[]) {
                        slices.for_each(|slice| bytes.extend_from_slice(slice));
                    }
                    let mut saboteur = lock(&self.saboteur);
                    if saboteur.is_inside {
                        self.outgoing.extend(bytes);
                    } else {
                        let mut changed = Vec::new();
                        saboteur.pass(&bytes, &mut changed);
                        self.outgoing.extend(changed);
                    }
                    drop(saboteur);
                    self.report(now);
                    if self.unreported > 0 {
                        return;
                    }
                }
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Auth(_) => self.question = Some(Question::Auth),
            Event::AuthMessage(message) => self.question = Some(Question::AuthMessage(message)),
            Event::Mail { sender, parameters } => {
                self.question = Some(Question::Mail(sender, Box::new(parameters)));
            }
            Event::Rcpt { recipient } => self.question = Some(Question::Rcpt(recipient)),
            Event::Message => self.question = Some(Question::Message(None)),
            Event::MessageFor { recipient } => self.question = Some(Question::Message(Some(recipient))),
            Event::Query(_) => self.question = Some(Question::Query),
            Event::Body(bytes) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.content.extend_from_slice(&bytes);
                }
            }
            Event::Reset => self.transaction = None,
            _ => {}
        }
    }

    /// Answers what is asked; each answer has a text of its own.
    pub(crate) fn decide(&mut self, now: Instant, choices: &mut Choices) {
        let Some(question) = self.question.take() else { return };
        let good = choices.chance(self.accepts);
        if let Question::AuthMessage(message) = &question
            && let Some(challenge) = self.challenge(message, good, choices)
        {
            self.server.respond(Response::challenge(challenge));
            return self.settle(now);
        }
        let (positive, negative): (&[u16], &[u16]) = match &question {
            Question::Auth | Question::AuthMessage(_) => (&[235], &[535, 454, 534, 550]),
            Question::Mail(..) => (&[250, 251], &[550, 451, 553, 503, 452]),
            Question::Rcpt(_) => (&[250, 251, 252], &[550, 450, 452, 552, 553]),
            Question::Message(_) => (&[250, 299], &[550, 451, 554, 552, 500]),
            Question::Query => (&[250, 252, 214], &[550, 502, 451]),
        };
        let mut code = choices.among(if good { positive } else { negative });
        if !good && choices.chance(4) {
            code = 421;
        }
        self.replies += 1;
        let tag = format!("d{}.", self.replies);
        let enhanced = match (choices.below(3), code / 100) {
            (0, _) => String::new(),
            (1, class) => format!("{class}.5.3 "),
            (_, class) => format!("{class}.7.1 "),
        };
        let more = if choices.chance(10) { "\nand more" } else { "" };
        let reply = Code::new(code).and_then(|code| Reply::new(code, &format!("{enhanced}{tag}{more}")).ok());
        self.server.respond(reply.map_or_else(Response::defer, Response::reply));
        match (question, code / 100 == 2) {
            (Question::Mail(sender, parameters), true) => {
                let parameters = *parameters;
                self.transaction = Some(Transaction { sender, parameters, ..Transaction::default() });
            }
            (Question::Rcpt(recipient), true) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.recipients.push(recipient);
                }
            }
            (Question::Message(for_one), accepted) => {
                if let (Some(transaction), true) = (&self.transaction, accepted) {
                    let all = || transaction.recipients.clone();
                    self.taken.push(Taken {
                        sender: transaction.sender.clone(),
                        parameters: transaction.parameters.clone(),
                        recipients: for_one.clone().map_or_else(all, |one| vec![one]),
                        content: transaction.content.clone(),
                        tag,
                    });
                }
                // By LMTP there may be more questions about it; MAIL begins anew.
                if for_one.is_none() {
                    self.transaction = None;
                }
            }
            _ => {}
        }
        self.settle(now);
    }

    /// What the server says in a mechanism that goes on.
    fn challenge(&mut self, message: &AuthMessage, good: bool, choices: &mut Choices) -> Option<Vec<u8>> {
        let said = message.response.as_deref().unwrap_or_default();
        match (message.mechanism, message.round) {
            (AuthMechanism::XOAuth2 | AuthMechanism::OAuthBearer, 0) if !good && choices.chance(60) => {
                Some(br#"{"status":"invalid_token","scope":"mail"}"#.to_vec())
            }
            (AuthMechanism::External | AuthMechanism::XOAuth2 | AuthMechanism::OAuthBearer, _) => None,
            // One that does not prompt says yes or no too early.
            (AuthMechanism::CramMd5, 0) if good || choices.chance(60) => {
                Some(choices.among(&[CRAM_CHALLENGE, b"\xff"]).to_vec())
            }
            (AuthMechanism::CramMd5, _) => None,
            // Most others go on; one that does not says yes or no too early.
            (_, 0) if good => Some(self.scram.first(said).into_bytes()),
            (mechanism, 1) if good => Some(self.scram.last(mechanism, said).into_bytes()),
            (_, 0) if choices.chance(60) => Some(
                choices
                    .among(&[
                        &b"r=other,s=QQ==,i=4096"[..],
                        b"r=AAAAAAAAAAAAAAAAAAAAAAAAx,s=QQ==,i=1",
                        b"",
                        b"m=x",
                    ])
                    .to_vec(),
            ),
            (_, 1) if choices.chance(60) => {
                Some(choices.among(&[&b"v=QQ=="[..], b"e=other-error", b""]).to_vec())
            }
            _ => None,
        }
    }

    /// What the server replied that only a client's mistake can bring about.
    pub(crate) fn complaint(&self) -> Option<String> {
        lock(&self.saboteur).complaint.clone()
    }
}
