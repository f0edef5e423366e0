"""The settings: `VITRINE = {...}`, read once for each use, so that tests may override them.

Reading knows every mistake and raises the first; `problems()` lists all of them, for `manage.py check`.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: Bytes of a webhook's secret that Standard Webhooks allows.
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
#: Characters of an admin token that vitrine takes.
TOKEN_CHARACTERS_MIN = 16

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class VitrineSettings:
    """Everything that `VITRINE` may say, in lower case, with its defaults."""

    #: Where vitrine takes webhooks: its address and `invalidation.webhooks[].path` of proxy.yaml.
    webhook_url: str = ""
    #: `invalidation.webhooks[].secret` of proxy.yaml: `whsec_` and base64.
    webhook_secret: str = field(default="", repr=False)
    #: vitrine's admin address, for `manage.py cache_manager`.
    admin_url: str = "http://127.0.0.1:8081"
    #: `admin.token` of proxy.yaml; empty where vitrine has none.
    admin_token: str = field(default="", repr=False)
    #: vitrine's public address, which `cache_manager warm` asks.
    public_url: str = "http://127.0.0.1:8080"
    #: The Host that `cache_manager warm` asks for; empty: that of `public_url`.
    site_host: str = ""
    #: The event that names what has changed.
    event: str = "vitrine.changed"
    #: The event that ends a session; empty: none is sent.
    logout_event: str = "user.logged_out"
    #: Models whose changes are told, as `app_label.Model`, each with a function that gives further tags, or its dotted path,
    #: or None.
    models: Mapping[str, str | Callable[[Any], Iterable[str]] | None] = field(default_factory=dict)
    #: Databases with an outbox. A change in another one is put into the first of these, after its commit.
    databases: tuple[str, ...] = ("default",)
    #: Tags that one page bears at most; vitrine stores pages with up to 128, and the rule's own count too.
    page_tags_max: int = 100
    #: Bytes of the field that bears them.
    page_tags_bytes_max: int = 4096
    #: Whether pages of signed-in visitors bear all tags; else the visitor's own alone.
    tag_private_pages: bool = False
    #: Seconds that one delivery may take, from connecting to the last byte of its answer.
    timeout_seconds: float = 10.0
    #: Seconds that a commit waits for vitrine, so that who made a change sees it at the next load; 0: it is left to the sender.
    commit_wait_seconds: float = 2.0
    #: Seconds between two looks into an empty outbox.
    poll_seconds: float = 0.25
    #: The longest pause, in seconds, between two attempts.
    pause_seconds_max: float = 30.0
    #: Days that delivered events are kept, to be looked at.
    keep_days: int = 7
    #: Whether each process of the site runs a sender in a thread of its own.
    sender_thread: bool = False


@dataclass(frozen=True)
class Problem:
    """A mistake in the settings: the check's id, what is wrong, and what to do."""

    id: str
    message: str
    hint: str


def load() -> VitrineSettings:
    """The settings as they are now.

    Raises `ImproperlyConfigured` with the first mistake.
    """
    for problem in problems():
        raise ImproperlyConfigured(f"{problem.id}: {problem.message} {problem.hint}")
    return _read(settings.VITRINE)


def problems() -> Iterator[Problem]:
    """Every mistake that can be seen without the models."""
    written = getattr(settings, "VITRINE", None)
    if not isinstance(written, Mapping):
        yield Problem("vitrine.E001", "The setting VITRINE is missing or no dictionary.", "Write VITRINE = {...}.")
        return
    shapes = list(_shape_problems(written))
    yield from shapes
    if not shapes:
        yield from _value_problems(_read(written))


def _read(written: Mapping[str, Any]) -> VitrineSettings:
    values = {name.lower(): value for name, value in written.items()}
    if "databases" in values:
        values["databases"] = tuple(values["databases"])
    return VitrineSettings(**values)


_DEFAULTS = VitrineSettings()


def _shape_problems(written: Mapping[str, Any]) -> Iterator[Problem]:
    known = {own.name.upper() for own in fields(VitrineSettings)}
    for name, value in written.items():
        if name not in known:
            yield Problem("vitrine.E002", f"VITRINE has no key {name!r}.", f"There are {', '.join(sorted(known))}.")
            continue
        accepted = _accepted(name.lower(), value)
        if accepted is not None:
            yield Problem("vitrine.E003", f"VITRINE[{name!r}] is {type(value).__name__}.", f"It must be {accepted}.")


