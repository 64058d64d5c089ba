//! A JSON reader that owes nothing to the writer under test (RFC 8259).  Numbers stay text; the names of an object's
//! members are sorted, and unique.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// One value with nothing around it but white space.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader(text.chars().peekable());
        let value = reader.value()?;
        reader.skip();
        reader.0.next().is_none().then_some(value)
    }

    /// The names of an object's members.
    pub(super) fn keys(&self) -> Vec<&str> {
        match self {
            Self::Object(members) => members.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// A member of an object, or null.
    pub(super) fn get(&self, key: &str) -> &Self {
        match self {
            Self::Object(members) => members.get(key).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }
}

struct Reader<'a>(Peekable<Chars<'a>>);

impl Reader<'_> {
    fn skip(&mut self) {
        while self.0.next_if(|c| matches!(c, ' ' | '\t' | '\r' | '\n')).is_some() {}
    }

    fn expect(&mut self, expected: char) -> Option<()> {
        self.skip();
        self.0.next_if_eq(&expected).map(drop)
    }

    fn value(&mut self) -> Option<Json> {
        self.skip();
        match self.0.peek()? {
            '{' => {
                let mut members = BTreeMap::new();
                self.items('{', '}', |reader| {
                    reader.skip();
                    let name = reader.string()?;
                    reader.expect(':')?;
                    let value = reader.value()?;
                    members.insert(name, value).is_none().then_some(())
                })?;
                Some(Json::Object(members))
            }
            '[' => {
                let mut list = Vec::new();
                self.items('[', ']', |reader| {
                    list.push(reader.value()?);
                    Some(())
                })?;
                Some(Json::List(list))
            }
            '"' => self.string().map(Json::String),
            _ => {
                let mut word = String::new();
                while let Some(c) =
                    self.0.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))
                {
                    word.push(c);
                }
                match word.as_str() {
                    "null" => Some(Json::Null),
                    "true" => Some(Json::Bool(true)),
                    "false" => Some(Json::Bool(false)),
                    _ => word.parse::<f64>().ok().map(|_| Json::Number(word)),
                }
            }
        }
    }

    fn items(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(open)?;
        if self.expect(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.expect(',').is_none() {
                return self.expect(close);
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.0.next_if_eq(&'"')?;
        let mut units = Vec::new(); // UTF-16, as escapes are
        loop {
            let c = match self.0.next()? {
                '"' => return String::from_utf16(&units).ok(),
                '\\' => match self.0.next()? {
                    c @ ('"' | '\\' | '/') => c,
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let digits: String = self.0.by_ref().take(4).collect();
                        units.push(u16::from_str_radix(&digits, 16).ok()?);
                        continue;
                    }
                    _ => return None,
                },
                '\0'..='\u{1f}' => return None,
                c => c,
            };
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_all_kinds() {
        let json = Json::parse(" {\"a\": [1, -2.5e3, true, null, []], \"b\\u00e9\\ud83d\\ude00\\n\": {}}\n")
            .unwrap();
        assert_eq!(json.keys(), ["a", "bé😀\n"]);
        let number = |text: &str| Json::Number(text.into());
        let list = vec![number("1"), number("-2.5e3"), Json::Bool(true), Json::Null, Json::List(Vec::new())];
        assert_eq!(*json.get("a"), Json::List(list));
    }

    #[test]
    fn what_is_not_json() {
        for text in
            ["", "{", "[1,]", "{\"a\":1,\"a\":2}", "\"\u{1}\"", "nul", "1 2", "{\"a\" 1}", "\"\\ud800\""]
        {
            assert_eq!(Json::parse(text), None, "{text}");
        }
    }
}
