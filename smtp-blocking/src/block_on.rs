//! Running a future on the calling thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use smtp_proto::Instant;

use crate::clock;

/// Runs `future` to its end on this thread, which sleeps while the future is pending.
///
/// ```
/// assert_eq!(smtp_blocking::block_on(async { 40 + 2 }), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let (unparker, waker) = Unparker::new();
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        unparker.wait(None);
    }
}

/// The same, but not after `deadline`; `None` if the future is not ready then.
pub(crate) fn block_until<F: Future>(future: F, deadline: Instant) -> Option<F::Output> {
    let (unparker, waker) = Unparker::new();
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        // Before the deadline is looked at, and once more behind it.
        let late = clock::now() >= deadline;
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        if late {
            return None;
        }
        unparker.wait(Some(deadline));
    }
}

/// The flag is there because code inside the future may park as well (channels do) and so use up the thread's token.
struct Unparker {
    thread: Thread,
    woken: AtomicBool,
}

impl Unparker {
    fn new() -> (Arc<Self>, Waker) {
        let this = Arc::new(Self { thread: thread::current(), woken: AtomicBool::new(false) });
        (Arc::clone(&this), this.into())
    }

    /// Sleeps until somebody wakes this thread, or until `deadline`.
    fn wait(&self, deadline: Option<Instant>) {
        while !self.woken.swap(false, Ordering::Acquire) {
            match deadline.map(clock::until) {
                None => thread::park(),
                Some(Duration::ZERO) => return,
                Some(left) => thread::park_timeout(left),
            }
        }
    }
}

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn sleeps_until_another_thread_wakes_it() {
        let mut polls = 0;
        let answer = block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 3 {
                return Poll::Ready("done");
            }
            let waker = cx.waker().clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        }));
        assert_eq!(answer, "done");
    }

    #[test]
    fn a_park_inside_the_future_does_not_swallow_the_wake() {
        let mut polls = 0;
        block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            thread::park(); // takes the token that the wake left
            Poll::Pending
        }));
    }
}
