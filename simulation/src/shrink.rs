//! Makes a simple session of one that breaks a rule.

/// Looks for a shorter list with smaller numbers that still `fails`, trying at most so many.
///
/// Parts are left out, set to 0 and lowered, large ones first, until nothing of that makes it simpler.
pub fn shrink(mut list: Vec<u32>, mut tries: u32, mut fails: impl FnMut(&[u32]) -> bool) -> Vec<u32> {
    let mut is_simpler = |candidate: Vec<u32>, list: &mut Vec<u32>, tries: &mut u32| {
        if *tries == 0 || candidate == *list {
            return false;
        }
        *tries -= 1;
        let is_simpler = fails(&candidate);
        if is_simpler {
            *list = candidate;
        }
        is_simpler
    };
    loop {
        let before = list.clone();
        let mut size = list.len().max(1).next_power_of_two() / 2;
        while size > 0 {
            let mut end = list.len();
            while end > 0 && tries > 0 {
                let start = end.saturating_sub(size);
                let without = [&list[..start], &list[end..]].concat();
                if !is_simpler(without, &mut list, &mut tries) && list[start..end].iter().any(|&v| v > 0) {
                    let mut zeroed = list.clone();
                    zeroed[start..end].fill(0);
                    is_simpler(zeroed, &mut list, &mut tries);
                }
                end = start.min(list.len());
            }
            size /= 2;
        }
        for i in (0..list.len()).rev() {
            // The least that will do, by halves; what is not monotonic is found on the next round or not at all.
            let (mut low, mut high) = (0, list.get(i).copied().unwrap_or(0));
            while low < high && i < list.len() {
                let middle = low + (high - low) / 2;
                let mut lowered = list.clone();
                lowered[i] = middle;
                if is_simpler(lowered, &mut list, &mut tries) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
        }
        while list.last() == Some(&0) {
            list.pop();
        }
        if list == before || tries == 0 {
            return list;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simplest_list_is_found() {
        let list: Vec<u32> = (0..200).map(|i| i * 7 % 31).collect();
        // A number of at least 20 somewhere behind one of at least 5.
        let fails = |list: &[u32]| {
            let five = list.iter().position(|&v| v >= 5);
            five.is_some_and(|five| list[five + 1..].iter().any(|&v| v >= 20))
        };
        assert_eq!(shrink(list.clone(), 10_000, fails), [5, 20]);
        assert_eq!(shrink(list.clone(), 0, fails), list);
    }

    #[test]
    fn it_fails_still() {
        let list: Vec<u32> = (0..50).collect();
        let sum = |list: &[u32]| list.iter().sum::<u32>() >= 60;
        let shrunk = shrink(list, 10_000, sum);
        assert_eq!(shrunk.iter().sum::<u32>(), 60);
    }
}
