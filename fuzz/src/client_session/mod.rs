//! The client machine, alone and as a session with TLS, under arbitrary operations.
//!
//! An input is a script of lines.  The first one sets things up, a letter each:
//!
//! | letter | meaning |
//! |---|---|
//! | `t` `i` `o` | STARTTLS, TLS from the first byte, or STARTTLS where it is offered; else no TLS |
//! | `s` | a `Session`, with an engine that only adds record headers; else a `Client` |
//! | `u` `x` | the engine does not verify the server; there is no engine to be had |
//! | `a` `h` | AUTH without TLS is allowed; HELO is not tried |
//! | `r` `c` | lines are traced; content goes in chunks where the server takes them |
//! | `l` `p` | short limits on replies; at most 40 bytes of commands unanswered |
//! | `1` | input comes byte by byte |
//! | `w` | output is written when `W` says so; else at once |
//!
//! Every further line is an operation, and after each the machine is polled until it waits:
//!
//! | line | meaning |
//! |---|---|
//! | `S250 ok`, `s250 o` | the server's line, or bytes without line end |
//! | `Rge2`, `rge2` | ready-made replies (see [`ready_made`]) in one piece, or one after the other |
//! | `H` `h` | TLS is established (a client is told whether the server is verified) |
//! | `C` `!` `k` | the server's close_notify; a broken record; a key update (session only) |
//! | `Ma3ab` | send: sender (`0` none, `u` UTF-8), form in the low bits, and a recipient for each letter; a form by a letter asks for options, by a capital letter for some that must be had |
//! | `K1` | cancel the transaction with this number |
//! | `Aps` | authenticate: `p` PLAIN, `l` LOGIN, `x` XOAUTH2, `b` OAUTHBEARER, `e` EXTERNAL, `1` `2` `+` SCRAM with SHA-1, SHA-256, bound; `s` gives the secret when it is wanted, `L` does with a long name |
//! | `Ps` `Pe` `X` | give the secret, or an empty one, or abort |
//! | `Vn` | query: `h` HELP, `v` VRFY, `e` EXPN, in capitals with a text that is not ASCII, `x` XCLIENT, else NOOP |
//! | `Q` `Z` | quit; the server's end of file |
//! | `Bx` `bx` `Ex` `ex` `O` | content: a line, bytes, the last line, the last bytes, many dots |
//! | `W9` | write as many bytes as the character's code, or everything |
//! | `T5` | time passes: two to the power of the digit in seconds |
//! | `D` `d` | the deadline comes; a nanosecond is missing |
//! | `n` | stop polling, or poll again |

mod engine;
mod machine;
mod outcome;
mod world;

use smtp_proto::client::TlsMode;

use world::World;

/// What a first line sets up.
struct Setup {
    tls: TlsMode,
    session: bool,
    verified: bool,
    connects: bool,
    insecure_auth: bool,
    helo: bool,
    trace: bool,
    chunks: bool,
    short_replies: bool,
    short_pipeline: bool,
    byte_by_byte: bool,
    eager: bool,
}

/// So many lines of a script are carried out.
const MAX_OPERATIONS: usize = 400;

/// Runs the script, then ends the connection, and checks the invariants of the machine at each step.
pub fn check(data: &[u8]) {
    // What the server knows already is no secret.
    if world::has_secret(&String::from_utf8_lossy(data)) {
        return;
    }
    let mut lines = data.split(|&b| b == b'\n');
    let flags = lines.next().unwrap_or_default();
    let has = |flag| flags.contains(&flag);
    let mut world = World::new(&Setup {
        tls: match (has(b't'), has(b'i')) {
            _ if has(b'o') => TlsMode::Opportunistic,
            (true, _) => TlsMode::StartTls,
            (_, true) => TlsMode::Implicit,
            _ => TlsMode::None,
        },
        session: has(b's'),
        verified: !has(b'u'),
        connects: !has(b'x'),
        insecure_auth: has(b'a'),
        helo: !has(b'h'),
        trace: has(b'r'),
        chunks: has(b'c'),
        short_replies: has(b'l'),
        short_pipeline: has(b'p'),
        byte_by_byte: has(b'1'),
        eager: !has(b'w'),
    });
    world.settle();
    for line in lines.take(MAX_OPERATIONS) {
        if let Some((&operation, argument)) = line.split_first() {
            operate(&mut world, operation, argument);
        }
    }
    world.finish();
}

