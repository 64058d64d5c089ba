//! Where all randomness comes from: a stream of small choices that is written down.
//!
//! The same stream makes the same session, so a list of choices is all it takes to see a failure again, and a shorter
//! list, or one with smaller numbers, is a simpler session.  0 is therefore always the simplest alternative.

/// Choices from a seed or from a list.
pub struct Choices {
    source: Source,
    made: Vec<u32>,
}

enum Source {
    Seed(u64),
    /// What is missing at the end is 0.
    List(std::vec::IntoIter<u32>),
}

impl Choices {
    /// As the generator has it.
    pub fn from_seed(seed: u64) -> Self {
        Self { source: Source::Seed(seed), made: Vec::new() }
    }

    /// As they were made before.
    pub fn replay(list: Vec<u32>) -> Self {
        Self { source: Source::List(list.into_iter()), made: Vec::new() }
    }

    /// What was chosen so far.
    pub fn made(&self) -> &[u32] {
        &self.made
    }

    /// What was chosen, without the zeros at the end.
    pub fn into_list(mut self) -> Vec<u32> {
        while self.made.last() == Some(&0) {
            self.made.pop();
        }
        self.made
    }

    /// A number below `n`, or 0.
    pub fn below(&mut self, n: u32) -> u32 {
        if n < 2 {
            return 0;
        }
        let choice = match &mut self.source {
            Source::Seed(state) => scale(next(state), n),
            Source::List(list) => list.next().unwrap_or(0).min(n - 1),
        };
        self.made.push(choice);
        choice
    }

    /// The same for positions.
    pub fn index(&mut self, n: usize) -> usize {
        self.below(u32::try_from(n).unwrap_or(u32::MAX)) as usize
    }

    /// Whether something happens that does so often in a hundred times.
    pub fn chance(&mut self, percent: u32) -> bool {
        let choice = match &mut self.source {
            Source::Seed(state) => u32::from(scale(next(state), 100) < percent),
            Source::List(list) => list.next().unwrap_or(0).min(1),
        };
        self.made.push(choice);
        choice == 1
    }

    /// One of these, equally often.
    pub fn among<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.index(values.len())]
    }

    /// One of these, as often as its weight says.
    pub fn pick<T: Copy>(&mut self, values: &[(u32, T)]) -> T {
        let choice = match &mut self.source {
            Source::Seed(state) => {
                let mut left = scale(next(state), values.iter().map(|(weight, _)| weight).sum());
                values.iter().position(|(weight, _)| match left.checked_sub(*weight) {
                    Some(less) => {
                        left = less;
                        false
                    }
                    None => true,
                })
            }
            Source::List(list) => list.next().map(|choice| (choice as usize).min(values.len() - 1)),
        };
        let choice = choice.unwrap_or(0);
        self.made.push(u32::try_from(choice).unwrap_or(0));
        values[choice].1
    }
}

/// `SplitMix64`, which gives good numbers from seeds that follow each other.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn scale(random: u64, n: u32) -> u32 {
    // Below n, because the upper half of the random number is below 2^32.
    u32::try_from(((random >> 32) * u64::from(n)) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_makes_the_same_choices_again() {
        let all = |choices: &mut Choices| {
            (0..200)
                .map(|i| match i % 4 {
                    0 => choices.below(1000),
                    1 => u32::from(choices.chance(30)),
                    2 => choices.among(&[5, 6, 7]),
                    _ => choices.pick(&[(90, 1), (9, 2), (1, 3)]),
                })
                .collect::<Vec<_>>()
        };
        let mut first = Choices::from_seed(7);
        let made = all(&mut first);
        assert_eq!(all(&mut Choices::replay(first.into_list())), made);
        // Whatever the list, there are choices.
        assert_eq!(all(&mut Choices::replay(vec![]))[..4], [0, 0, 5, 1]);
        all(&mut Choices::replay(vec![u32::MAX; 300]));
    }

    #[test]
    fn choices_are_made_as_often_as_they_should_be() {
        let mut choices = Choices::from_seed(1);
        let rare = (0..10_000).filter(|_| choices.chance(10)).count();
        assert!((800..1200).contains(&rare), "{rare}");
        let heavy = (0..10_000).filter(|_| choices.pick(&[(1, false), (3, true)])).count();
        assert!((7200..7800).contains(&heavy), "{heavy}");
    }
}
