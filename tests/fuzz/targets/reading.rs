//! Strict readings, straight from the grammars of RFC 9110 and RFC 9111 and without regard to speed, which what is fuzzed is held
//! against.

/// One member of a list: a name and perhaps an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// In lower case.
    pub(super) name: String,
    pub(super) argument: Option<String>,
    /// Blanks stood around the equals sign, or nothing behind it: no grammar allows it.
    pub(super) is_odd: bool,
}

/// `#( token [ "=" ( token / quoted-string ) ] )`, with blanks around the equals sign and nothing behind it let pass as odd;
/// none where the text is anything else.
pub(super) fn members(text: &str) -> Option<Vec<Member>> {
    let mut rest = text.as_bytes();
    let mut members = Vec::new();
    loop {
        rest = after_blanks(rest);
        if let Some((&first, after)) = rest.split_first()
            && first == b','
        {
            rest = after;
            continue;
        }
        if rest.is_empty() {
            return Some(members);
        }
        let (member, after) = member(rest)?;
        members.push(member);
        rest = after_blanks(after);
        match rest.split_first() {
            None => return Some(members),
            Some((b',', after)) => rest = after,
            Some(_) => return None,
        }
    }
}

fn member(text: &[u8]) -> Option<(Member, &[u8])> {
    let (name, rest) = token(text)?;
    let name = name.to_ascii_lowercase();
    let behind = after_blanks(rest);
    let Some(value) = behind.strip_prefix(b"=") else {
        return Some((Member { name, argument: None, is_odd: false }, rest));
    };
    let trimmed = after_blanks(value);
    let is_apart = behind.len() != rest.len() || trimmed.len() != value.len();
    if let Some((argument, rest)) = quoted(trimmed).or_else(|| token(trimmed)) {
        return Some((Member { name, argument: Some(argument), is_odd: is_apart }, rest));
    }
    let is_empty = trimmed.first().is_none_or(|byte| *byte == b',');
    is_empty.then(|| (Member { name, argument: Some(String::new()), is_odd: true }, trimmed))
}

pub(super) fn after_blanks(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    &text[end..]
}

pub(super) fn token(text: &[u8]) -> Option<(String, &[u8])> {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = text.iter().position(|byte| !is_tchar(byte)).unwrap_or(text.len());
    (end > 0).then(|| (String::from_utf8_lossy(&text[..end]).into_owned(), &text[end..]))
}

fn quoted(text: &[u8]) -> Option<(String, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut out = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return Some((String::from_utf8_lossy(&out).into_owned(), after)),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

/// `#entity-tag`; none where it is anything else. A backslash in an entity tag is a character like others (RFC 9110 8.8.3).
pub(super) fn entity_tags(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut rest, mut tags) = (text, Vec::new());
    loop {
        rest = after_blanks(rest);
        match rest {
            [] => return Some(tags),
            [b',', after @ ..] => {
                rest = after;
                continue;
            }
            _ => {}
        }
        let opaque = rest.strip_prefix(b"W/").unwrap_or(rest).strip_prefix(b"\"")?;
        let length = opaque.iter().position(|byte| *byte == b'"')?;
        let is_sound =
            opaque[..length].iter().all(|byte| *byte == 0x21 || (0x23..0x7f).contains(byte) || *byte >= 0x80);
        let after = &opaque[length + 1..];
        tags.push(rest[..rest.len() - after.len()].to_vec());
        rest = after_blanks(after);
        match rest {
            _ if !is_sound => return None,
            [] => return Some(tags),
            [b',', after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// A weight of RFC 9110 12.4.2 in thousandths.
pub(super) fn weight(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{fraction:0<3}").parse::<u32>().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}
