//! Header sections, whatever is in them.
//!
//! An input is a message.

use smtp_message::Fields;

/// Takes the section apart and puts it together again.
pub fn check(data: &[u8]) {
    let mut length = 0;
    for field in Fields::new(data) {
        let whole = field.whole();
        assert_eq!(&data[length..length + whole.len()], whole, "every octet is in one field");
        assert!(!whole.is_empty());
        length += whole.len();
        assert!(whole.len() >= field.value().len());
        let unfolded = field.unfolded();
        assert!(!unfolded.contains(&b'\n') && !unfolded.contains(&b'\r'));
        assert!(!field.text().contains(['\r', '\n', '\0']));
        assert!(!format!("{field:?}").contains(char::is_control));
        match field.name() {
            Some(name) => {
                assert!(!name.is_empty() && !name.contains(&b':') && !name.contains(&b' '));
                assert!(std::str::from_utf8(name).map_or(true, |name| field.is(&name.to_ascii_uppercase())));
                assert!(whole.starts_with(name));
            }
            None => assert!(!field.is("")),
        }
        // Alone it is the same.
        let mut alone = Fields::new(whole);
        assert_eq!(alone.next(), Some(field));
        assert_eq!(alone.next(), None);
    }
    assert!(!format!("{:?}", Fields::new(data)).contains(char::is_control));
    let body = Fields::new(data).body();
    assert!(data.ends_with(body));
    let between = &data[length..data.len() - body.len()];
    assert!(between.iter().all(|b| matches!(b, b'\r' | b'\n')), "{}", between.escape_ascii());
}
