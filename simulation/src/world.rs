//! One session: client, network and server, moved on one step at a time, each step at a time of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smtp_proto::client::{Error, Event, Misuse, Next, TlsMode, TransactionId};
use smtp_proto::escape::Escaped;
use smtp_proto::server::Tls as ServerTls;
use smtp_proto::tls::{TlsAcceptor, TlsConnector};
use smtp_proto::{Instant, Output, Security, Tls};

use crate::app::App;
use crate::choices::Choices;
use crate::engine::{Acceptor, Connector, Nothing, Scripts, Shared, Tap, lock, shared};
use crate::machine::Machine;
use crate::mail::Mail;
use crate::model::{Model, Step, Told};
use crate::network::Pipe;
use crate::oracle;
use crate::peer::Peer;
use crate::plan::{Cut, Pieces, Plan};
use crate::report::Report;
use crate::saboteur::Saboteur;

/// More steps than any session takes.
const STEPS: u32 = 60_000;
/// More polls than it takes to tell all that there is to tell at once.
const POLLS: u32 = 20_000;
/// No session takes longer.
const LONGEST: Duration = Duration::from_secs(48 * 3600);

/// Changes what the client says, so that it can be seen that the simulation notices.
pub type Tamper = fn(&mut Next);

pub(crate) struct World<'a> {
    pub(crate) choices: &'a mut Choices,
    pub(crate) plan: Plan,
    pub(crate) now: Instant,
    pub(crate) client: Machine,
    pub(crate) model: Model,
    pub(crate) out: Output,
    /// What `out` refers to.
    chunk: Vec<u8>,
    pub(crate) tap: Shared<Tap>,
    /// The caller has said that TLS is there.
    pub(crate) has_bare_tls: bool,
    /// What a session has not encrypted yet, because it has something to tell first.
    owed: Vec<u8>,
    pub(crate) wanted: Option<TransactionId>,
    body_at: Instant,
    pub(crate) app: App,
    pub(crate) mails: BTreeMap<TransactionId, Mail>,
    /// Bytes of their content that are handed out.
    pub(crate) handed: BTreeMap<TransactionId, usize>,
    pub(crate) peer: Peer,
    decide_at: Instant,
    pub(crate) saboteur: Shared<Saboteur>,
    up: Pipe,
    down: Pipe,
    writes: u32,
    pub(crate) report: Report,
    violation: Option<String>,
    transcript: Option<Vec<String>>,
    tamper: Option<Tamper>,
    eof_told: bool,
    closed: Option<Result<(), Error>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    ClientWrites,
    ClientReads,
    ClientTimesOut,
    ServerReads,
    ServerWrites,
    ServerTimesOut,
    ServerDecides,
    Content,
    App,
}

/// What has become of a session.
pub(crate) struct Ended {
    pub(crate) report: Report,
    pub(crate) violation: Option<String>,
    pub(crate) transcript: Vec<String>,
}

/// Runs one session.
pub(crate) fn run(choices: &mut Choices, tamper: Option<Tamper>, transcript: bool) -> Ended {
    let plan = Plan::new(choices);
    let mut world = World::new(choices, plan, tamper, transcript);
    world.run();
    Ended {
        report: world.report,
        violation: world.violation,
        transcript: world.transcript.unwrap_or_default(),
    }
}

