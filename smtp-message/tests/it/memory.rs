//! What memory a message with a large file takes.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::process::Command;
use std::time::Duration;

use smtp_message::{Message, Part, Stamp};

/// Octets of the file.
const FILE: u64 = 1 << 30;
/// What the process may take at most while it builds and writes the message, all its code and stacks included.
const LIMIT_KIB: u64 = 16 << 10;
/// Tells this program to do it.
const CHILD: &str = "SMTP_MESSAGE_LARGE_FILE";

/// Counts and drops what is written.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_message_with_a_file_of_1_gib_takes_less_than_16_mib() {
    if let Some(path) = env::var_os(CHILD) {
        let stamp = Stamp { unix_time: Duration::ZERO, random: [7; 32] };
        let builder = Message::builder().from("a@example.com").to("b@example.org").text("See the file.\n");
        let message = builder.attach(Part::file(path)).build(&stamp).unwrap();
        let mut written = Count(0);
        message.write_to(&mut written).unwrap();
        assert_eq!(written.0, message.size().unwrap());
        assert!(written.0 > FILE / 57 * 78);
        let peak = peak_kib();
        assert!(peak < LIMIT_KIB, "{peak} KiB");
        return;
    }
    if !fs::exists("/proc/self/status").unwrap() {
        writeln!(io::stderr(), "skipped: this system does not tell how much memory a process had").unwrap();
        return;
    }
    let directory = env::temp_dir().join(format!("smtp-message-large-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("large.bin");
    // Holes take no room on the disk; the line end shows at once that it is no text.
    let mut file = File::create(&path).unwrap();
    file.write_all(b"\n").unwrap();
    file.set_len(FILE).unwrap();
    // In a process of its own, for other tests take memory, too.
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "memory::a_message_with_a_file_of_1_gib_takes_less_than_16_mib", "--nocapture"]);
    let output = child.env(CHILD, &path).output().unwrap();
    fs::remove_dir_all(&directory).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The most memory that this process had resident so far.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse().unwrap()
}
