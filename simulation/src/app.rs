//! The caller: what it asks for, when, and when it should not.

use std::time::Duration;

use smtp_proto::Instant;
use smtp_proto::client::{Event, Misuse, TransactionId};
use smtp_proto::command::{Query, QueryText, XClientName};

use crate::auth::Login;
use crate::choices::Choices;
use crate::mail::Mail;
use crate::plan::{Mood, Plan};
use crate::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Login,
    Query,
    Send,
    Misuse,
    Quit,
}

/// When the next act is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    At(Instant),
    /// When nothing is open.
    Idle,
}

pub(crate) struct App {
    /// The last one comes first.
    todo: Vec<Act>,
    when: When,
    is_ready: bool,
    /// Queries without an answer, and whether one of them is XCLIENT.
    asked: u32,
    asked_xclient: bool,
    pub(crate) has_quit: bool,
    cancels: Vec<(Instant, TransactionId)>,
    ids: Vec<TransactionId>,
    pub(crate) login: Option<Login>,
    /// Content whose size nobody knows was announced.
    pub(crate) has_unsized: bool,
    /// The client has had the password.
    pub(crate) has_told_secret: bool,
    /// When a challenge is answered.
    pub(crate) answer_at: Option<Instant>,
    /// When the caller's handshake is done.
    tls_at: Option<Instant>,
    /// Quits at this time, whatever is going on.
    early_quit: Option<Instant>,
}

impl App {
    pub(crate) fn new(choices: &mut Choices, plan: &Plan) -> Self {
        let mut todo = Vec::new();
        if choices.chance(35) {
            todo.push(Act::Login);
        }
        for _ in 0..choices.below(if plan.mood == Mood::Fickle { 7 } else { 5 }) {
            todo.push(choices.pick(&[(6, Act::Send), (1, Act::Query), (1, Act::Misuse), (1, Act::Login)]));
        }
        if !todo.contains(&Act::Send) && choices.chance(90) {
            todo.push(Act::Send);
        }
        todo.push(Act::Quit);
        if choices.chance(5) {
            todo.push(Act::Misuse);
        }
        todo.reverse();
        let early_quit = choices.chance(2).then(|| {
            Instant::from_duration(
                Duration::from_secs(100) + Duration::from_millis(choices.below(4000).into()),
            )
        });
        Self {
            todo,
            when: When::Idle,
            is_ready: false,
            asked: 0,
            asked_xclient: false,
            has_quit: false,
            cancels: Vec::new(),
            ids: Vec::new(),
            login: None,
            has_unsized: false,
            has_told_secret: false,
            answer_at: None,
            tls_at: None,
            early_quit,
        }
    }

