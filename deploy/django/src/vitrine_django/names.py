"""Names of what pages are made from: how a tag is spelt, and which broader one stands in for many.

Pages and events must spell a thing alike, so both take their names from here. A name is visible ASCII without comma and
percent sign; every other byte of the UTF-8 form is written as `%XX`. One that would be longer than vitrine takes is cut, and
ends in `~` and 32 hexadecimal digits of the SHA-256 of the whole: still one name for one thing.

What stands before the first colon of a name is its broader name: `product` for `product:12`. A page with too many names bears
broader ones in their place, and every event names them too. So a page that was named broadly is purged too often, never too
seldom.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable

#: Bytes of one tag that vitrine takes.
TAG_BYTES_MAX = 128
#: The broadest name: a page that even broader names could not describe. Every event purges it.
ANY = "vitrine-any"
#: Names a visitor's session, whose id vitrine hashes on arrival: not one of ours to spell.
SESSION_PREFIX = "session:"

_DIGEST_CHARACTERS = 32


def spell(text: str) -> str:
    """The tag for a text.

    Raises `ValueError` where the text is empty or names a session.
    """
    if not text:
        raise ValueError("a tag must not be empty")
    if text.startswith(SESSION_PREFIX):
        raise ValueError("tags that begin with 'session:' are vitrine's own: end a session with the event of its logout")
    encoded = "".join(_spell_byte(byte) for byte in text.encode("utf-8", "surrogatepass"))
    if len(encoded) <= TAG_BYTES_MAX:
        return encoded
    digest = hashlib.sha256(encoded.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{encoded[: TAG_BYTES_MAX - _DIGEST_CHARACTERS - 1]}~{digest}"


def _spell_byte(byte: int) -> str:
    is_plain = 0x21 <= byte <= 0x7E and byte not in b",%"
    return chr(byte) if is_plain else f"%{byte:02X}"


def broader(name: str) -> str | None:
    """The broader name of a name, which covers all that begin alike; none where the name is one already."""
    prefix, colon, _ = name.partition(":")
    return prefix if colon and prefix else None


def for_event(texts: Iterable[str]) -> list[str]:
    """The tags that a change of these things purges: their names, the broader ones, and the broadest, in a stable order.

    A text that vitrine would take as it stands is named in that form too: a rule in `proxy.yaml` may have made its tag from
    the path (`product:{slug}`), where nothing is percent-encoded.
    """
    names: dict[str, None] = {}
    for text in texts:
        name = spell(text)
        names[name] = None
        if name != text and _vitrine_takes(text):
            names[text] = None
    for name in list(names):
        above = broader(name)
        if above is not None:
            names[above] = None
    if names:
        names[ANY] = None
    return list(names)


def _vitrine_takes(text: str) -> bool:
    is_separator = any(character.isspace() or character == "," or not character.isprintable() for character in text)
    try:
        return not is_separator and len(text.encode()) <= TAG_BYTES_MAX
    except UnicodeEncodeError:
        return False


def within_limits(names: Iterable[str], count_max: int, bytes_max: int) -> list[str]:
    """The names that a page bears: at most so many, and so many bytes with the blanks between them.

    Where there are too many, the largest family of names with one broader name gives way to it, again and again; where
    that does not help, the page bears `ANY` alone. Nothing is left out.
    """
    kept = list(dict.fromkeys(names))
    while len(kept) > count_max or len(" ".join(kept)) > bytes_max:
        families = Counter(above for above in map(broader, kept) if above is not None)
        if not families:
            return [ANY]
        largest = max(families, key=lambda family: (families[family], family))
        kept = [largest, *(name for name in kept if broader(name) != largest and name != largest)]
    return kept
