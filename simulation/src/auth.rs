//! The caller's side of AUTH: the one place here that knows how a client is told to log in.

use std::time::Duration;

use smtp_proto::client::{AuthError, Misuse};
use smtp_proto::sasl::{Exchange, NONCE};
use smtp_proto::{AuthMechanism, Secret};

use crate::world::World;

/// What must not be seen, beside its base64.
pub(crate) const PASSWORD: &str = "hunter2hunter2";
pub(crate) const USER: &str = "somebody";

/// An exchange of the caller's.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) mechanism: AuthMechanism,
    answer: Answer,
}

/// What the caller does when it is asked for the secret.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Password,
    Nothing,
    Empty,
}

impl Login {
    pub(crate) fn begin(world: &mut World<'_>) {
        let mechanism = world.choices.pick(&[
            (8, AuthMechanism::Plain),
            (8, AuthMechanism::Login),
            (3, AuthMechanism::XOAuth2),
            (3, AuthMechanism::OAuthBearer),
            (2, AuthMechanism::External),
            (2, AuthMechanism::ScramSha256),
            (2, AuthMechanism::ScramSha256Plus),
            (2, AuthMechanism::ScramSha1),
            (2, AuthMechanism::ScramSha1Plus),
            (2, AuthMechanism::CramMd5),
        ]);
        let user = match world.choices.pick(&[(10, 0), (4, 1)]) {
            0 => USER.to_owned(),
            // Around the longest that fits into the line with the command.
            _ => "u".repeat(330 + world.choices.below(60) as usize),
        };
        let nonce = [u8::try_from(world.choices.below(256)).unwrap_or_default(); NONCE];
        // Two that are alike: what the model makes of the one the client must make of the other.
        let binding = world.client.channel_binding();
        let exchange = || Exchange::new(mechanism, &user, nonce).expect("a user name");
        let mut for_model = exchange();
        if let Some(exporter) = binding {
            for_model.bind(exporter);
        }
        let said = world.client.authenticate(exchange);
        let should = world.model.authenticate(for_model, binding.is_some());
        world.agrees("authenticate", &said, &should);
        if said.is_ok() {
            let answer =
                world.choices.pick(&[(20, Answer::Password), (2, Answer::Nothing), (1, Answer::Empty)]);
            world.app.login = Some(Self { mechanism, answer });
        }
    }

    pub(crate) fn on_secret_wanted(world: &mut World<'_>) {
        let delay = match world.choices.chance(10) {
            true => Duration::from_secs(world.choices.below(300).into()),
            false => Duration::ZERO,
        };
        world.app.answer_at = Some(world.now + delay);
    }

    /// Gives the secret or gives up, whether that is wanted or not.
    pub(crate) fn answer(world: &mut World<'_>) {
        let secret: Secret = match world.app.login.as_ref().map(|login| login.answer) {
            Some(Answer::Password) => PASSWORD.into(),
            Some(Answer::Empty) => "".into(),
            Some(Answer::Nothing) | None => {
                let said = world.client.abort_auth();
                let should = world.model.abort_auth(AuthError::Aborted);
                return world.agrees("abort_auth", &said, &wanted(should));
            }
        };
        let said = world.client.respond(&secret);
        world.app.has_told_secret |= said.is_ok();
        let should = world.model.respond(&secret);
        world.agrees("respond", &said, &wanted(should));
    }
}

fn wanted(is: bool) -> Result<(), Misuse> {
    if is { Ok(()) } else { Err(Misuse::NoSecretWanted) }
}
