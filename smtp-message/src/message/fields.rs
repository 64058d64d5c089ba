//! Fields beside those that every message has: by name, for lists (RFC 2369, RFC 2919, RFC 8058), for programs that
//! answer by themselves (RFC 3834), and what people sort by.

use std::collections::HashSet;

use super::builder::MessageBuilder;
use super::problem::{BuildError, Rule};
use super::resent::Resent;
use crate::HeaderValue;
use crate::header::{Other, Value, find_forbidden, name_problem, value_problem};
use crate::steps;

/// Fields that no caller can set by name: the builder writes them, or they are of the envelope; with `-` at the end, all that
/// begin so.
const OWN: [&str; 15] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Content-",
    "Resent-",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Return-Path",
];

/// Fields whose values programs read, and so have a form that encoding would break; with `-` at the end, all that
/// begin so.
const STRUCTURED: [&str; 11] = [
    "List-",
    "Received",
    "Received-",
    "DKIM-",
    "ARC-",
    "DomainKey-",
    "Authentication-Results",
    "Disposition-Notification-To",
    "Auto-Submitted",
    "Importance",
    "Keywords",
];

/// Fields that a message may have once (RFC 2369 section 3, RFC 2919 section 3, RFC 8058 section 4, RFC 3834 section 5, RFC
/// 8098 section 2.1), whoever gives them.
const ONCE: [&str; 11] = [
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Help",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Auto-Submitted",
    "Importance",
    "Disposition-Notification-To",
];

/// Octets of a URI: with its brackets a line of 998 holds it, whatever the name of the field.
const URI_LIMIT: usize = 900;

/// How a message came about that no person wrote (RFC 3834 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AutoSubmitted {
    /// By a program on its own, such as a report every night.
    Generated,
    /// As an answer to another message, such as a vacation notice.
    Replied,
    /// A person wrote it after all.
    No,
}

/// How important a message is (RFC 2156 section 5.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Importance {
    /// More than others.
    High,
    /// As all others.
    Normal,
    /// Less than others.
    Low,
}

impl MessageBuilder {
    /// Adds any other field, with a value that is text for people (what ASCII cannot say is encoded), or of one of the
    /// types that [`HeaderValue`] has.  Fields of one name keep their order.
    ///
    /// Fields whose values are for programs (such as `List-Unsubscribe`) do not take text.
    pub fn header(self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
        let (name, value) = (name.into(), value.into());
        let text = matches!(value, HeaderValue::Text(_));
        let rule = (text && is_among(&name, &STRUCTURED)).then_some(Rule::Structured);
        self.named(name, value, rule)
    }

    /// Adds any other field, with a value that has the form which programs expect of it:
    /// [`header`](Self::header) with [`HeaderValue::Raw`].
    ///
    /// ```
    /// # use smtp_message::Message;
    /// let builder = Message::builder().header_raw("X-Spam-Status", "No, score=-2.0 required=5.0");
    /// ```
    pub fn header_raw(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.header(name, HeaderValue::Raw(value.into()))
    }

    /// Lets [`header`](Self::header) and [`header_raw`](Self::header_raw) set only fields of these names, whether they
    /// are called before or after: for programs that take headers from their users.  A name that ends in `*` stands for
    /// all that begin so.  Called again it adds names.
    ///
    /// ```
    /// use smtp_message::{Message, Rule, Stamp};
    /// # let stamp = Stamp { unix_time: std::time::Duration::ZERO, random: [0; 32] };
    ///
    /// let builder = Message::builder().from("a@example.com").to("b@example.org").allow_headers(["X-*", "Comments"]);
    /// assert!(builder.clone().header("x-id", "1").build(&stamp).is_ok());
    /// let error = builder.header("Received", "from nowhere").build(&stamp).unwrap_err();
    /// assert_eq!(error.problems()[0].field(), "Received");
    /// ```
    pub fn allow_headers(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let lower = |name: String| name.to_ascii_lowercase();
        self.0.allowed.get_or_insert_default().extend(names.into_iter().map(Into::into).map(lower));
        self
    }

