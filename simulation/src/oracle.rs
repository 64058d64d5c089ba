//! What must hold whatever the [model](crate::model) says: between what the client tells and what crossed the network and
//! reached the server.

use std::sync::LazyLock;

use data_encoding::BASE64;
use smtp_proto::client::{Failure, Outcome, TlsMode, TransactionId};
use smtp_proto::command::MailParameters;
use smtp_proto::envelope::BodyType;

use crate::auth::PASSWORD;
use crate::engine::lock;
use crate::mail::{LINES, Mail};
use crate::peer::{CRAM_CHALLENGE, Taken};
use crate::world::World;

/// The password, its base64 wherever it may begin, and the bytes of either as `Debug` has them.
static SECRETS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let encoded = (0..3).map(|before| {
        let text = BASE64.encode(format!("{}{PASSWORD}", "x".repeat(before)).as_bytes());
        // What depends on the neighbours is left out.
        text[if before == 0 { 0 } else { 4 }..text.len() - 4].to_owned()
    });
    let texts = encoded.chain([PASSWORD.to_owned()]);
    texts.flat_map(|text| [bytes_of(&text), text]).collect()
});
/// Some of what content may be, in the same way.
static CONTENT: LazyLock<Vec<String>> =
    LazyLock::new(|| LINES.iter().flat_map(|line| [bytes_of(line), (*line).to_owned()]).collect());
static CHALLENGE: LazyLock<String> = LazyLock::new(|| BASE64.encode(CRAM_CHALLENGE));

fn bytes_of(text: &str) -> String {
    text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")
}

fn has_secret(text: &str) -> bool {
    SECRETS.iter().any(|secret| text.contains(secret.as_str()))
}

/// Whether something is shown that must not be.
pub(crate) fn is_private(world: &World<'_>, shown: &str) -> bool {
    let has = |text: &String| shown.contains(text.as_str());
    // With another code it is no challenge.
    has_secret(shown) || CONTENT.iter().any(has) || world.is_honest() && has(&CHALLENGE)
}

/// What the client puts out.
pub(crate) fn wrote(world: &World<'_>, wrote: &[u8], in_tls: bool) -> Option<String> {
    let sealed = in_tls || world.plan.bare && world.has_bare_tls;
    let trusted = sealed && world.plan.script.verified;
    let must = matches!(world.plan.mode, TlsMode::StartTls | TlsMode::Implicit);
    // Content is not searched; it is long, and comes first of all if it comes.
    let text = String::from_utf8_lossy(&wrote[..wrote.len().min(4096)]);
    if must && !sealed && !text.starts_with("EHLO ") && !text.starts_with("LHLO ") && text != "STARTTLS\r\n" {
        return Some(format!("{text} before TLS"));
    }
    if has_secret(&text) && !trusted && !world.plan.config.allow_insecure_auth {
        return Some("credentials without verified TLS".into());
    }
    None
}

/// What must hold while the client waits.
pub(crate) fn resting(world: &mut World<'_>) -> Option<String> {
    // One command, or the verdicts on a message, may go beyond the limit.
    let most = world.plan.config.pipeline_limit + 1200;
    if world.model.unanswered() > most {
        return Some(format!("{} bytes of commands without an answer", world.model.unanswered()));
    }
    // Commands up to the limit, a block of content with as many dots, or a chunk.
    if world.out.len() > (1 << 20) + (32 << 10) {
        return Some(format!("{} bytes of output at once", world.out.len()));
    }
    // Several replies, what came in at once and the caller's envelopes; and a chunk, once as it is and once for TLS.
    let most = (160 << 10) + if world.app.has_unsized { 2 << 20 } else { 0 };
    if world.client.most_memory() > most {
        return Some(format!("{} bytes of memory", world.client.most_memory()));
    }
    // What a client has not had it cannot show.
    if (world.app.has_told_secret || !world.handed.is_empty()) && is_private(world, &world.client.shown()) {
        return Some("what nobody else may see is shown".into());
    }
    if world.client.is_reusable() && !world.mails.is_empty() {
        return Some("reusable with a message under way".into());
    }
    None
}

