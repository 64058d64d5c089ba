//! The caller's side of AUTH: the one place here that knows how a client is told what to say.

use std::time::Duration;

use smtp_proto::AuthMechanism;
use smtp_proto::client::Misuse;

use crate::world::World;

/// What must not be seen, beside its base64.
pub(crate) const PASSWORD: &str = "hunter2hunter2";
const USER: &str = "somebody";

/// An exchange of the caller's.
#[derive(Debug)]
pub(crate) struct Login {
    mechanism: AuthMechanism,
    /// Challenges that were answered.
    step: u32,
    /// Gives up at the challenge with this number.
    gives_up: Option<u32>,
}

impl Login {
    pub(crate) fn begin(world: &mut World<'_>) {
        let mechanism = world.choices.among(&[AuthMechanism::Plain, AuthMechanism::Login]);
        let initial = match mechanism {
            AuthMechanism::Plain => match world.choices.pick(&[(10, 0), (1, 1), (1, 2), (4, 3)]) {
                0 => Some(format!("\0{USER}\0{PASSWORD}")),
                1 => None,
                2 => Some(String::new()),
                // Around the longest that fits into the line with the command.
                _ => {
                    let fill = 340 + world.choices.below(60) as usize;
                    Some(format!("\0{}\0{PASSWORD}", "u".repeat(fill)))
                }
            },
            _ => None,
        };
        let initial = initial.as_deref().map(str::as_bytes);
        let said = world.client.authenticate(mechanism, initial);
        let should = world.model.authenticate(mechanism, initial);
        world.agrees("authenticate", &said, should);
        if said.is_ok() {
            let gives_up = world.choices.chance(8).then(|| world.choices.below(2));
            world.app.login = Some(Self { mechanism, step: 0, gives_up });
        }
    }

    pub(crate) fn on_challenge(world: &mut World<'_>, _challenge: &[u8]) {
        let delay = match world.choices.chance(10) {
            true => Duration::from_secs(world.choices.below(300).into()),
            false => Duration::ZERO,
        };
        world.app.answer_at = Some(world.now + delay);
    }

    /// Answers a challenge, whether there is one or not.
    pub(crate) fn answer(world: &mut World<'_>) {
        let Some(login) = &mut world.app.login else {
            let said = world.client.abort_auth();
            let should = if world.model.respond(None) { Ok(()) } else { Err(Misuse::NoChallenge) };
            return world.agrees("abort_auth", &said, should);
        };
        let response = match (login.mechanism, login.step) {
            _ if login.gives_up == Some(login.step) => None,
            (AuthMechanism::Plain, _) => Some(format!("\0{USER}\0{PASSWORD}")),
            (_, 0) => Some(USER.into()),
            _ => Some(PASSWORD.into()),
        };
        login.step += 1;
        let response = response.as_deref().map(str::as_bytes);
        let said = match response {
            Some(response) => world.client.respond(response),
            None => world.client.abort_auth(),
        };
        let should = if world.model.respond(response) { Ok(()) } else { Err(Misuse::NoChallenge) };
        world.agrees("respond", &said, should);
    }
}
