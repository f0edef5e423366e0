//! One request's head, read in place, and more strictly than hyper's server can be told to.
//!
//! httparse tells the parts of the head, as it does for hyper, so that both read the same; what comes on top only refuses. Whatever
//! this reader does not take goes to hyper as it came, to be answered or refused there.

use super::super::{Limits, Refusal};
use crate::headers::Fields;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use httparse::{Header, Status};
use std::borrow::Cow;
use std::mem::MaybeUninit;

/// Fields of a head that there is room for: hyper's own bound, and that of most origins.
pub(in crate::accept) const FIELDS_MAX: usize = 100;
/// Room for the parts of a head while it is read.
pub(super) type Room<'a> = [MaybeUninit<Header<'a>>; FIELDS_MAX];

/// Room for a head.
pub(super) const fn room<'a>() -> Room<'a> {
    [const { MaybeUninit::uninit() }; FIELDS_MAX]
}

/// What stands at the beginning of some bytes.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// A part of a head.
    Partial,
    /// A head of so many bytes.
    Whole(Head<'a>, usize),
    /// A head of so many bytes that no server behind is to see.
    Refused(Refusal, usize),
    /// Nothing that is read here: hyper refuses it, or knows better.
    Other,
}

/// A request's head (RFC 9112 3 and 5).
#[derive(Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: Method,
    /// The request target as it stands there.
    pub target: &'a str,
    /// Whether it is HTTP/1.1; else 1.0.
    pub is_http_11: bool,
    fields: &'a [Header<'a>],
    /// A bit for each kind of name that is there: most questions are answered by it.
    kinds: u64,
}

/// How a message ends (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// With its head.
    None,
    /// So many bytes after it.
    Length(u64),
    /// With its last chunk and the trailer section.
    Chunked,
}

/// Reads what stands at the beginning of `bytes`.
pub(super) fn read<'a>(bytes: &'a [u8], room: &'a mut Room<'a>, limits: &Limits) -> Read<'a> {
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, room) {
        Ok(Status::Complete(length)) if length <= limits.head_bytes_max => length,
        Ok(Status::Partial) if bytes.len() <= limits.head_bytes_max => return Read::Partial,
        Ok(_) | Err(_) => return Read::Other,
    };
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Read::Other;
    };
    let Ok(method) = Method::from_bytes(method.as_bytes()) else { return Read::Other };
    let fields: &'a [Header<'a>] = request.headers;
    let kinds = fields.iter().fold(0, |kinds, field| kinds | kind(field.name));
    let head = Head { method, target, is_http_11: version == 1, fields, kinds };
    match head.check(&bytes[..length]) {
        Err(refusal) => Read::Refused(refusal, length),
        Ok(()) => Read::Whole(head, length),
    }
}

const fn refuse(message: &'static str) -> Result<(), Refusal> {
    Err(Refusal { status: StatusCode::BAD_REQUEST, message })
}

/// The bit of a name: by its length and its first letter, whatever case that is in.
const fn kind(name: &str) -> u64 {
    let first = match name.as_bytes() {
        [first, ..] => (*first | 0x20) as usize,
        [] => 0,
    };
    1 << ((name.len() ^ (first << 1)) & 63)
}

/// Fields that only hyper, or the long way behind it, understands.
const SPECIAL: [&str; 7] =
    ["content-length", "transfer-encoding", "expect", "upgrade", "range", "if-range", "authorization"];
/// The bits of their names.
const SPECIAL_KINDS: u64 = {
    let (mut kinds, mut names) = (0, SPECIAL.as_slice());
    while let [name, rest @ ..] = names {
        kinds |= kind(name);
        names = rest;
    }
    kinds
};

