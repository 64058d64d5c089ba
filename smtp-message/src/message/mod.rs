//! Messages built from typed parts (RFC 5322, RFC 2045).

mod builder;
mod fields;
mod parties;
mod plan;
mod problem;
mod resent;

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use smtp_proto::envelope::{BodyType, Form};
use smtp_proto::{Address, Extension, Extensions};

use builder::Given;
pub use builder::MessageBuilder;
pub use fields::{AutoSubmitted, Importance};
pub(crate) use parties::unique;
use plan::room;
pub(crate) use plan::{Boundaries, Held, Mode, Plan, PlanChunks};
pub use problem::{BuildError, Problem, Rule};
pub use resent::Resent;

use crate::part::Part;
use crate::{Chunks, Content, ContentError, MessageId};

/// A message, ready to be sent any number of times.  Cloning it copies nothing large.
///
/// ```
/// use smtp_message::{Message, Stamp};
/// # use std::time::Duration;
/// # let stamp = Stamp { unix_time: Duration::from_secs(1_781_522_645), random: [7; 32] };
///
/// let message = Message::builder()
///     .from("Ünal Example <unal@example.com>")
///     .to("\"Doe, John\" <john@example.org>")
///     .bcc("archive@example.com")
///     .subject("Grüße")
///     .header("X-Campaign", "spring")
///     .text("Hello\n")
///     .build(&stamp)?;
/// assert_eq!(message.recipients().len(), 2);
/// assert_eq!(
///     String::from_utf8(message.to_bytes()?)?,
///     "Date: Mon, 15 Jun 2026 11:24:05 +0000\r\n\
///      From: =?utf-8?Q?=C3=9Cnal_Example?= <unal@example.com>\r\n\
///      To: \"Doe, John\" <john@example.org>\r\n\
///      Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\
///      Message-ID: <A4DQOBYHA4DQOBYHA4DQOBYHA4@example.com>\r\n\
///      X-Campaign: spring\r\n\
///      MIME-Version: 1.0\r\n\
///      Content-Type: text/plain; charset=utf-8\r\n\
///      Content-Transfer-Encoding: 7bit\r\n\
///      \r\n\
///      Hello\r\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Message(Arc<Inner>);

struct Inner {
    plans: Plans,
    sender: Address,
    /// What it was made of, but for its parts: it is not moved, for that takes longer than all that is asked of it.
    given: Box<Given>,
    /// The addresses of the recipients, once somebody has asked for them.
    recipients: OnceLock<Vec<Address>>,
    message_id: MessageId,
    depth: u8,
    /// The headers are UTF-8 for every server.
    needs_utf8: bool,
}

/// How the message goes to a server.
enum Plans {
    /// In one way: everything is at hand, and no use is made of what servers can take.
    Fixed(Plan),
    Open(Box<Draft>),
}

/// What plans are made of.
struct Draft {
    /// The header section in ASCII, and in UTF-8, where they can be asked for.
    ascii: Option<Vec<u8>>,
    utf8: Option<Vec<u8>>,
    body: Part,
    random: [u8; 16],
    most: BodyType,
    /// What has been asked for; never locked while something is read.
    plans: Mutex<Vec<(Mode, Arc<Plan>)>>,
}

impl Message {
    /// A builder with nothing in it.
    pub fn builder() -> MessageBuilder {
        MessageBuilder::default()
    }

    /// Who sends it, for the reverse-path: Sender, or else the author; if it is resent, who does that.
    pub fn sender(&self) -> &Address {
        &self.0.sender
    }

    /// Whom it is for: To, Cc and Bcc in this order, each once; if it is resent, to whom.
    pub fn recipients(&self) -> &[Address] {
        self.0.recipients.get_or_init(|| self.0.given.parties.recipients())
    }

    /// Its identifier.
    pub fn message_id(&self) -> &MessageId {
        &self.0.message_id
    }

    /// Its octets, headers and body, in the form that every server takes, or the least that it needs.
    ///
    /// # Errors
    /// What keeps a part of it from being read; where all is at hand, nothing does.
    pub fn size(&self) -> Result<u64, ContentError> {
        Ok(self.plan_for(self.least())?.form.size.unwrap_or_default())
    }

