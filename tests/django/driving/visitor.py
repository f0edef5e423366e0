"""A visitor without a browser: keeps cookies, sends forms, and remembers what the cache said."""

import http.client
import re
from dataclasses import dataclass, field
from email.message import Message
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

#: Django's alphabet of form tokens.
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SECRET_CHARACTERS = 32
_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{64}(?![0-9A-Za-z])")


def unmask(token: str) -> str:
    """The secret that a masked token stands for."""
    pairs = zip(token[:_SECRET_CHARACTERS], token[_SECRET_CHARACTERS:], strict=True)
    return "".join(_LETTERS[(_LETTERS.index(own) - _LETTERS.index(mask)) % len(_LETTERS)] for mask, own in pairs)


@dataclass
class Answer:
    """What came back."""

    status: int
    fields: Message
    text: str

    @property
    def cache_status(self) -> str:
        """As RFC 9211 has it; empty where no cache has spoken."""
        return self.fields.get("cache-status", "")

    @property
    def is_hit(self) -> bool:
        """Whether it came from the cache."""
        return "hit" in [part.strip() for part in self.cache_status.split(";")]

    @property
    def tokens(self) -> list[str]:
        """Every form token in the page, wherever it stands."""
        return _TOKEN.findall(self.text)

    @property
    def messages(self) -> list[str]:
        """What the page says to its visitor."""
        return [unescape(own) for own in re.findall(r'<p class="message">(.*?)</p>', self.text)]

    @property
    def language(self) -> str:
        """Of the page."""
        found = re.search(r'<html lang="([a-z]+)"', self.text)
        assert found, f"a page without a language: {self.status} {self.text[:200]}"
        return found[1]


@dataclass
class Visitor:
    """Somebody at an address of this machine."""

    port: int
    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, **fields: str) -> Answer:
        """Loads a page."""
        return self._ask("GET", path, None, fields)

    def post(self, path: str, form: dict[str, str], *, referer: str = "/", **fields: str) -> Answer:
        """Sends a form, as from the page at `referer`; a redirect is not followed."""
        fields["Content-Type"] = "application/x-www-form-urlencoded"
        fields["Referer"] = f"http://127.0.0.1:{self.port}{referer}"
        fields["Origin"] = f"http://127.0.0.1:{self.port}"
        return self._ask("POST", path, urlencode(form).encode(), fields)

    def follow(self, answer: Answer) -> Answer:
        """Loads where a redirect leads to."""
        assert answer.status == 302, f"no redirect: {answer.status} {answer.text[:300]}"
        parts = urlsplit(answer.fields["location"])
        return self.get(parts.path + (f"?{parts.query}" if parts.query else ""))

    def close(self) -> None:
        """Leaves."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, path: str, body: bytes | None, fields: dict[str, str]) -> Answer:
        fields.setdefault("Accept-Language", self.language)
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            self._connection.request(method, path, body, fields)
            response = self._connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        self._take_cookies(response.headers)
        if response.will_close:
            self.close()
        return Answer(response.status, response.headers, text)

    def _take_cookies(self, fields: Message) -> None:
        for line in fields.get_all("set-cookie", []):
            for name, cookie in SimpleCookie(line).items():
                if cookie["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    # As it stands on the wire: quoted values are sent back quoted.
                    self.cookies[name] = cookie.coded_value
