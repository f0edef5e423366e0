//! Words into HTML.

use std::fmt::{self, Write as _};

/// Text as HTML shows it, in elements and in quoted attributes alike. Everything that anybody can
/// edit goes through this.
pub(super) struct Text<'t>(pub(super) &'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Each of `items`, drawn one after the other.
pub(super) fn each<T>(items: &[T], draw: impl Fn(&T) -> String) -> String {
    items.iter().map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn nothing_gets_out_of_its_place() {
        assert_eq!(
            Text(r#"<a href="x" id='y'>&</a>"#).to_string(),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/a&gt;"
        );
    }
}