    /// When the caller has something to do.
    pub(crate) fn due(&self, world: &World<'_>) -> Option<Instant> {
        let busy = world.model.is_in_auth() || self.asked_xclient;
        let idle = !busy && self.asked == 0 && world.mails.is_empty();
        let next = match self.when {
            _ if self.todo.is_empty() || !self.is_ready || world.model.is_over() => None,
            When::At(at) if !busy => Some(at),
            When::Idle if idle => Some(world.now),
            _ => None,
        };
        let cancel = self.cancels.iter().map(|(at, _)| *at).min();
        let early = self.early_quit.filter(|_| !self.has_quit && !world.model.is_over());
        [next, cancel, self.answer_at, self.tls_at, early].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn act(world: &mut World<'_>) {
        let now = world.now;
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(world.app.tls_at) {
            world.app.tls_at = None;
            return Self::tls_ready(world);
        }
        if is_due(world.app.answer_at) {
            world.app.answer_at = None;
            return Login::answer(world);
        }
        if let Some(i) = world.app.cancels.iter().position(|(at, _)| *at <= now) {
            let (_, id) = world.app.cancels.remove(i);
            return Self::cancel(world, id);
        }
        if is_due(world.app.early_quit) {
            world.app.early_quit = None;
            return Self::quit(world);
        }
        match world.app.todo.pop() {
            Some(Act::Login) => Login::begin(world),
            Some(Act::Query) => Self::query(world),
            Some(Act::Send) => Self::send(world),
            Some(Act::Misuse) => Self::misuse(world),
            Some(Act::Quit) => Self::quit(world),
            None => {}
        }
        world.app.when = match world.choices.pick(&[(10, 0), (4, 1), (5, 2), (1, 3)]) {
            0 => When::At(now),
            1 => When::At(now + Duration::from_millis(world.choices.below(3000).into())),
            2 => When::Idle,
            _ => When::At(now + Duration::from_secs(world.choices.below(700).into())),
        };
    }

    pub(crate) fn on_event(world: &mut World<'_>, event: Event) {
        match event {
            Event::StartTls => {
                world.app.tls_at =
                    Some(world.now + world.plan.delay(world.choices)).filter(|_| !world.plan.script.alert);
            }
            Event::Ready => {
                world.app.is_ready = true;
                world.app.asked_xclient = false;
            }
            Event::Answer(reply) => {
                world.app.asked = world.app.asked.saturating_sub(1);
                world.app.asked_xclient &= reply.is_positive();
            }
            Event::SecretWanted(_) => Login::on_secret_wanted(world),
            Event::Authenticated(_) => {
                world.app.answer_at = None;
                if let Some(login) = &world.app.login {
                    world.report.logged_in(login.mechanism);
                }
            }
            Event::AuthFailed(_) => world.app.answer_at = None,
            _ => {}
        }
    }

    fn tls_ready(world: &mut World<'_>) {
        let verified = world.plan.script.verified;
        let Some(said) = world.client.tls_ready(world.now, verified) else { return };
        let should = if world.model.tls_ready(world.now, verified) { Ok(()) } else { Err(Misuse::NotReady) };
        world.has_bare_tls |= said.is_ok();
        world.report.tls[0] += u64::from(said.is_ok());
        world.agrees("tls_ready", &said, &should);
    }

    fn cancel(world: &mut World<'_>, id: TransactionId) {
        world.note(|| format!("call: cancel {id:?}"));
        world.client.cancel(id);
        world.model.cancel(id);
    }

    fn quit(world: &mut World<'_>) {
        world.note(|| "call: quit".into());
        world.app.has_quit = true;
        world.client.quit();
        world.model.quit();
    }

    fn send(world: &mut World<'_>) {
        let mail = Mail::new(world.choices, &world.plan);
        let said = world.client.send(&mail.envelope);
        let should = world.model.send(&mail.envelope, &said);
        world.note(|| format!("send {:?}, {} bytes", mail.envelope, mail.content.len()));
        world.agrees("send", &said, &should);
        let Ok(id) = said else { return };
        world.app.has_unsized |= mail.envelope.form().size.is_none();
        if world.app.ids.last().is_some_and(|last| *last >= id) {
            world.violate(|| "the numbers of messages do not grow".into());
        }
        world.app.ids.push(id);
        world.mails.insert(id, mail);
        let percent = if world.plan.mood == Mood::Fickle { 65 } else { 3 };
        if world.choices.chance(percent) {
            let most = world.choices.among(&[0, 5, 100, 2000]) * (1 + world.plan.latency.min(20));
            let at = world.now + Duration::from_millis(world.choices.below(most).into());
            world.app.cancels.push((at, id));
        }
    }

    fn query(world: &mut World<'_>) {
        let text = world.choices.pick(&[(4, "some one"), (1, "s\u{f6}meone")]);
        let text = || QueryText::new(text).expect("a text");
        let query = match world.choices.below(7) {
            0 => Query::Noop,
            1 => Query::Help(None),
            2 => Query::Help(Some(text())),
            3 => Query::Vrfy(text()),
            4 => Query::Expn(text()),
            _ => Query::XClient(vec![(XClientName::Addr, "192.0.2.1".into())]),
        };
        let said = world.client.query(&query);
        let should = world.model.query(query.clone());
        world.agrees("query", &said, &should);
        if said.is_ok() {
            world.app.asked += 1;
            world.app.asked_xclient |= matches!(query, Query::XClient(_));
        }
    }

    /// Asks for all that there is, which is too late.
    pub(crate) fn after_the_end(world: &mut World<'_>) {
        Login::answer(world);
        Login::begin(world);
        Self::query(world);
        Self::send(world);
        Self::tls_ready(world);
        Self::quit(world);
        world.timeout();
        if world.out.is_empty() {
            let said = world.client.body(world.now, b"x", true, &mut world.out);
            world.agrees("body", &said, &Err(Misuse::BodyNotWanted));
        }
        world.client.handle_input(world.now, b"250 too late\r\n");
        world.client.handle_eof(world.now);
    }

    /// What should not be done now, most of the time.
    pub(crate) fn misuse(world: &mut World<'_>) {
        match world.choices.below(7) {
            0 => {
                if !world.model.is_in_handshake() {
                    Self::tls_ready(world);
                }
            }
            1 => {
                // It may be wanted after all; and of the last words of TLS nobody knows how long they are waited for.
                if world.wanted.is_some() || world.model.is_over() && world.refuses_output() {
                    return;
                }
                let should =
                    match world.model.is_content_next() && !world.out.is_empty() || world.refuses_output() {
                        true => Misuse::OutputNotEmpty,
                        false => Misuse::BodyNotWanted,
                    };
                if !world.model.is_content_wanted() || !world.out.is_empty() {
                    let said = world.client.body(world.now, b"x", true, &mut world.out);
                    world.agrees("body", &said, &Err(should));
                }
            }
            2 => Login::answer(world),
            3 => {
                world.timeout();
                world.note(|| "call: handle_timeout".into());
            }
            4 => {
                let index = world.choices.index(world.app.ids.len());
                if let Some(&id) = world.app.ids.get(index) {
                    Self::cancel(world, id);
                }
            }
            5 => Self::query(world),
            _ => {
                let mail = Mail::new(world.choices, &world.plan);
                if world.app.has_quit {
                    let said = world.client.send(&mail.envelope);
                    let should = world.model.send(&mail.envelope, &said);
                    world.agrees("send", &said, &should);
                    Self::quit(world);
                } else {
                    Login::begin(world);
                }
            }
        }
    }
}