impl<'a> World<'a> {
    fn new(choices: &'a mut Choices, mut plan: Plan, tamper: Option<Tamper>, transcript: bool) -> Self {
        let now = Instant::from_duration(Duration::from_secs(choices.below(100).into()));
        let saboteur = shared(plan.saboteur.take().unwrap_or_default());
        let tap = shared(Tap::default());
        let (connector, acceptor) = engines(&plan);
        let acceptor = Arc::new(Acceptor { inner: acceptor, saboteur: saboteur.clone() });
        let mut server = plan.server.clone();
        server.tls = match plan.mode {
            TlsMode::Implicit => ServerTls::Implicit(acceptor),
            _ if plan.offers_tls => ServerTls::StartTls(acceptor),
            _ => ServerTls::None,
        };
        let peer = Peer::new(server, saboteur.clone(), plan.accepts, now);
        let client = if plan.bare {
            Machine::client(&plan.config, plan.mode, now)
        } else {
            let tls = Tls {
                connector: Arc::new(Connector { inner: connector, tap: tap.clone() }),
                server_name: "mx.example".into(),
            };
            let security = match plan.mode {
                TlsMode::None => Security::None,
                TlsMode::StartTls => Security::StartTls(tls),
                TlsMode::Opportunistic => Security::Opportunistic(tls),
                TlsMode::Implicit => Security::Implicit(tls),
            };
            Machine::session(&plan.config, security, now)
        };
        let mut model = Model::new(plan.config.clone(), plan.mode, now);
        let mut report = Report::default();
        if !plan.bare && plan.mode == TlsMode::Implicit {
            // The session has begun the handshake by itself.
            model.pop_told();
            if plan.script.no_engine {
                model.fail(no_engine());
            }
        }
        report.sessions = 1;
        let app = App::new(choices, &plan);
        let capacity = plan.capacity;
        Self {
            choices,
            now,
            client,
            model,
            out: Output::new(),
            chunk: Vec::new(),
            tap,
            has_bare_tls: false,
            owed: Vec::new(),
            wanted: None,
            body_at: now,
            app,
            mails: BTreeMap::new(),
            handed: BTreeMap::new(),
            peer,
            decide_at: now,
            saboteur,
            up: Pipe::new(capacity),
            down: Pipe::new(capacity),
            writes: 0,
            report,
            violation: None,
            transcript: transcript.then(Vec::new),
            tamper,
            eof_told: false,
            closed: None,
            plan,
        }
    }

    fn run(&mut self) {
        let line = format!(
            "{:?}, {}, TLS {:?}, {:?}, offers {:?}",
            self.plan.mood,
            if self.plan.bare { "client" } else { "session" },
            self.plan.mode,
            self.plan.config,
            self.plan.server.extensions,
        );
        self.note(|| line);
        self.peer.settle(self.now);
        self.settle();
        let began = self.now;
        for _ in 0..STEPS {
            if self.violation.is_some() {
                return;
            }
            if self.closed.is_some() {
                return self.finish();
            }
            if self.now - began > LONGEST {
                return self.violate(|| "the session takes for ever".into());
            }
            self.step();
        }
        self.violate(|| "the session has no end".into());
    }