    /// Notes what is wrong with the fields that hardly any message has.
    #[inline(never)] // and so this is not in the way of what all messages need
    pub(super) fn check_others(&mut self, problems: &mut BuildError) {
        // A message does not keep it.
        if let Some(allowed) = self.0.allowed.take() {
            self.check_allowed(&allowed, problems);
        }
        self.check_once(problems);
    }

    fn check_allowed(&self, allowed: &[String], problems: &mut BuildError) {
        let (starts, whole): (HashSet<&str>, HashSet<&str>) =
            allowed.iter().map(String::as_str).partition(|name| name.ends_with('*'));
        let starts: HashSet<&str> = starts.iter().map(|start| start.trim_end_matches('*')).collect();
        for Other { name, .. } in self.0.others.iter().filter(|other| other.named) {
            let lower = name.to_ascii_lowercase();
            steps::add(lower.len());
            // Names are short, and the list need not be.
            let starts_so = |end| lower.get(..end).is_some_and(|start| starts.contains(start));
            if !whole.contains(&*lower) && !(0..=lower.len()).any(starts_so) {
                problems.add("", name, Rule::NotAllowed);
            }
        }
    }

    fn check_once(&self, problems: &mut BuildError) {
        let mut counts = [0_usize; ONCE.len()];
        for Other { name, .. } in &self.0.others {
            let Some(at) = ONCE.iter().position(|once| once.eq_ignore_ascii_case(name)) else { continue };
            counts[at] += 1;
            if counts[at] == 2 {
                problems.add("", ONCE[at], Rule::Repeated);
            }
        }
    }

    /// Adds a comment on the message.
    pub fn comments(self, text: impl Into<String>) -> Self {
        self.own("Comments", Value::Given(HeaderValue::Text(text.into())))
    }

    /// Adds words or phrases that the message is about.
    pub fn keywords<K: Into<String>>(self, keywords: impl IntoIterator<Item = K>) -> Self {
        let phrases = keywords.into_iter().map(Into::into).collect();
        self.own("Keywords", Value::Given(HeaderValue::Phrases(phrases)))
    }

    /// Says that no person wrote the message, so that no program answers it.
    pub fn auto_submitted(self, how: AutoSubmitted) -> Self {
        let how = match how {
            AutoSubmitted::Generated => "auto-generated",
            AutoSubmitted::Replied => "auto-replied",
            AutoSubmitted::No => "no",
        };
        self.own("Auto-Submitted", Value::Token(how))
    }

    /// Says how important the message is.
    pub fn importance(self, importance: Importance) -> Self {
        let importance = match importance {
            Importance::High => "high",
            Importance::Normal => "normal",
            Importance::Low => "low",
        };
        self.own("Importance", Value::Token(importance))
    }

