//! HTML that a stranger wrote, made fit for a message: feature `html`.
//!
//! The parsing and cleaning is ammonia's; here is what a message may have.  Left out: style sheets, which are dropped.

use std::borrow::Cow;
use std::collections::HashSet;

use ammonia::{Builder, UrlRelative};

/// What HTML may have: text, tables, links, and images that come with the message.
///
/// Scripts, event handlers, forms, frames and style sheets never stay, nor do links of schemes other than `https`, `http`,
/// `mailto`, `tel` and `cid`.
///
/// ```
/// use smtp_message::{HtmlPolicy, Message};
///
/// let html = "<p onclick=steal()>Hi<script>steal()</script><img src=\"https://example.com/seen.png\"></p>";
/// assert_eq!(HtmlPolicy::new().clean(html), "<p>Hi<img></p>");
/// let builder = Message::builder().html(HtmlPolicy::new().clean(html));
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct HtmlPolicy {
    remote: bool,
}

/// Properties of CSS that neither load anything nor put one thing over another.
const PROPERTIES: [&str; 34] = [
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-spacing",
    "border-style",
    "border-top",
    "border-width",
    "color",
    "direction",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-width",
    "padding",
    "text-align",
    "text-decoration",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
];

impl HtmlPolicy {
    /// Nothing remote is loaded when the message is read, so that reading it tells nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets images come from `https` and `http` URLs.
    pub fn allow_remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// Whether [`clean`](Self::clean) leaves HTML exactly as it is, so that nothing is taken out of it: for programs that would
    /// rather refuse than change what they are given.  HTML that is only written in another way than `clean` writes it, such
    /// as with a tag left out, is not clean here; nor need what `clean` has made be, for reading it may mend it once more.
    ///
    /// ```
    /// # use smtp_message::HtmlPolicy;
    /// assert!(HtmlPolicy::new().is_clean("<p>Hi</p>"));
    /// assert!(!HtmlPolicy::new().is_clean("<p>Hi</p><script>steal()</script>"));
    /// ```
    pub fn is_clean(&self, html: &str) -> bool {
        self.clean(html) == html
    }

    /// Takes out all that may not stay.
    pub fn clean(&self, html: &str) -> String {
        let remote = self.remote;
        let mut builder = Builder::default();
        builder
            .add_tags(["center", "font"])
            .add_generic_attributes(["style", "align", "bgcolor", "width", "height", "dir"])
            .add_tag_attributes("font", ["color", "face", "size"])
            .add_tag_attributes("table", ["border", "cellpadding", "cellspacing", "role"])
            .filter_style_properties(HashSet::from(PROPERTIES))
            .url_schemes(HashSet::from(["https", "http", "mailto", "tel", "cid"]))
            .url_relative(UrlRelative::Deny)
            .attribute_filter(move |element, name, value| {
                // What a link or a quotation refers to is loaded by nobody but its reader.
                let refers = matches!((element, name), ("a", "href") | (_, "cite"));
                let loads = matches!(name, "src" | "href" | "background" | "poster" | "srcset") && !refers;
                let is_cid = value.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:"));
                // An escape could hide another.
                let hides =
                    name == "style" && (value.contains('\\') || value.to_ascii_lowercase().contains("url"));
                (!hides && (remote || !loads || is_cid)).then_some(Cow::Borrowed(value))
            });
        builder.clean(html).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_runs_or_loads_stays() {
        for html in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<a href=\"JaVaScRiPt:alert(1)\">x</a>",
            "<svg onload=alert(1)>",
            "<iframe src=\"https://example.com\"></iframe>",
            "<style>@import 'https://example.com'</style>",
            "<link rel=stylesheet href=\"https://example.com\">",
            "<div style=\"background-image: url(https://example.com)\">x</div>",
            "<div style=\"color: \\75rl(https://example.com)\">x</div>",
            "<table background=\"https://example.com\"><tr><td background=\"https://example.com\">x</table>",
            "<img srcset=\"https://example.com 2x\">",
            "<video poster=\"https://example.com\" src=\"https://example.com\"></video>",
            "<form action=\"https://example.com\"><input></form>",
            "<meta http-equiv=refresh content=\"0;url=https://example.com\">",
            "<base href=\"https://example.com\">",
            "<object data=\"https://example.com\"></object>",
            "<!--[if mso]><script>alert(1)</script><![endif]-->",
        ] {
            let clean = HtmlPolicy::new().clean(html);
            assert!(!HtmlPolicy::new().is_clean(html) && HtmlPolicy::new().is_clean(&clean), "{html}");
            let clean = clean.to_lowercase();
            for bad in
                ["script", "alert", "example.com", "onerror", "onload", "<form", "<iframe", "<style", "url"]
            {
                assert!(!clean.contains(bad), "{html} has become {clean}");
            }
        }
    }

    #[test]
    fn what_a_message_needs_stays() {
        for html in [
            "<p style=\"color:red\">Grüße</p>",
            "<img src=\"cid:logo\" alt=\"x\">",
            "<table width=\"600\" cellpadding=\"0\"><tbody><tr><td align=\"center\">x</td></tr></tbody></table>",
            "<b>a</b> &lt; <i>b</i>",
        ] {
            assert_eq!(HtmlPolicy::new().clean(html), html);
            assert!(HtmlPolicy::new().is_clean(html));
        }
        let link = HtmlPolicy::new().clean("<a href=\"https://example.com/\">x</a>");
        assert!(link.contains("href=\"https://example.com/\""), "{link}");
        let image = "<img src=\"https://example.com/a.png\">";
        assert_eq!(HtmlPolicy::new().allow_remote().clean(image), image);
        assert_eq!(HtmlPolicy::new().clean(image), "<img>");
    }
}
