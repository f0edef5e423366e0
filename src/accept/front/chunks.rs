//! Where a chunked body ends (RFC 9112 7.1). hyper decodes it; this reader tells only which bytes are the body's, and takes one
//! spelling of each chunk (rows S16 to S19).

/// Digits of a chunk's size: more than any body has.
const DIGITS_MAX: u8 = 15;
/// Bytes of what stands behind a chunk's size, and of the trailer section, all chunks together.
const ASIDES_MAX: usize = 16 * 1024;

/// A reader in the midst of a body.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    /// What is left of a chunk, or of its size so far.
    size: u64,
    digits: u8,
    asides: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the beginning of a line behind the last chunk.
    Trailer,
    TrailerLine,
    TrailerLf,
    EndLf,
    End,
}

impl Chunks {
    /// Whether all of the body has been taken.
    pub(super) fn have_ended(&self) -> bool {
        self.place == Place::End
    }

    /// How many of these bytes are the body's.
    ///
    /// # Errors
    /// They are no chunks, or some that two readers could read differently.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, ()> {
        let mut at = 0;
        while at < bytes.len() && self.place != Place::End {
            if self.place == Place::Data {
                let here = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len() - at);
                self.size -= here as u64;
                at += here;
                if self.size == 0 {
                    self.place = Place::DataCr;
                }
            } else {
                self.place = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// The place behind one byte that is not a chunk's data.
    fn step(&mut self, byte: u8) -> Result<Place, ()> {
        match (self.place, byte) {
            (Place::Size, digit) if digit.is_ascii_hexdigit() && self.digits < DIGITS_MAX => {
                self.digits += 1;
                self.size = self.size * 16 + u64::from(char::from(digit).to_digit(16).unwrap_or_default());
                Ok(Place::Size)
            }
            (Place::Size, b'\r') if self.digits > 0 => Ok(Place::SizeLf),
            (Place::Size, b';') if self.digits > 0 => self.aside(Place::Extension),
            (Place::Extension | Place::TrailerLine, b'\t' | b' '..=b'~' | 0x80..) => self.aside(self.place),
            (Place::Extension, b'\r') => Ok(Place::SizeLf),
            (Place::SizeLf, b'\n') => {
                self.digits = 0;
                Ok(if self.size == 0 { Place::Trailer } else { Place::Data })
            }
            (Place::DataCr, b'\r') => Ok(Place::DataLf),
            (Place::DataLf, b'\n') => Ok(Place::Size),
            (Place::Trailer, b'\r') => Ok(Place::EndLf),
            (Place::Trailer, b'!'..=b'~') => self.aside(Place::TrailerLine),
            (Place::TrailerLine, b'\r') => Ok(Place::TrailerLf),
            (Place::TrailerLf, b'\n') => Ok(Place::Trailer),
            (Place::EndLf, b'\n') => Ok(Place::End),
            _ => Err(()),
        }
    }

    fn aside(&mut self, place: Place) -> Result<Place, ()> {
        self.asides += 1;
        if self.asides > ASIDES_MAX { Err(()) } else { Ok(place) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes of a text are the body's, taken in parts of so many bytes; none where it is refused.
    fn body(text: &str, part: usize) -> Option<usize> {
        let mut chunks = Chunks::default();
        let mut taken = 0;
        for piece in text.as_bytes().chunks(part) {
            let own = chunks.take(piece).ok()?;
            taken += own;
            if own < piece.len() {
                break;
            }
        }
        chunks.have_ended().then_some(taken)
    }

    #[test]
    fn a_body_ends_where_it_ends_however_it_comes() {
        for text in [
            "0\r\n\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            "A;x=y\r\n0123456789\r\n1\r\n\n\r\n00\r\n\r\n",
            "3\r\nabc\r\n0\r\nx: y\r\nz: \r\n\r\n",
        ] {
            for part in 1..=text.len() {
                assert_eq!(body(text, part), Some(text.len()), "{text:?} in parts of {part}");
                assert_eq!(body(&format!("{text}GET /"), part), Some(text.len()), "{text:?} and more");
            }
            assert_eq!(body(&text[..text.len() - 1], 100), None, "{text:?} is not whole");
        }
    }

    #[test]
    fn s16_to_s19_what_two_could_read_differently_is_refused() {
        for text in [
            "\r\n",
            "g\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "3\nabc\r\n0\r\n\r\n",
            "3;a\nabc\r\n0\r\n\r\n",
            "3;a\0\r\nabc\r\n0\r\n\r\n",
            "3\r\nabcXX0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3\r\nabc\r\n0\r\n x: y\r\n\r\n",
            "10000000000000003\r\nabc\r\n0\r\n\r\n",
            "0000000000000003\r\nabc\r\n0\r\n\r\n",
        ] {
            assert_eq!(body(text, 1), None, "{text:?}");
        }
        let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(ASIDES_MAX));
        assert_eq!(body(&long, 100), None);
    }
}