    /// One of the things that can happen now, or the time up to the next.
    fn step(&mut self) {
        let mut actions = [Action::App; 9];
        let mut count = 0;
        let mut next: Option<Instant> = None;
        for (action, at) in self.due() {
            let Some(at) = at else { continue };
            if at <= self.now {
                actions[count] = action;
                count += 1;
            } else {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        if count > 0 {
            let action = actions[self.choices.index(count)];
            return self.act(action);
        }
        match next {
            Some(next) => self.now = next,
            None => {
                let shown = self.client.shown();
                self.violate(|| format!("nothing can move any more: {shown}"));
            }
        }
    }

    /// When each thing can happen, if it can.
    fn due(&self) -> [(Action, Option<Instant>); 9] {
        let when = |is: bool, at: Instant| is.then_some(at);
        let writes = !self.out.is_empty() && self.up.room() > 0;
        let content = self.wanted.is_some() && self.out.is_empty();
        let server_writes = !self.peer.outgoing.is_empty() && self.down.room() > 0;
        let server_reads = self.up.next().filter(|_| self.peer.wants_input());
        [
            (Action::ClientWrites, when(writes, self.now)),
            (Action::ClientReads, self.down.next()),
            (Action::ClientTimesOut, self.client.deadline()),
            (Action::ServerReads, server_reads),
            (Action::ServerWrites, when(server_writes, self.now)),
            (Action::ServerTimesOut, self.peer.deadline()),
            (Action::ServerDecides, when(self.peer.is_asked(), self.decide_at)),
            (Action::Content, when(content, self.body_at)),
            (Action::App, self.app.due(self)),
        ]
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::ClientWrites => self.client_writes(),
            Action::ClientReads => self.client_reads(),
            Action::ClientTimesOut => {
                self.note(|| "time is up for the client".into());
                self.timeout();
                self.settle();
            }
            Action::ServerReads => {
                let most = self.piece(self.up.in_flight());
                let bytes = self.up.read(self.now, most);
                self.up.end_told |= bytes.is_empty();
                let was_asked = self.peer.is_asked();
                self.peer.input(self.now, &bytes);
                self.after_peer(was_asked);
            }
            Action::ServerWrites => self.server_writes(),
            Action::ServerTimesOut => {
                self.note(|| "time is up for the server".into());
                self.peer.timeout(self.now);
                self.after_peer(true);
            }
            Action::ServerDecides => {
                self.peer.decide(self.now, self.choices);
                self.after_peer(false);
            }
            Action::Content => self.content(),
            Action::App => {
                App::act(self);
                self.settle();
            }
        }
        // Whatever is going on.
        if self.choices.chance(1) {
            App::misuse(self);
            self.settle();
        }
    }

    /// How many of so many bytes are moved at once.
    fn piece(&mut self, bytes: usize) -> usize {
        match self.plan.pieces {
            Pieces::Any if self.choices.chance(40) => bytes.min(1 + self.choices.index(bytes.min(20_000))),
            // For content that would take too many steps.
            Pieces::Small if bytes < 200 => bytes.min(1 + self.choices.index(5)),
            _ => bytes,
        }
    }

    fn latency(&mut self) -> Instant {
        let usual = Duration::from_millis(self.plan.latency.into());
        self.now + usual + self.plan.delay(self.choices)
    }

    // The client's side.

    fn client_writes(&mut self) {
        let n = self.piece(self.out.len()).min(self.up.room());
        let mut bytes = Vec::with_capacity(n);
        let error = match self.out.slices(&self.chunk) {
            Ok(slices) => {
                for slice in slices {
                    let left = n - bytes.len();
                    bytes.extend_from_slice(&slice[..slice.len().min(left)]);
                }
                None
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            return self.violate(|| error.to_string());
        }
        let arrival = self.latency();
        self.up.write(arrival, &bytes);
        self.out.advance(n);
        let in_tls = self.in_tls();
        self.client.handle_written(self.now, n);
        let plain = if in_tls { lock(&self.tap).write(n) } else { n };
        self.model.written(self.now, plain);
        self.note_bytes("C>", &bytes);
        self.cut();
        self.settle();
    }

    fn client_reads(&mut self) {
        let most = self.piece(self.down.in_flight());
        let bytes = self.down.read(self.now, most);
        if bytes.is_empty() {
            self.down.end_told = true;
            self.eof_told = true;
            self.note(|| "the client sees the end".into());
            self.client.handle_eof(self.now);
            self.model.eof(self.now);
        } else {
            self.note_bytes("  S>", &bytes);
            self.client_input(&bytes);
        }
        self.settle();
    }

    fn client_input(&mut self, bytes: &[u8]) {
        if !self.in_tls() {
            self.client.handle_input(self.now, bytes);
            return self.model.input(self.now, bytes);
        }
        let was_handshaking = lock(&self.tap).handshaking;
        self.client.handle_input(self.now, bytes);
        let mut tap = lock(&self.tap);
        let (plain, error) = (std::mem::take(&mut tap.received), tap.error.take());
        let (handshaking, peer_closed) = (tap.handshaking, tap.peer_closed);
        drop(tap);
        if self.model.is_over() {
            return;
        }
        if was_handshaking && !handshaking {
            self.model.tls_established(self.now, self.plan.script.verified);
        }
        if !plain.is_empty() {
            self.note_bytes("  S: (in TLS)", &plain);
        }
        self.model.input(self.now, &plain);
        match error {
            Some(error) => self.model.fail(Error::Tls(error)),
            None if peer_closed => self.model.eof(self.now),
            None => {}
        }
    }

    /// The client is told the time, whether it is time or not.
    pub(crate) fn timeout(&mut self) {
        let is_over = self.model.is_over();
        let own = self.client.deadline().is_some_and(|at| at <= self.now);
        let of_model = self.model.by().is_some_and(|at| at <= self.now);
        self.client.handle_timeout(self.now);
        self.model.timeout(self.now);
        if own && !of_model && !is_over {
            // Ciphertext that holds nothing of the client's.
            let phase = self.model.phase();
            self.model.fail(Error::TimedOut { phase });
        }
    }

    /// Whether output that is not written comes before what else may be wrong.
    pub(crate) fn refuses_output(&self) -> bool {
        self.in_tls() && !self.out.is_empty()
    }

    fn in_tls(&self) -> bool {
        lock(&self.tap).begun
    }

    /// Hands out a piece of content.
    fn content(&mut self) {
        let Some(id) = self.wanted.take() else { return };
        let Some(mail) = self.mails.get(&id) else { return self.violate(|| format!("content of {id:?}")) };
        let handed = self.handed.entry(id).or_default();
        let rest = &mail.content[*handed..];
        let len = match self.choices.pick(&[(6, 0), (3, 1), (1, 2)]) {
            0 => rest.len(),
            1 if rest.len() < 3000 => self.choices.index(rest.len() + 1),
            1 => rest.len() / 2,
            _ => 0,
        };
        let last = len == rest.len() && !self.choices.chance(10);
        self.chunk.clear();
        self.chunk.extend_from_slice(&rest[..len]);
        let in_tls = self.in_tls();
        let said = self.client.body(self.now, &self.chunk, last, &mut self.out);
        let limit = if in_tls { 16 << 10 } else { 256 << 10 };
        let should = self.model.body(self.now, &self.chunk, last, limit, said.clone());
        let wrote = self.appended(in_tls, 0);
        self.note(|| format!("content: {len} bytes, last {last}: {said:?}"));
        if let Ok(taken) = said {
            *self.handed.entry(id).or_default() += taken;
        }
        match should {
            Err(what) => return self.violate(|| what),
            Ok(should) if should != wrote => {
                return self.violate(|| different("content", &should, &wrote));
            }
            Ok(_) => {}
        }
        self.body_at = if len == 0 && !last {
            // Nothing came from the source; it takes its time.
            self.now + Duration::from_millis(10) + self.plan.delay(self.choices)
        } else {
            self.now
        };
        self.settle();
    }

    /// What was appended to the output, in plain text.
    fn appended(&self, in_tls: bool, before: usize) -> Vec<u8> {
        if in_tls {
            return std::mem::take(&mut lock(&self.tap).sent);
        }
        let mut bytes = Vec::with_capacity(self.out.len());
        if let Ok(slices) = self.out.slices(&self.chunk) {
            slices.for_each(|slice| bytes.extend_from_slice(slice));
        }
        bytes.split_off(before.min(bytes.len()))
    }

    /// Polls until the client waits, and compares all that it does with what it should.
    pub(crate) fn settle(&mut self) {
        for _ in 0..POLLS {
            if self.violation.is_some() || !self.poll() {
                return self.check();
            }
        }
        self.violate(|| "the client is polled without end".into());
    }

    /// Polls once; whether to go on.
    fn poll(&mut self) -> bool {
        let (was_empty, before, was_in_tls) = (self.out.is_empty(), self.out.len(), self.in_tls());
        let mut next = self.client.poll(self.now, &mut self.out);
        if let Some(tamper) = self.tamper {
            tamper(&mut next);
        }
        let in_tls = self.in_tls();
        let (step, should) = self.should(was_empty, was_in_tls, in_tls);
        // What is left of other output was appended before.
        let wrote = match was_empty || in_tls {
            true if in_tls && !was_in_tls => Vec::new(),
            true => self.appended(in_tls, 0),
            false if self.out.len() == before => Vec::new(),
            false => {
                self.violate(|| "output was appended to output".into());
                return false;
            }
        };
        if wrote != should {
            self.violate(|| different("output", &should, &wrote));
            return false;
        }
        self.on_wrote(&wrote, in_tls);
        match (next, step) {
            (Next::Event(event), Step::Told(told)) => {
                self.compare(&event, &told);
                self.on_event(event);
                true
            }
            (Next::Body(id), Step::Body(should)) if id == should => {
                if self.wanted.is_none() {
                    self.wanted = Some(id);
                    self.body_at = self.body_at.max(self.now);
                }
                false
            }
            (Next::Wait, Step::Wait) => {
                self.wanted = None;
                false
            }
            // The last words of TLS.
            (Next::Wait, Step::Closed(_)) if in_tls && !self.out.is_empty() => false,
            (Next::Closed(end), Step::Closed(should)) => {
                if end != should {
                    self.violate(|| format!("closed with {end:?} instead of {should:?}"));
                }
                self.closed = Some(end);
                false
            }
            (next, step) => {
                self.violate(|| format!("the client says {next:?} instead of {step:?}"));
                false
            }
        }
    }

    /// What the client should say and put out.
    fn should(&mut self, was_empty: bool, was_in_tls: bool, in_tls: bool) -> (Step, Vec<u8>) {
        let mut sealed = was_in_tls;
        loop {
            let (step, wrote) = if !sealed {
                self.model.poll(self.now, was_empty)
            } else if let Some(told) = self.model.pop_told() {
                (Step::Told(told), Vec::new())
            } else if let Some(end) = self.model.end() {
                (Step::Closed(end.clone()), Vec::new())
            } else if !was_empty || lock(&self.tap).handshaking {
                (Step::Wait, Vec::new())
            } else {
                let (step, wrote) = self.model.poll(self.now, self.owed.is_empty());
                self.owed.extend(wrote);
                let is_event = matches!(step, Step::Told(_));
                (step, if is_event { Vec::new() } else { std::mem::take(&mut self.owed) })
            };
            match step {
                // A session begins the handshake by itself.
                Step::Told(Told::Event(Event::StartTls)) if !self.plan.bare => {
                    sealed = in_tls;
                    if self.plan.script.no_engine {
                        self.model.fail(no_engine());
                    }
                }
                step => return (step, wrote),
            }
        }
    }

    fn compare(&mut self, event: &Event, should: &Told) {
        let is_same = match (event, should) {
            (event, Told::Event(should)) => event == should,
            (Event::TlsEstablished(info), Told::Tls(verified)) => info.is_verified() == *verified,
            _ => false,
        };
        if !is_same {
            self.violate(|| format!("the client tells {event:?} instead of {should:?}"));
        }
    }

    fn on_event(&mut self, event: Event) {
        let shown = format!("{event:?}");
        self.note(|| format!("        {shown}"));
        if oracle::is_private(self, &shown) {
            self.violate(|| "what nobody else may see in an event".into());
        }
        if let Event::Finished(id, outcomes) = &event {
            let Some(mail) = self.mails.get(id) else {
                return self.violate(|| format!("{id:?} was never begun"));
            };
            if mail.envelope.recipients().len() != outcomes.len() {
                return self.violate(|| "not one outcome per recipient".into());
            }
            self.report.finished(outcomes);
            let violation = oracle::finished(self, *id, outcomes);
            self.mails.remove(id);
            if let Some(violation) = violation {
                self.violate(|| violation);
            }
        }
        if matches!(event, Event::TlsEstablished(_)) {
            self.report.tls[0] += 1;
            self.report.tls[1] += u64::from(self.plan.real_tls);
        }
        App::on_event(self, event);
    }

    /// What leaves in plain text, or in TLS.
    fn on_wrote(&mut self, wrote: &[u8], in_tls: bool) {
        if wrote.is_empty() {
            return;
        }
        if in_tls {
            self.note_bytes("C: (in TLS)", wrote);
        }
        if let Some(what) = oracle::wrote(self, wrote, in_tls) {
            self.violate(|| what);
        }
    }

    /// What must hold whenever the client waits.
    fn check(&mut self) {
        if self.violation.is_some() {
            return;
        }
        let (by, should) = (self.client.deadline(), self.model.by());
        let in_tls = self.in_tls();
        let is_right = match in_tls {
            false => by == should,
            // TLS has a time of its own for what it puts out, and its last words have theirs.
            true if self.model.is_over() => by.is_some() || self.closed.is_some(),
            true => {
                by == should
                    || by.is_some_and(|by| {
                        should.is_none_or(|should| by < should)
                            && by - self.now <= self.plan.config.timeouts.block
                            && !lock(&self.tap).is_written()
                    })
            }
        };
        if !is_right {
            return self.violate(|| format!("the deadline is {by:?} instead of {should:?}"));
        }
        let is_written = !in_tls || lock(&self.tap).is_written();
        let (reusable, should) = (self.client.is_reusable(), self.model.is_reusable() && is_written);
        if reusable != should {
            return self.violate(|| format!("reusable: {reusable} instead of {should}"));
        }
        if self.client.is_over() != self.model.is_over() {
            return self.violate(|| "whether it is over".into());
        }
        if self.client.extensions() != self.model.extensions() {
            return self.violate(|| "what the server offers".into());
        }
        if let Some(what) = oracle::resting(self) {
            self.violate(|| what);
        }
        self.report.resting(self.out.len(), self.client.most_memory());
    }

    fn finish(&mut self) {
        self.note(|| "closed".into());
        // It stays so, and nothing can be begun any more.
        if self.closed == Some(Ok(())) && !self.app.has_quit {
            return self.violate(|| "only quit ends it well".into());
        }
        App::after_the_end(self);
        let next = self.client.poll(self.now, &mut self.out);
        if !matches!(&next, Next::Closed(end) if Some(end) == self.closed.as_ref()) {
            return self.violate(|| format!("closed, and then {next:?}"));
        }
        if self.client.deadline().is_some() || self.client.is_reusable() || !self.client.is_over() {
            return self.violate(|| "there is something after the end".into());
        }
        if !self.mails.is_empty() {
            return self.violate(|| "a message has no end".into());
        }
        let shown = self.client.shown();
        if oracle::is_private(self, &shown) || !shown.contains("Client {") {
            return self.violate(|| format!("shown as {shown}"));
        }
        if let Some(what) = oracle::closed(self) {
            return self.violate(|| what);
        }
        self.report.closed(self.closed.as_ref());
    }

    // The server's side.

    fn server_writes(&mut self) {
        let n = self.piece(self.peer.outgoing.len()).min(self.down.room());
        let was_asked = self.peer.is_asked();
        let bytes = self.peer.write(self.now, n);
        let arrival = self.latency();
        self.down.write(arrival, &bytes);
        self.cut();
        self.after_peer(was_asked);
    }

    fn after_peer(&mut self, was_asked: bool) {
        if !was_asked && self.peer.is_asked() {
            self.decide_at = self.now + self.plan.delay(self.choices);
        }
        let is_done = self.peer.is_closed || lock(&self.saboteur).close;
        if is_done && self.peer.outgoing.is_empty() && !self.down.is_finished() {
            let arrival = self.latency();
            self.down.finish(arrival);
        }
    }

    /// The network breaks, if it is time.
    fn cut(&mut self) {
        self.writes += 1;
        let Some((_, cut)) = self.plan.cut.filter(|(after, _)| *after == self.writes) else { return };
        self.note(|| format!("the network: {cut:?}"));
        let now = self.now;
        match cut {
            Cut::Reset { lose } => {
                for pipe in [&mut self.up, &mut self.down] {
                    if lose {
                        pipe.lose();
                    }
                    pipe.broken = true;
                    pipe.finish(now);
                }
            }
            Cut::HalfClose => self.down.finish(now),
            Cut::WritesFail => {
                self.up.broken = true;
                self.up.finish(now);
            }
            Cut::Silent { up, down } => {
                self.up.silent |= up;
                self.down.silent |= down;
            }
            Cut::Stall(seconds) => self.up.stalled_until = now + Duration::from_secs(seconds.into()),
        }
    }

    /// Whether the server can be held to what it has decided.
    pub(crate) fn is_honest(&self) -> bool {
        !lock(&self.saboteur).has_acted && self.plan.script.garbage_after.is_none() && !self.plan.script.alert
    }

    /// Notes that something is wrong, if nothing was before.
    pub(crate) fn violate(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let what = what();
            self.note(|| format!("VIOLATION: {what}"));
            self.violation = Some(what);
        }
    }

    /// A line of the transcript.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(format!("{:>12?} {}", self.now, line()));
        }
    }

    fn note_bytes(&mut self, who: &str, bytes: &[u8]) {
        self.note(|| {
            let cut = &bytes[..bytes.len().min(300)];
            let more = if cut.len() < bytes.len() {
                format!(" and {} more", bytes.len() - 300)
            } else {
                String::new()
            };
            format!("{who} {}{more}", Escaped(cut))
        });
    }

    /// Compares what the client says to a request with what it should say.
    pub(crate) fn agrees<T: std::fmt::Debug>(
        &mut self,
        what: &str,
        said: &Result<T, Misuse>,
        should: &Result<(), Misuse>,
    ) {
        let said = &said.as_ref().map(|_| ()).map_err(Clone::clone);
        self.note(|| format!("call: {what}: {said:?}"));
        if said != should {
            self.violate(|| format!("{what}: {said:?} instead of {should:?}"));
        }
    }
}

fn no_engine() -> Error {
    Error::Tls(smtp_proto::tls::TlsError::InvalidServerName("mx.example".into()))
}

fn different(what: &str, should: &[u8], is: &[u8]) -> String {
    let same = should.iter().zip(is).take_while(|(a, b)| a == b).count();
    let show = |bytes: &[u8]| {
        let end = bytes.len().min(same + 60);
        format!("\"{}\" ({} bytes)", Escaped(&bytes[same.saturating_sub(20)..end]), bytes.len())
    };
    format!("{what} differs at byte {same}: {} instead of {}", show(is), show(should))
}

/// What makes TLS for both sides.
fn engines(plan: &Plan) -> (Arc<dyn TlsConnector>, Arc<dyn TlsAcceptor>) {
    let scripts = || Arc::new(Scripts(plan.script));
    match plan.bare {
        true => (scripts(), Arc::new(Nothing)),
        #[cfg(feature = "rustls")]
        false if plan.real_tls => crate::real_tls::engines(plan.script.verified),
        false => (scripts(), scripts()),
    }
}
