//! What is sent: envelopes with all there is in them, and content.

use smtp_proto::envelope::{
    BodyType, ByMode, DeliverBy, EnvelopeId, Form, Hold, MailOptions, Notify, OriginalRecipient, Priority,
    RcptOptions, Ret, Submitter,
};
use smtp_proto::{Address, Envelope};

use crate::choices::Choices;
use crate::plan::{Pieces, Plan};

const SENDERS: &[&str] = &["from@a.example", "", "\u{fc}@a.example", "\"a b\"@a.example"];
const RECIPIENTS: &[&str] = &[
    "a@b.example",
    "b@b.example",
    "a@c.example",
    "a@d.example",
    "postmaster",
    "\u{fc}@b.example",
    "\"a \\\" b\"@b.example",
    "x@[192.0.2.1]",
];

/// Some of what stands in content, and nowhere else.
pub(crate) const LINES: &[&str] = &[SUBJECT, UNENDED, LINE, LONG_LINE];
const SUBJECT: &str = "Subject: x";
const UNENDED: &str = "no line end";
const LINE: &str = "A line of some length, and no dots in it at all, so that it goes in one piece.";
const LONG_LINE: &str =
    "A long line of content without dots; it is repeated until there is more than a chunk of it";

/// A message.
pub(crate) struct Mail {
    pub(crate) envelope: Envelope,
    pub(crate) content: Vec<u8>,
    /// No line end of the content is bare, or that does not matter.
    pub(crate) is_good: bool,
}

impl Mail {
    pub(crate) fn new(choices: &mut Choices, plan: &Plan) -> Self {
        let body =
            choices.pick(&[(7, BodyType::SevenBit), (2, BodyType::EightBitMime), (2, BodyType::BinaryMime)]);
        let mut content = content(choices, body, plan);
        let mut is_good = true;
        let is_sized = choices.pick(&[(6, true), (4, false)]) && !(plan.bulk && choices.chance(80));
        let mut size = is_sized.then_some(content.len() as u64);
        match choices.pick(&[(94, 0), (3, 1), (1, 2), (1, 3)]) {
            0 => {}
            1 => {
                let at = choices.index(content.len() + 1);
                let bare = choices.among(b"\n\r");
                is_good = body == BodyType::BinaryMime;
                content.insert(at, bare);
                // Beside its other half it would be no bare one.
                let around = &content[at.saturating_sub(1)..content.len().min(at + 2)];
                if !is_good && around.iter().filter(|byte| b"\r\n".contains(byte)).count() > 1 {
                    content[at] = b'x';
                    is_good = true;
                }
                size = size.map(|size| size + 1);
            }
            // By DATA nobody minds.
            2 => size = size.map(|size| size + 1),
            _ => size = size.map(|size| size.saturating_sub(1)),
        }
        let count = choices.pick(&[(6, 1), (3, 2), (3, 3), (1, 25)]);
        // Numbered ones are told apart.
        let to = (0..count).map(|i| match choices.chance(60) {
            true => format!("r{i}@b.example"),
            false => choices.among(RECIPIENTS).to_owned(),
        });
        let to: Vec<Address> = to.map(|to| to.parse().expect("an address")).collect();
        let sender = choices.pick(&[(6, 0), (1, 1), (1, 2), (1, 3)]);
        let sender: Option<Address> = SENDERS[sender].parse().ok();
        let mut envelope = Envelope::new(sender, to).expect("recipients").with_form(Form {
            size,
            body,
            smtputf8: choices.chance(5),
        });
        if choices.chance(30) {
            envelope = envelope.with_options(options(choices));
        }
        if choices.chance(25) {
            envelope = envelope.with_rcpt_options(|to| rcpt_options(choices, to));
        }
        Self { envelope, content, is_good }
    }
}

fn content(choices: &mut Choices, body: BodyType, plan: &Plan) -> Vec<u8> {
    let special: &[u8] = match body {
        BodyType::SevenBit => b"plain\r\n",
        BodyType::EightBitMime => b"\xfc\xe4\r\n",
        _ => b"\0\xff\n\r.\r\n",
    };
    let kind = choices.pick(&[(60, 0), (10, 1), (60, 2), (30, 3), (20, 4), (20, 5), (1, 6)]);
    let mut content = match if plan.bulk { 6 } else { kind } {
        0 => b"hi\r\n".to_vec(),
        1 => Vec::new(),
        2 => format!("{SUBJECT}\r\n\r\n.\r\n..\r\n.end\r\n").into_bytes(),
        3 => UNENDED.into(),
        4 => format!("{LINE}\r\n").repeat(choices.index(400)).into_bytes(),
        5 => b".\r\n".repeat(choices.index(400)),
        // More than a chunk of content without a size.
        // That would take too many steps.
        _ if plan.capacity < 1000 || plan.pieces == Pieces::Small => b"ordinary\r\n".to_vec(),
        _ => format!("{LONG_LINE}\r\n").repeat(12_000 + choices.index(12_000)).into_bytes(),
    };
    if !content.is_empty() && content.ends_with(b"\n") {
        content.extend_from_slice(special);
    }
    content
}

fn options(choices: &mut Choices) -> MailOptions {
    let mut options = MailOptions::default();
    if choices.chance(40) {
        options.ret = Some(choices.among(&[Ret::Full, Ret::Headers]));
    }
    if choices.chance(30) {
        options.envelope_id = EnvelopeId::new("order 17+1").ok();
    }
    if choices.chance(30) {
        let who = || Submitter::Mailbox("who+me@a.example".parse().expect("an address"));
        options.submitter = Some(if choices.chance(50) { who() } else { Submitter::Unknown });
    }
    options.require_tls = choices.chance(15);
    if choices.chance(30) {
        options.priority = Priority::new(i8::try_from(choices.below(10)).unwrap_or(0) - 4).ok();
    }
    if choices.chance(30) {
        let mode = choices.among(&[ByMode::Notify, ByMode::Return]);
        options.deliver_by = DeliverBy::new(choices.among(&[120, 99, 100]), mode).ok();
    }
    if choices.chance(20) {
        options.hold = match choices.below(4) {
            0 => Hold::seconds(3600).ok(),
            1 => Hold::seconds(3601).ok(),
            2 => Hold::until("2027-01-01T00:00:00Z").ok(),
            _ => Hold::until("2027-01-01T00:00:01Z").ok(),
        };
    }
    options
}

fn rcpt_options(choices: &mut Choices, to: &Address) -> RcptOptions {
    let mut options = RcptOptions::default();
    if choices.chance(50) {
        options.notify =
            Some(choices.among(&[Notify::NEVER, Notify::FAILURE, Notify::SUCCESS.and(Notify::DELAY)]));
    }
    if choices.chance(50) {
        options.original = Some(Box::new(OriginalRecipient::from(to)));
    }
    options
}
