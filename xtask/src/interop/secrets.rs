//! What a program must not repeat: the passwords and tokens on its command line, as they are and in base64.

use std::ffi::OsString;

/// Pieces of this many octets are looked for, so that half a token is found too.
const PIECE: usize = 16;

/// Anything shorter is found where it was not meant.
const SHORTEST: usize = 6;

/// The secrets on a command line: the password and the token of its URL, and what is behind `--token`; and always the
/// beginning of the usual password.
pub(super) fn of(args: &[OsString]) -> Vec<Vec<u8>> {
    let mut secrets = vec![b"s3cret".to_vec()];
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    for (i, arg) in args.iter().enumerate() {
        if i > 0 && args[i - 1] == "--token" {
            secrets.push(arg.as_bytes().to_vec());
        }
        let Some((_, rest)) = arg.split_once("://") else { continue };
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
        let token = query.split('&').find_map(|parameter| parameter.strip_prefix("token="));
        for text in password.map(|(_, password)| password).into_iter().chain(token) {
            secrets.extend([text.as_bytes().to_vec(), percent_decoded(text)]);
        }
    }
    secrets
}

/// Whether a text holds some of it.
pub(super) fn are_in(secrets: &[Vec<u8>], text: &str) -> bool {
    let text = text.as_bytes();
    let holds = |piece: &[u8]| text.windows(piece.len()).any(|window| window == piece);
    let pieces = secrets.iter().flat_map(|secret| secret.chunks(PIECE));
    pieces
        .filter(|piece| piece.len() >= SHORTEST)
        .any(|piece| holds(piece) || (0..3).any(|before| holds(&base64(piece, before))))
}

/// What is the same in base64 whatever is around these octets, if so many (modulo 3) are in front of them.
fn base64(octets: &[u8], before: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (first, end) = ((before * 8).div_ceil(6), (before + octets.len()) * 8 / 6);
    let bit = |i: usize| octets[i / 8 - before] >> (7 - i % 8) & 1;
    let character = |i: usize| (i * 6..i * 6 + 6).fold(0, |value, i| value << 1 | bit(i));
    (first..end).map(|i| ALPHABET[usize::from(character(i))]).collect()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let (mut octets, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%').and_then(|hex| str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(octet) => (octets.push(octet), rest = &after[2..]),
            None => (octets.push(first), rest = after),
        };
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak(args: &[&str], text: &str) -> bool {
        are_in(&of(&args.iter().map(OsString::from).collect::<Vec<_>>()), text)
    }

    #[test]
    fn the_usual_password() {
        for text in [
            "s3cret pass",
            "czNjcmV0IHBhc3M=",
            "C: AUTH PLAIN AHVzZXJAZXhhbXBsZS50ZXN0AHMzY3JldCBwYXNz",
            "AHUAczNjcmV0IHBhc3M=",
            "AABzM2NyZXQgcGFzcw==",
        ] {
            assert!(leak(&[], text), "{text}");
        }
        assert!(!leak(&[], "C: AUTH PLAIN ****") && !leak(&[], ""));
    }

    #[test]
    fn what_is_on_the_command_line() {
        let url = "smtp://a%40b:s%C3%A9cret%2Cx@localhost:1?auth=PLAIN&token=0123456789abcdefghijkl";
        // Printed by base64(1): "sécret,x" and "\0\0sécret,x".
        for text in ["s%C3%A9cret%2Cx", "sécret,x", "c8OpY3JldCx4", "AABzw6ljcmV0LHg=", "ghijkl", "Z2hpamts"]
        {
            assert!(leak(&[url], text), "{text}");
        }
        assert!(leak(&["--token", "a-token"], "-- a-token") && !leak(&["--to", "a-token"], "a-token"));
        assert!(!leak(&[url], "a%40b a@b localhost:1 auth=PLAIN"));
    }
}
