//! Counts what scanners look at, in tests only: time is linear if eight times the input takes eight times the steps.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Notes `n` octets that were looked at.
pub(crate) fn add(n: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + n);
    #[cfg(not(test))]
    let _ = n;
}

/// Fails if the steps of `work` on many pieces are more than their number allows.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_linear(piece: &str, work: impl Fn(&str)) {
    let count = |pieces: usize| {
        STEPS.set(0);
        work(&piece.repeat(pieces));
        STEPS.get()
    };
    let (few, many) = (count(1000), count(8000));
    assert!(few > 0, "{piece:?}: nothing is counted");
    assert!(many <= 9 * few + 100, "{piece:?}: {few} steps, then {many}");
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "steps, then")]
    fn quadratic_work_is_noticed() {
        super::assert_linear("a", |text| (0..text.len()).for_each(super::add));
    }
}
