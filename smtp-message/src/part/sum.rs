//! A sum of data that comes in pieces, by which what has changed is told from what it was: by all chance, though not by
//! intent, which is not what it is for.

/// An odd number without a pattern, by which each step can be undone: no change of one word is lost.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const BLOCK: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct Sum {
    /// For words that stand beside each other, so that processors take them together.
    lanes: [u64; 4],
    cut: [u8; BLOCK],
    cut_len: usize,
    len: u64,
}

impl Sum {
    pub(super) fn new() -> Self {
        Self { lanes: [1, 2, 3, 4], cut: [0; BLOCK], cut_len: 0, len: 0 }
    }

    /// Takes the next piece, cut anywhere.
    pub(super) fn feed(&mut self, mut data: &[u8]) {
        self.len += data.len() as u64;
        if self.cut_len > 0 {
            let (first, rest) = data.split_at(data.len().min(BLOCK - self.cut_len));
            self.cut[self.cut_len..][..first.len()].copy_from_slice(first);
            self.cut_len += first.len();
            if self.cut_len < BLOCK {
                return;
            }
            self.lanes = block(self.lanes, &self.cut);
            data = rest;
        }
        let (blocks, rest) = data.as_chunks();
        self.lanes = blocks.iter().fold(self.lanes, block);
        self.cut[..rest.len()].copy_from_slice(rest);
        self.cut_len = rest.len();
    }

    pub(super) fn finish(&self) -> u64 {
        let mut last = [0; BLOCK];
        last[..self.cut_len].copy_from_slice(&self.cut[..self.cut_len]);
        block(self.lanes, &last).into_iter().fold(self.len, step)
    }
}

fn block(lanes: [u64; 4], block: &[u8; BLOCK]) -> [u64; 4] {
    let (words, _) = block.as_chunks();
    std::array::from_fn(|i| step(lanes[i], u64::from_le_bytes(words[i])))
}

fn step(lane: u64, word: u64) -> u64 {
    (lane ^ word).wrapping_mul(FACTOR).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(data: &[u8], piece: usize) -> u64 {
        let mut sum = Sum::new();
        data.chunks(piece).for_each(|piece| sum.feed(piece));
        sum.finish()
    }

    #[test]
    fn it_does_not_depend_on_the_pieces_and_sees_every_change() {
        let data: Vec<u8> = (0..200_u8).collect();
        for length in 0..data.len() {
            let data = &data[..length];
            let whole = sum(data, 1000);
            for piece in [1, 7, 31, 32, 33, 64] {
                assert_eq!(sum(data, piece), whole, "{length} in pieces of {piece}");
            }
            for at in 0..length {
                let mut other = data.to_vec();
                other[at] ^= 1 << (at % 8);
                assert_ne!(sum(&other, 1000), whole);
                other.copy_from_slice(data);
                other.swap(at, length - 1 - at);
                assert_eq!(sum(&other, 1000) == whole, at == length - 1 - at);
            }
            assert_ne!(sum(&[data, b"\0"].concat(), 1000), whole);
        }
    }
}
