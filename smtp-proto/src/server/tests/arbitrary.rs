//! Operations in any order on any input: no panic, no promise broken.

use super::*;

/// A small generator, so that a failure comes back with its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(n).unwrap()).unwrap()
    }
}

const FRAGMENTS: [&[u8]; 31] = [
    b"EHLO c\r\n",
    b"HELO c\r\n",
    b"MAIL FROM:<a@b.test>\r\n",
    b"MAIL FROM:<> SIZE=5\r\n",
    b"RCPT TO:<a@b.test>\r\n",
    b"DATA\r\n",
    b".\r\n",
    b"..x\r\n",
    b"\n",
    b"\r",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"STARTTLS\r\n",
    b"<hello>\r\n",
    b"<close>\r\n",
    b"AUTH PLAIN AGEAYg==\r\n",
    b"AUTH LOGIN\r\n",
    b"YQ==\r\n",
    b"*\r\n",
    b"\xff\0",
    b"AUTH ",
    b"QUIT",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    b"\r\n",
    b"LHLO c\r\n",
    b"BDAT 3\r\na\r\n",
    b"BDAT 2 LAST\r\n\r\n",
    b"BDAT 50\r\n",
    b"BDAT 0 LAST\r\n",
    b"VRFY a\r\n",
    b"XCLIENT NAME=a\r\n",
];

#[test]
fn any_operations_in_any_order() {
    for seed in 1..3000 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut config = config();
        config.limits.line = 50;
        config.limits.auth_line = 60;
        config.limits.size = Some(40);
        config.limits.discard = 60;
        config.lmtp = random.below(2) == 0;
        config.extensions.push(Extension::XClient);
        config.allow_auth_without_tls = random.below(2) == 0;
        config.allow_bare_line_ends = random.below(2) == 0;
        config.require_tls = random.below(4) == 0;
        config.tls = match random.below(3) {
            0 => Tls::None,
            1 => Tls::StartTls(Arc::new(Glass)),
            _ => Tls::Implicit(Arc::new(Glass)),
        };
        operate(Server::new(Arc::new(config), Instant::ZERO), &mut random, seed);
    }
}

fn operate(mut server: Server, random: &mut Random, seed: u64) {
    let mut out = Output::new();
    let mut now = Instant::ZERO;
    let mut open = 0;
    for _ in 0..150 {
        match random.below(10) {
            0..4 => {
                let fragment = FRAGMENTS[random.below(FRAGMENTS.len())];
                let cut = random.below(fragment.len() + 1);
                server.handle_input(now, &fragment[..cut]);
                server.handle_input(now, &fragment[cut..]);
            }
            4..7 => {
                let before = out.len();
                let next = server.poll(now, &mut out);
                assert!(before == 0 || out.len() == before, "seed {seed}: appended to output");
                match next {
                    Next::Event(event) => {
                        let question = is_question(&event);
                        assert!(!question || open == 0, "seed {seed}: two questions at once");
                        open += usize::from(question);
                    }
                    Next::Wait => {}
                    Next::Closed(end) => {
                        assert!(matches!(server.poll(now, &mut out), Next::Closed(again) if again == end));
                        assert_eq!(server.deadline(), None);
                    }
                }
            }
            7 => {
                let n = random.below(out.len() + 1);
                out.advance(n);
                server.handle_written(now, n);
            }
            8 => {
                open = 0;
                server.respond(match random.below(3) {
                    0 => Response::refuse(),
                    1 => Response::defer(),
                    _ => Response::accept(),
                });
            }
            _ => match random.below(60) {
                0 => server.handle_eof(now),
                1 => server.shut_down(),
                2 => {
                    now = server.deadline().unwrap_or(now);
                    server.handle_timeout(now);
                }
                _ => now = now + Duration::from_millis(random.below(2000) as u64),
            },
        }
    }
    // Whatever has happened, the connection comes to its end.
    server.handle_eof(now);
    for _ in 0..1000 {
        match server.poll(now, &mut out) {
            Next::Event(_) => {}
            Next::Wait if out.is_empty() => match server.deadline() {
                Some(deadline) => {
                    now = deadline;
                    server.handle_timeout(now);
                }
                None => server.respond(Response::accept()),
            },
            Next::Wait => {
                let n = out.len();
                out.advance(n);
                server.handle_written(now, n);
            }
            Next::Closed(_) => return,
        }
    }
    panic!("seed {seed}: no end");
}