fn operate(world: &mut World, operation: u8, argument: &[u8]) {
    let first = argument.first().copied().unwrap_or_default();
    let line = || [argument, b"\r\n"].concat();
    match operation {
        b'S' => world.input(&line()),
        b's' => world.input(argument),
        b'R' => world
            .input(argument.iter().map(|&letter| ready_made(letter)).collect::<Vec<_>>().concat().as_bytes()),
        b'r' => {
            for &letter in argument {
                world.input(ready_made(letter).as_bytes());
                world.settle();
            }
        }
        b'H' => world.handshake(true),
        b'h' => world.handshake(false),
        b'C' => world.input(&[engine::CLOSE]),
        b'!' => world.input(&[engine::BROKEN]),
        b'k' => world.input(&[engine::KEY_UPDATE]),
        b'M' => world.send(argument),
        b'K' => world.cancel(usize::from(first.wrapping_sub(b'0'))),
        b'A' => world.authenticate(argument),
        b'P' => world.respond(first),
        b'X' => world.abort_auth(),
        b'V' => world.query(first),
        b'Q' => world.quit(),
        b'Z' => world.end_of_file(),
        b'B' => world.content(line(), false),
        b'b' => world.content(argument.to_vec(), false),
        b'E' => world.content(line(), true),
        b'e' => world.content(argument.to_vec(), true),
        b'O' => world.content(b".\r\n".repeat(300), false),
        b'W' => world.write(if argument.is_empty() { usize::MAX } else { usize::from(first) }),
        b'T' => world.pass(std::time::Duration::from_secs(1 << (first & 15))),
        b'D' => world.deadline(true),
        b'd' => world.deadline(false),
        b'n' => world.toggle_polling(),
        _ => return,
    }
    world.settle();
}

/// Replies that servers send, and some that they should not.
fn ready_made(letter: u8) -> &'static str {
    match letter {
        b'g' => "220 mx.example ESMTP\r\n",
        b'G' => "220-mx.example\r\n220 ESMTP\r\n",
        b'e' => {
            "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 5000\r\n250-STARTTLS\r\n\
             250 AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER EXTERNAL SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r\n"
        }
        b'E' => "250 mx.example\r\n",
        b'k' => "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 5000\r\n250-DSN\r\n250 CHUNKING\r\n",
        b'K' => {
            "250-mx.example\r\n250-REQUIRETLS\r\n250-DELIVERBY 60\r\n250-FUTURERELEASE 900 2027-01-01T00:00:00Z\r\n\
             250-MT-PRIORITY\r\n250 AUTH PLAIN\r\n"
        }
        b'd' => {
            "250-mx.example\r\n250-PIPELINING\r\n250-DSN\r\n250-XCLIENT NAME\r\n250-MT-PRIORITY\r\n\
             250 LIMITS MAILMAX=3 RCPTMAX=2 RCPTDOMAINMAX=1\r\n"
        }
        b'y' => "250-mx.example\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n",
        b'1' => "421 4.3.2 shutting down\r\n",
        b'2' => "250 2.0.0 ok\r\n",
        b'3' => "354 go ahead\r\n",
        b'4' => "451 4.3.0 later\r\n",
        b'5' => "550-5.1.1 no\r\n550 5.1.1 such user\r\n",
        b'6' => "552 too many\r\n",
        b'7' => "251 will forward\r\n",
        b'0' => "500 what?\r\n",
        b'a' => "235 2.7.0 welcome\r\n",
        b'f' => "535 5.7.8 no\r\n",
        b'c' => "334 \r\n",
        b'C' => "334 VXNlcm5hbWU6\r\n",
        b'x' => "334 not base64\r\n",
        b't' => "220 go ahead\r\n",
        b'q' => "221 bye\r\n",
        b'b' => "250 bare\n",
        b'n' => "250 n\0l\r\n",
        b'm' => "250-ok\r\n550 no\r\n",
        _ => "garbage\r\n",
    }
}