/// What became of a message.
pub(crate) fn finished(world: &World<'_>, id: TransactionId, outcomes: &[Outcome]) -> Option<String> {
    let mail = world.mails.get(&id)?;
    outcomes.iter().enumerate().find_map(|(i, outcome)| one(world, mail, i, outcome))
}

fn one(world: &World<'_>, mail: &Mail, i: usize, outcome: &Outcome) -> Option<String> {
    let reply = outcome.reply();
    match outcome {
        Outcome::Delivered(reply) => {
            if !reply.is_positive() {
                return Some(format!("delivered by {reply}"));
            }
            if !mail.is_good {
                return Some("delivered, though its content cannot be sent".into());
            }
            if !world.is_honest() {
                return None;
            }
            // The very reply to the very message for the very recipient.
            let text = reply.to_string();
            match world.peer.taken.iter().find(|taken| text.contains(&taken.tag)) {
                None => Some(format!("the server never said {text}")),
                Some(taken) => compare(world, mail, i, taken),
            }
        }
        Outcome::Rejected(Failure::Refused { phase, reply }) => {
            (reply.code().get() / 100 != 5).then(|| format!("rejected by {reply} {phase}"))
        }
        Outcome::Deferred(Failure::Refused { .. }) => reply.is_none().then(|| "deferred by no reply".into()),
        Outcome::Deferred(Failure::Connection(_)) => None,
        // Whoever had a reply knows what it said.
        Outcome::Ambiguous(failure) => {
            (!matches!(failure, Failure::Connection(_))).then(|| format!("ambiguous: {failure}"))
        }
        _ => None,
    }
}

/// Compares what the server has with what it should have.
fn compare(world: &World<'_>, mail: &Mail, i: usize, taken: &Taken) -> Option<String> {
    let (envelope, to) = (&mail.envelope, &mail.envelope.recipients()[i]);
    if taken.sender.as_ref() != envelope.sender() {
        return Some(format!("from {:?}", taken.sender));
    }
    let Some(recipient) = taken.recipients.iter().find(|recipient| recipient.address == *to) else {
        return Some(format!("not to {to}"));
    };
    let extensions = world.model.extensions();
    let options = envelope.rcpt_options(i);
    let same_options =
        taken.recipients.iter().any(|recipient| recipient.address == *to && recipient.options == *options);
    if extensions.has(smtp_proto::Extension::Dsn) && !same_options {
        return Some(format!("with {:?} for {to}", recipient.options));
    }
    let MailParameters { size, body, options, .. } = &taken.parameters;
    let is_sized = extensions.has(smtp_proto::Extension::Size);
    if *size != envelope.form().size.filter(|_| is_sized) || body.unwrap_or_default() != envelope.form().body
    {
        return Some(format!("as {:?}", taken.parameters));
    }
    if (options.require_tls, &options.hold) != (envelope.options().require_tls, &envelope.options().hold) {
        return Some(format!("with {options:?}"));
    }
    // By DATA a last line gets its end.
    let content = taken.content.strip_suffix(b"\r\n").filter(|start| *start == mail.content);
    if taken.content != mail.content && (content.is_none() || envelope.form().body == BodyType::BinaryMime) {
        return Some(format!("with {} bytes of other content", taken.content.len()));
    }
    None
}

/// What must hold in the end.
pub(crate) fn closed(world: &World<'_>) -> Option<String> {
    if !world.is_honest() {
        return None;
    }
    if let Some(complaint) = world.peer.complaint() {
        return Some(format!("the server complains: {complaint}"));
    }
    if let Some(reply) = &world.model.taken_in_vain {
        return Some(format!("the server took a message for somebody, and nobody has it: {reply}"));
    }
    let tap = lock(&world.tap);
    (tap.begun && tap.server_name != "mx.example").then(|| format!("TLS with {}", tap.server_name))
}
