//! The cases: what servers have done to mail software, each as a script.

mod auth;
mod content;
mod replies;
mod tls;

use super::script::Script;

/// A server that misbehaves in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Case {
    /// Which of the numbered cases it belongs to, such as `W5`.
    pub number: &'static str,
    /// Its own name.
    pub name: &'static str,
    /// What a right client does.
    pub owed: &'static str,
    /// The script's text.
    pub text: &'static str,
}

impl Case {
    /// The case with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        catalogue().find(|case| case.name == name)
    }

    /// What the server does.
    pub fn script(&self) -> Script {
        // A test sees to it that each is one; none at all would be an ordinary server.
        self.text.parse().unwrap_or_default()
    }
}

/// All cases, in the order of their numbers.
pub fn catalogue() -> impl Iterator<Item = &'static Case> {
    let groups = [replies::CASES, content::CASES, auth::CASES, tls::CASES];
    let mut cases: Vec<&Case> = groups.into_iter().flatten().collect();
    cases.sort_by_key(|case| case.number[1..].parse().unwrap_or(u32::MAX));
    cases.into_iter()
}

const fn case(number: &'static str, name: &'static str, owed: &'static str, text: &'static str) -> Case {
    Case { number, name, owed, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_a_script_under_a_name_of_its_own() {
        for (i, case) in catalogue().enumerate() {
            if let Err(error) = case.text.parse::<Script>() {
                panic!("{}: {error}", case.name);
            }
            assert!(catalogue().take(i).all(|other| other.name != case.name), "{}", case.name);
        }
    }

    #[test]
    fn every_number_is_there() {
        let mut numbers: Vec<&str> = catalogue().map(|case| case.number).collect();
        numbers.dedup();
        let all: Vec<String> = (1..=34).map(|number| format!("W{number}")).collect();
        assert_eq!(numbers, all, "in order");
    }
}