def _accepted(name: str, value: Any) -> str | None:
    """In words what a value must be, where it is not."""
    default = getattr(_DEFAULTS, name)
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "True or False"
    if isinstance(default, int | float):
        is_number = isinstance(value, int if isinstance(default, int) else (int, float)) and not isinstance(value, bool)
        return None if is_number else "a number" if isinstance(default, float) else "a whole number"
    if isinstance(default, str):
        return None if isinstance(value, str) else "a text"
    if isinstance(default, tuple):
        is_list = isinstance(value, list | tuple) and all(isinstance(own, str) for own in value)
        return None if is_list and value else "a list of at least one database's alias"
    is_map = isinstance(value, Mapping) and all(
        isinstance(model, str) and (tags is None or isinstance(tags, str) or callable(tags)) for model, tags in value.items()
    )
    return None if is_map else "a dictionary from 'app_label.Model' to a function, its dotted path, or None"


def _value_problems(read: VitrineSettings) -> Iterator[Problem]:
    yield from _url_problems(read)
    yield from _secret_problems(read)
    if not read.event:
        yield Problem("vitrine.E006", "VITRINE['EVENT'] is empty.", "Name the event as proxy.yaml does.")
    for name, least, most in _RANGES:
        value = getattr(read, name)
        if not least <= value <= most:
            yield Problem(
                "vitrine.E007", f"VITRINE[{name.upper()!r}] is {value}.", f"It must be from {least} to {most}."
            )
    for alias in read.databases:
        if alias not in settings.DATABASES:
            yield Problem(
                "vitrine.E008",
                f"VITRINE['DATABASES'] names {alias!r}, which is not in DATABASES.",
                f"There are {', '.join(settings.DATABASES) or 'none'}.",
            )


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("page_tags_max", 1, 128),
    ("page_tags_bytes_max", 128, 16384),
    ("timeout_seconds", 0.1, 60),
    ("commit_wait_seconds", 0, 30),
    ("poll_seconds", 0.01, 60),
    ("pause_seconds_max", 0.1, 3600),
    ("keep_days", 0, 3650),
)


def _url_problems(read: VitrineSettings) -> Iterator[Problem]:
    if not read.webhook_url:
        yield Problem(
            "vitrine.E004",
            "VITRINE['WEBHOOK_URL'] is missing.",
            "Write vitrine's address with the webhook's path, such as http://127.0.0.1:8080/webhooks/shop.",
        )
    for name in ("webhook_url", "admin_url", "public_url"):
        url = getattr(read, name)
        if url and not is_http_url(url):
            yield Problem("vitrine.E004", f"VITRINE[{name.upper()!r}] is no http(s) URL: {url!r}.", "Write http://host:port.")
    if read.admin_token and len(read.admin_token) < TOKEN_CHARACTERS_MIN:
        yield Problem(
            "vitrine.E009", "VITRINE['ADMIN_TOKEN'] has fewer characters than vitrine takes.", "Write admin.token of proxy.yaml."
        )
    if not read.admin_token and is_http_url(read.admin_url) and urlsplit(read.admin_url).hostname not in _LOOPBACK:
        yield Problem(
            "vitrine.E009",
            "VITRINE['ADMIN_URL'] is on another machine, and there is no ADMIN_TOKEN.",
            "Write admin.token of proxy.yaml: without one vitrine answers its own machine alone.",
        )


def is_http_url(url: str) -> bool:
    """Whether a text is a URL that can be asked over HTTP."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  It is read when asked for, and raises where it is no number.
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _secret_problems(read: VitrineSettings) -> Iterator[Problem]:
    try:
        secret_bytes(read.webhook_secret)
    except ValueError as error:
        yield Problem(
            "vitrine.E005",
            f"VITRINE['WEBHOOK_SECRET'] {error}.",
            'Make one with: echo "whsec_$(openssl rand -base64 32)", and give the same to proxy.yaml.',
        )


def secret_bytes(secret: str) -> bytes:
    """The key in a `whsec_` secret.

    Raises `ValueError` that says what is wrong with it, and never shows it.
    """
    if not secret:
        raise ValueError("is missing")
    prefix, _, encoded = secret.partition("_")
    if prefix != "whsec":
        raise ValueError("does not begin with whsec_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64 after whsec_") from None
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise ValueError(f"holds {len(key)} bytes; {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} are taken")
    return key