    /// Says which list the message is of (RFC 2919): a description for people, which may be empty, and a name in a
    /// domain of the list's owner, such as `announce.example.com`.
    pub fn list_id(mut self, description: impl Into<String>, id: &str) -> Self {
        let description = description.into();
        let label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        };
        if let Some(at) = find_forbidden(&description).or_else(|| description.find('\t')) {
            self.problem("List-Id", Rule::Control { at });
            return self;
        }
        if id.len() > 255 || !id.split('.').all(label) {
            self.problem("List-Id", Rule::Token);
            return self;
        }
        self.own("List-Id", Value::Named(description, id.to_owned()))
    }

    /// Says where to leave the list (RFC 2369 section 3.2): `mailto:`, `https:` or `http:` URIs, the best first.
    pub fn list_unsubscribe<U: Into<String>>(self, uris: impl IntoIterator<Item = U>) -> Self {
        self.uris("List-Unsubscribe", uris)
    }

    /// Says where to leave the list with one click and no question (RFC 8058): an `https:` URI that takes a POST request
    /// and knows the recipient by itself, and a `mailto:` URI beside it if there is one.  The message has to be signed by
    /// DKIM, both fields covered, or mail programs offer no such click.
    ///
    /// ```
    /// # use smtp_message::Message;
    /// let builder = Message::builder().list_unsubscribe_one_click("https://example.com/u?id=4711", None);
    /// ```
    pub fn list_unsubscribe_one_click(mut self, https: &str, mailto: Option<&str>) -> Self {
        if !is_uri(https, &["https"]) || mailto.is_some_and(|uri| !is_uri(uri, &["mailto"])) {
            self.problem("List-Unsubscribe", Rule::Uri);
            return self;
        }
        self.uris("List-Unsubscribe", mailto.into_iter().chain([https]))
            .own("List-Unsubscribe-Post", Value::Token("List-Unsubscribe=One-Click"))
    }

    /// Says where to learn about the list.
    pub fn list_help<U: Into<String>>(self, uris: impl IntoIterator<Item = U>) -> Self {
        self.uris("List-Help", uris)
    }

    /// Says where to join the list.
    pub fn list_subscribe<U: Into<String>>(self, uris: impl IntoIterator<Item = U>) -> Self {
        self.uris("List-Subscribe", uris)
    }

    /// Says where to write to the list; nothing is for a list that nobody writes to.
    pub fn list_post<U: Into<String>>(self, uris: impl IntoIterator<Item = U>) -> Self {
        let uris: Vec<String> = uris.into_iter().map(Into::into).collect();
        match uris.is_empty() {
            true => self.own("List-Post", Value::Token("NO")),
            false => self.uris("List-Post", uris),
        }
    }

    /// Says whose the list is.
    pub fn list_owner<U: Into<String>>(self, uris: impl IntoIterator<Item = U>) -> Self {
        self.uris("List-Owner", uris)
    }

    /// Says where the messages of the list are kept.
    pub fn list_archive<U: Into<String>>(self, uris: impl IntoIterator<Item = U>) -> Self {
        self.uris("List-Archive", uris)
    }

    /// Puts the fields of one who passes the message on above it (RFC 5322 section 3.6.6).  Called again it passes it on
    /// once more; the envelope is that of the last.
    pub fn resent(mut self, resent: Resent) -> Self {
        self.0.resent.push(resent);
        self
    }

    fn named(mut self, name: String, value: HeaderValue, rule: Option<Rule>) -> Self {
        let rule = name_problem(&name)
            .or(is_among(&name, &OWN).then_some(Rule::OwnMethod))
            .or(rule)
            .or_else(|| value_problem(&name, &value));
        match rule {
            Some(rule) => self.problem(&name, rule),
            None => self.0.others.push(Other { name: name.into(), value: Value::Given(value), named: true }),
        }
        self
    }

    fn own(mut self, name: &'static str, value: Value) -> Self {
        let rule = match &value {
            Value::Given(value) => value_problem(name, value),
            _ => None,
        };
        match rule {
            Some(rule) => self.problem(name, rule),
            None => self.0.others.push(Other { name: name.into(), value, named: false }),
        }
        self
    }

    fn uris<U: Into<String>>(mut self, name: &'static str, uris: impl IntoIterator<Item = U>) -> Self {
        let uris: Vec<String> = uris.into_iter().map(Into::into).collect();
        if uris.is_empty() {
            self.problem(name, Rule::Nothing);
            return self;
        }
        if uris.iter().any(|uri| !is_uri(uri, &["https", "http", "mailto"])) {
            self.problem(name, Rule::Uri);
            return self;
        }
        self.own(name, Value::Uris(uris))
    }
}

/// Whether a name is among others, of which those with `-` at the end stand for all that begin so.
fn is_among(name: &str, others: &[&str]) -> bool {
    others.iter().any(|other| {
        let start = if other.ends_with('-') { name.get(..other.len()) } else { Some(name) };
        start.is_some_and(|start| start.eq_ignore_ascii_case(other))
    })
}

/// Whether a text can stand in angle brackets as a URI of one of these schemes (RFC 3986): what is not printable ASCII,
/// or could end it, must be percent-encoded.
fn is_uri(text: &str, schemes: &[&str]) -> bool {
    let legal = |b: u8| b.is_ascii_graphic() && !b"<>,\"\\^`{|}".contains(&b);
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let rest = match scheme.eq_ignore_ascii_case("mailto") {
        true => Some(rest),
        false => rest.strip_prefix("//").filter(|rest| !rest.starts_with(['/', '?', '#'])),
    };
    schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme))
        && rest.is_some_and(|rest| !rest.is_empty())
        && text.len() <= URI_LIMIT
        && text.bytes().all(legal)
}
