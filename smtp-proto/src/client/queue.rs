//! The transactions that are not over, in the order in which they are sent.
//!
//! It does bookkeeping only; when which of them goes on is decided in [`machine`](super::machine).  Each can be found and
//! taken out in the middle in logarithmic time, however many are queued.

use alloc::collections::BTreeMap;

use super::event::TransactionId;
use super::transaction::Transaction;

#[derive(Debug, Default)]
pub(super) struct Queue {
    open: BTreeMap<TransactionId, Transaction>,
    /// Those before this one are wholly sent; it, or the first behind it, is being sent.
    sending: TransactionId,
    next: TransactionId,
}

impl Queue {
    /// The number of the next transaction.
    pub(super) fn next_id(&mut self) -> TransactionId {
        let id = self.next;
        self.next.0 += 1;
        id
    }

    /// Appends one that was made with [`next_id`](Self::next_id).
    pub(super) fn push(&mut self, transaction: Transaction) {
        self.open.insert(transaction.id, transaction);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn get_mut(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        self.open.get_mut(&id)
    }

    /// The one being sent, or the next to be.
    pub(super) fn current(&self) -> Option<&Transaction> {
        self.open.range(self.sending..).map(|(_, transaction)| transaction).next()
    }

    /// The same.
    pub(super) fn current_mut(&mut self) -> Option<&mut Transaction> {
        self.open.range_mut(self.sending..).map(|(_, transaction)| transaction).next()
    }

    /// The current one is wholly sent.
    pub(super) fn advance(&mut self) {
        if let Some(current) = self.current() {
            self.sending = TransactionId(current.id.0 + 1);
        }
    }

    /// Those wholly sent, in order.
    pub(super) fn sent(&self) -> impl DoubleEndedIterator<Item = &Transaction> {
        self.open.range(..self.sending).map(|(_, transaction)| transaction)
    }

    /// The same.
    pub(super) fn sent_mut(&mut self) -> impl Iterator<Item = &mut Transaction> {
        self.open.range_mut(..self.sending).map(|(_, transaction)| transaction)
    }

    /// Takes a transaction out, if it is over.
    pub(super) fn take_if_over(&mut self, id: TransactionId) -> Option<Transaction> {
        self.open.get(&id)?.is_over().then(|| self.open.remove(&id))?
    }

    /// Takes all out, in order.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Transaction> + use<> {
        core::mem::take(&mut self.open).into_values()
    }
}
