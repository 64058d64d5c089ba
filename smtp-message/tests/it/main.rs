//! Whether an independent parser reads from built messages exactly what was put in.

#![allow(clippy::unwrap_used)] // in tests a panic is the report

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use smtp_message::{Mailbox, MailboxList, Message, Stamp};
use smtp_proto::address::AddressRule;
use smtp_proto::{Address, Host, LocalPart};

/// Reads messages, each behind a line with its length, and prints what they say, one field a line, in hexadecimal.
const READER: &str = r#"
import email, email.header, email.policy, email.utils, sys
data = sys.stdin.buffer.read()
def show(text):
    print(text.encode("utf-8", "surrogateescape").hex())
while data:
    length, _, data = data.partition(b"\n")
    raw, data = data[:int(length)], data[int(length):]
    message = email.message_from_bytes(raw, policy=email.policy.default)
    show("" if message["subject"] is None else message["subject"])
    older = email.message_from_bytes(raw)
    for field in ["from", "to", "cc"]:
        if not message[field]:
            continue
        pairs = email.utils.getaddresses([older[field].replace("\r\n", "")])
        for address, (name, _) in zip(message[field].addresses, pairs, strict=True):
            # The newer parser changes white space in encoded names (it keeps what is between encoded words, against
            # RFC 2047 section 6.2, and makes several spaces one), the older interface does not.
            newer = address.display_name
            if "=?" in name:
                older_says = str(email.header.make_header(email.header.decode_header(name)))
                same = "".join(newer.split()) == "".join(older_says.split())
                newer = older_says if same else newer
            show(newer)
            show(address.username)
            show(address.domain)
    show(message["x-other"])
    show(message.get_content().replace("\r\n", "\n"))
    problems = [str(defect) for part in [message, *(message[name] for name in message.keys())]
                for defect in part.defects]
    show("; ".join(problems))
"#;

/// Marsaglia's xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    fn text(&mut self, pieces: &[&str], most: usize) -> String {
        (0..self.below(most)).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}

const NAME: &[&str] = &[
    "a",
    "Z",
    "word",
    " ",
    " ",
    "  ",
    ",",
    "\"",
    "\\",
    "(",
    ")",
    "<",
    ">",
    "@",
    ":",
    ";",
    ".",
    "=?",
    "?=",
    "_",
    "=?utf-8?q?x?=",
    "ü",
    "é",
    "日本",
    "\u{1f980}",
    "\u{760a}",
    "'",
    "=",
    "?",
    "=41",
    "a-rather-long-word",
];

const LOCAL: &[&str] = &[
    "a", "Z9", ".", " ", "@", ",", ";", ":", "<", ">", "(", ")", "[", "]", "\"", "\\", "=", "?", "_", "'",
    "+", "utf-8", "=41",
];

const HOST: &[&str] =
    &["example.org", "a.b-c.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "[x-tag:a=b?@c:_!]"];

/// An address with anything in it that is accepted.
fn address(random: &mut Random) -> Address {
    let host: Host = HOST[random.below(HOST.len())].parse().unwrap();
    loop {
        let content = random.text(LOCAL, 9);
        match LocalPart::from_content(content) {
            Ok(local) => return Address::new(local, host).unwrap(),
            Err(error) => assert!(matches!(error.rule(), AddressRule::EncodedWord { .. }), "{error}"),
        }
    }
}

const SUBJECT: &[&str] = &[
    "a",
    "Zz",
    "word",
    " ",
    " ",
    " ",
    " ",
    "  ",
    "\t",
    ",",
    "\"",
    "\\",
    "(",
    "<",
    ":",
    ".",
    "=?",
    "?=",
    "_",
    "é",
    "=?utf-8?q?x?=",
    "=?utf-8?b?aGk=?=",
    "ü",
    "日本語",
    "\u{1f980}",
    "\u{760a}",
    "=",
    "?",
    "=41",
    "averylongwordindeed",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

const BODY: &[&str] = &[
    "line",
    " ",
    "  ",
    "\n",
    "\n",
    "\n.",
    "\n..\n",
    "\r\n",
    "\r",
    "\t\n",
    " \n",
    "=",
    "=41",
    "From ",
    "ü",
    "日本語",
    "\u{1f980}",
    "\u{1}",
    "--",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234",
];

#[test]
fn python_reads_what_was_written() {
    let mut random = Random(0x5eed_0000_0000_0001);
    let (mut input, mut expected) = (Vec::new(), Vec::new());
    for number in 0..400_u16 {
        let most = [3, 12, 60][random.below(3)];
        let mut say = |text: &str| expected.push(text.to_owned());
        let subject = random.text(SUBJECT, most);
        say(&subject);
        let stamp = Stamp { unix_time: Duration::from_secs(u64::from(number) * 10_000_000), random: [7; 32] };
        let mut builder = Message::builder().subject(&subject).sender("s@example.com");
        let mut mailbox = |random: &mut Random| {
            let mailbox = Mailbox::new(random.text(NAME, most), address(random)).unwrap();
            say(mailbox.name().unwrap_or_default());
            say(mailbox.address().local_part().content());
            say(&mailbox.address().host().unwrap().to_string());
            mailbox
        };
        builder = builder.from(mailbox(&mut random));
        let to: MailboxList = (0..random.below(4) + 1).map(|_| mailbox(&mut random)).collect();
        builder = builder.to_list(to);
        let cc: MailboxList = (0..random.below(3)).map(|_| mailbox(&mut random)).collect();
        builder = builder.cc_list(cc);
        let other = random.text(SUBJECT, most);
        say(&other);
        let most = [2, 10, 100, 1000][random.below(4)];
        let body = random.text(BODY, most);
        let mut lines = body.clone();
        while lines.contains("\r\n") {
            lines = lines.replace("\r\n", "\n");
        }
        lines = lines.replace('\r', "\n");
        if !lines.is_empty() && !lines.ends_with('\n') {
            lines.push('\n');
        }
        say(&lines);
        say("");
        let message = builder.header("X-Other", other).text(body).build(&stamp).unwrap().to_bytes().unwrap();
        for line in message.split(|&b| b == b'\n') {
            assert!(line.len() <= 999 && line.is_ascii());
        }
        writeln!(input, "{}", message.len()).unwrap();
        input.extend_from_slice(&message);
    }
    let Some(output) = python(input) else {
        // Not by `eprintln!`, which is not shown for tests that pass.
        writeln!(std::io::stderr(), "skipped: there is no python3 to read the messages").unwrap();
        return;
    };
    let mut read = output.lines();
    for expected in expected {
        let line = read.next().expect("python3 stopped early");
        let bytes: Vec<u8> =
            (0..line.len() / 2).map(|i| u8::from_str_radix(&line[2 * i..2 * i + 2], 16).unwrap()).collect();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
    assert_eq!(read.next(), None);
}

/// Runs the reader; `None` if there is no Python here.  Anything else that goes wrong fails the test.
fn python(input: Vec<u8>) -> Option<String> {
    let python =
        Command::new("python3").args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = match python {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        python => python.expect("python3 starts"),
    };
    let mut stdin = python.stdin.take().unwrap();
    // On a thread, for a reader that ends early must be told from one that waits.
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 failed: {}", output.status);
    writer.join().unwrap().expect("python3 reads everything");
    Some(String::from_utf8(output.stdout).unwrap())
}
