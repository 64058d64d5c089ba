//! Which task runs next: one of those that were woken, chosen by the seed, so that seeds explore orders of events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use super::rng::Rng;
use super::world::Task;

/// The tasks of a simulation.
#[derive(Default)]
pub(super) struct Tasks {
    ready: Arc<Ready>,
    sleeping: BTreeMap<u64, (Task, Waker)>,
    next_id: u64,
}

/// The ids of those that were woken, each once.
#[derive(Default)]
struct Ready(Mutex<BTreeSet<u64>>);

struct TaskWaker {
    id: u64,
    ready: Arc<Ready>,
}

impl Tasks {
    /// A waker for a new id, which is ready at once.  The caller keeps the task itself.
    pub(super) fn register(&mut self) -> (u64, Waker) {
        self.next_id += 1;
        let waker = Waker::from(Arc::new(TaskWaker { id: self.next_id, ready: Arc::clone(&self.ready) }));
        waker.wake_by_ref();
        (self.next_id, waker)
    }

    pub(super) fn add(&mut self, task: Task) {
        let (id, waker) = self.register();
        self.put_back(id, task, waker);
    }

    pub(super) fn next_ready(&self, rng: &mut Rng) -> Option<u64> {
        let mut ready = self.ready.lock();
        let chosen = match ready.len() {
            // Most often there is no choice; then the seed's numbers are left to the network.
            0 | 1 => 0,
            n => rng.below(n),
        };
        let id = ready.iter().nth(chosen).copied()?;
        ready.remove(&id);
        Some(id)
    }

    /// Takes the task out, so that it can be polled while others are added.
    pub(super) fn take(&mut self, id: u64) -> Option<(Task, Waker)> {
        self.sleeping.remove(&id)
    }

    pub(super) fn put_back(&mut self, id: u64, task: Task, waker: Waker) {
        self.sleeping.insert(id, (task, waker));
    }

    pub(super) fn len(&self) -> usize {
        self.sleeping.len()
    }
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.lock().insert(self.id);
    }
}