    /// The same form of the message as one buffer, as it goes on the wire but for dot-stuffing.
    ///
    /// # Errors
    /// What keeps a part of it from being read; where all is at hand, nothing does.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ContentError> {
        self.plan_for(self.least())?.to_bytes()
    }

    /// The same without a copy where that can be: of a small message that nobody else has.
    ///
    /// # Errors
    /// What keeps a part of it from being read; where all is at hand, nothing does.
    pub fn into_bytes(mut self) -> Result<Vec<u8>, ContentError> {
        match Arc::get_mut(&mut self.0).map(|inner| &mut inner.plans) {
            Some(Plans::Fixed(plan)) => plan.take_bytes(),
            _ => self.to_bytes(),
        }
    }

    /// Writes the same form of the message.
    ///
    /// # Errors
    /// Those of `writer`, and what keeps a part of the message from being read, with the [`ContentError`] inside.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<()> {
        let mut chunk = Vec::new();
        let mut chunks = PlanChunks::new(self.plan_for(self.least()).map_err(io::Error::other)?);
        loop {
            let more = chunks.next(&mut chunk).map_err(io::Error::other)?;
            writer.write_all(&chunk)?;
            chunk.clear();
            if !more {
                return writer.flush();
            }
        }
    }

    /// What every server can take, or the least that the message needs.
    fn least(&self) -> Mode {
        Mode { most: BodyType::SevenBit, utf8: false }
    }

    pub(crate) fn depth(&self) -> u8 {
        self.0.depth
    }

    pub(crate) fn needs_utf8(&self) -> bool {
        self.0.needs_utf8
    }

    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self.0.plans, Plans::Fixed(_))
    }

    /// The plan of a message that has one only.
    pub(crate) fn fixed_plan(&self) -> Option<&Plan> {
        match &self.0.plans {
            Plans::Fixed(plan) => Some(plan),
            Plans::Open(_) => None,
        }
    }

    /// The plan that this form was told of.  None is made anew: data may be something else by now, of the same form.
    fn plan_of(&self, form: &Form) -> Option<Held> {
        let held = match &self.0.plans {
            Plans::Fixed(_) => Held::Own(self.clone()),
            Plans::Open(draft) => {
                let plans = draft.plans.lock().unwrap_or_else(PoisonError::into_inner);
                let (_, plan) = plans.iter().rfind(|(_, plan)| plan.form == *form)?;
                Held::Shared(Arc::clone(plan))
            }
        };
        (held.form == *form && held.is_current()).then_some(held)
    }

    /// The plan for a server, or a message around this one, that can take so much.
    pub(crate) fn plan_for(&self, mode: Mode) -> Result<Held, ContentError> {
        let draft = match &self.0.plans {
            Plans::Fixed(_) => return Ok(Held::Own(self.clone())),
            Plans::Open(draft) => draft,
        };
        let mode = Mode {
            most: plan::least(draft.most, mode.most),
            utf8: self.0.needs_utf8 || (mode.utf8 && draft.utf8.is_some()),
        };
        let known = {
            let plans = draft.plans.lock().unwrap_or_else(PoisonError::into_inner);
            plans.iter().find(|(other, _)| *other == mode).map(|(_, plan)| Arc::clone(plan))
        };
        if let Some(plan) = known
            && plan.is_current()
        {
            return Ok(Held::Shared(plan));
        }
        let head = if mode.utf8 { &draft.utf8 } else { &draft.ascii };
        let head = head.as_deref().unwrap_or_default();
        let mut flat = Vec::with_capacity(head.len() + room(&draft.body));
        flat.extend_from_slice(head);
        let plan = Arc::new(Plan::new(flat, &draft.body, &mut Boundaries::new(draft.random), mode)?);
        let mut plans = draft.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.retain(|(other, _)| *other != mode);
        plans.push((mode, Arc::clone(&plan)));
        Ok(Held::Shared(plan))
    }
}

impl Content for Message {
    fn form(&self, extensions: &Extensions) -> Result<Form, ContentError> {
        let has = |extension| extensions.has(extension);
        let most = if has(Extension::BinaryMime) && has(Extension::Chunking) {
            BodyType::BinaryMime
        } else if has(Extension::EightBitMime) {
            BodyType::EightBitMime
        } else {
            BodyType::SevenBit
        };
        Ok(self.plan_for(Mode { most, utf8: has(Extension::SmtpUtf8) })?.form)
    }

    fn open(&self, form: &Form) -> Result<Box<dyn Chunks>, ContentError> {
        let plan = self.plan_of(form).ok_or(ContentError::Changed)?;
        Ok(Box::new(PlanChunks::new(plan)))
    }
}

impl Chunks for PlanChunks {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        PlanChunks::next(self, out)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("sender", self.sender())
            .field("recipients", &self.recipients())
            .field("message_id", &self.0.message_id.as_str())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
