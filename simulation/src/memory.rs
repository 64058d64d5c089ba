//! How much memory a client holds: what its calls allocate and do not free again.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use allocation_counter::{measure, opt_out};

/// A count of bytes.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    held: i64,
    /// How much of that the output takes.
    output: i64,
    /// The most that was held beside output, when a call had returned.
    most: i64,
}

impl Memory {
    /// Makes a call of which all counts that it allocates and frees.
    pub(crate) fn count<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let mut result = None;
        // The counter wants to see the end of what it measures.
        let counted = measure(|| result = Some(catch_unwind(AssertUnwindSafe(call))));
        self.held += counted.bytes_current;
        self.most = self.most.max(self.held - self.output);
        match result {
            Some(Ok(value)) => value,
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("what is measured is done"),
        }
    }

    /// The same, and what it holds now is output.
    pub(crate) fn count_output<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let (before, most) = (self.held, self.most);
        let value = self.count(call);
        self.output += self.held - before;
        self.most = most;
        value
    }

    /// Output is written and its memory free, so that nothing else can be counted as output any more.
    pub(crate) fn output_is_free(&mut self) {
        self.output = 0;
    }

    /// The most that was held beside output, in bytes.
    pub(crate) fn most(&self) -> usize {
        usize::try_from(self.most).unwrap_or_default()
    }
}

/// Does what a client does only because it is looked at.
pub(crate) fn uncounted(look: impl FnOnce()) {
    opt_out(look);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_and_output_does_not() {
        let mut memory = Memory::default();
        let held = memory.count(|| vec![0_u8; 1000]);
        memory.count(|| drop(vec![0_u8; 5000]));
        assert_eq!(memory.most(), 1000);
        let output = memory.count_output(|| vec![0_u8; 7000]);
        memory.count(|| uncounted(|| drop(vec![0_u8; 9000])));
        assert_eq!(memory.most(), 1000);
        memory.count(|| drop((held, output)));
        memory.output_is_free();
        let held = memory.count(|| vec![0_u8; 1001]);
        assert_eq!((memory.most(), held.len()), (1001, 1001));
    }
}