impl Head<'_> {
    /// What hyper's server takes and does not tell (rows S1, S3, S9, S13).
    fn check(&self, bytes: &[u8]) -> Result<(), Refusal> {
        // No value holds one of them, so that each line end is one of both. Counted by parts that a byte's sum has room for, which the
        // processor does many bytes at a time.
        let surplus =
            |part: &[u8]| part.iter().map(|byte| i8::from(*byte == b'\r') - i8::from(*byte == b'\n')).sum::<i8>();
        if bytes.chunks(100).map(surplus).map(i32::from).sum::<i32>() != 0 {
            return refuse("a line of the head ends without a carriage return");
        }
        let lengths = self.lines(&header::CONTENT_LENGTH).count();
        if lengths > 0 && self.has(&header::TRANSFER_ENCODING) {
            return refuse("Content-Length beside Transfer-Encoding");
        }
        if lengths > 1 {
            return refuse("Content-Length must be one number in plain digits");
        }
        Ok(())
    }

    /// How the message ends; none where that is not to be told, and hyper will refuse it or close the connection after it.
    pub(super) fn framing(&self) -> Option<Framing> {
        let mut codings = self.lines(&header::TRANSFER_ENCODING);
        if let Some(coding) = codings.next() {
            let is_chunked = self.is_http_11 && coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
            return is_chunked.then_some(Framing::Chunked);
        }
        match self.lines(&header::CONTENT_LENGTH).next() {
            None => Some(Framing::None),
            Some(digits) if digits.iter().all(u8::is_ascii_digit) => {
                str::from_utf8(digits).ok()?.parse().ok().map(Framing::Length)
            }
            Some(_) => None,
        }
    }

    /// Whether the client asks for the end of the connection; none where it says anything else than that it goes on, which is for
    /// hyper to understand.
    pub(super) fn closes(&self) -> Option<bool> {
        let mut lines = self.lines(&header::CONNECTION);
        match (lines.next(), lines.next()) {
            (None, _) => Some(false),
            (Some(option), None) if option.eq_ignore_ascii_case(b"keep-alive") => Some(false),
            (Some(option), None) if option.eq_ignore_ascii_case(b"close") => Some(true),
            _ => None,
        }
    }

    /// Whether it is a plain question for a resource of ours, within all limits of size: nothing about its message is special.
    pub(super) fn is_plain(&self, limits: &Limits) -> bool {
        let is_special = |field: &Header<'_>| SPECIAL.iter().any(|special| special.eq_ignore_ascii_case(field.name));
        let is_small = |field: &Header<'_>| field.name.len() + field.value.len() <= limits.field_bytes_max;
        (self.method == Method::GET || self.method == Method::HEAD)
            && self.is_http_11
            && self.target.len() <= limits.target_bytes_max
            && self.target.starts_with('/')
            && self.target.bytes().all(|byte| PLAIN_IN_TARGET[usize::from(byte)])
            && self.fields.len() <= limits.fields_max
            && self.fields.iter().all(is_small)
            && (self.kinds & SPECIAL_KINDS == 0 || !self.fields.iter().any(is_special))
    }
}

/// Characters that need no second thought: those of RFC 3986's paths and queries. Others are rare, and hyper's matter.
const PLAIN_IN_TARGET: [bool; 256] = {
    let (mut table, mut others) = ([false; 256], b"/-._~%!$&'()*+,;=:@?".as_slice());
    let mut byte = 0_u8;
    while byte.is_ascii() {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    while let [other, rest @ ..] = others {
        table[*other as usize] = true;
        others = rest;
    }
    table
};

impl<'h> Fields for Head<'h> {
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a, 'h> {
        let is_there = self.kinds & kind(name.as_str()) != 0;
        let name = name.clone();
        let fields = if is_there { self.fields } else { &[] };
        let own = move |field: &&Header<'h>| field.name.eq_ignore_ascii_case(name.as_str());
        fields.iter().filter(own).map(|field| field.value)
    }

    fn has(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        self.kinds & kind(name) != 0 && self.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name))
    }

    fn to_map(&self) -> Cow<'_, HeaderMap> {
        let mut map = HeaderMap::with_capacity(self.fields.len());
        for field in self.fields {
            // httparse has seen to both; what it took and the map does not is left to whoever misses it.
            let name = HeaderName::from_bytes(field.name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(field.value)) {
                map.append(name, value);
            }
        }
        Cow::Owned(map)
    }
}
