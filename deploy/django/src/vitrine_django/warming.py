"""Asks vitrine for pages before visitors do."""

import http.client
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db.models import Model
from django.utils import translation
from django.utils.encoding import iri_to_uri

from . import registry, webhook

#: Pages of one round, at most; the command says where it stops.
PAGES_MAX = 100_000


@dataclass(frozen=True)
class Page:
    """A path, and the language in which it is asked for; none: the shop's first."""

    path: str
    language: str | None = None


@dataclass
class Warmed:
    """What came of a round."""

    stored: int = 0
    hits: int = 0
    not_cached: int = 0
    failed: int = 0
    #: The first words of what failed or is not cached.
    words: str = ""


def object_paths(languages: Iterable[str | None]) -> Iterator[Page]:
    """The pages of all objects of registered models that have `get_absolute_url`."""
    for model in registry.models():
        if not hasattr(model, "get_absolute_url"):
            continue
        for instance in model._default_manager.iterator(chunk_size=1000):
            for language in languages:
                yield Page(_path(instance, language), language)


def _path(instance: Model, language: str | None) -> str:
    with translation.override(language or translation.get_language()):
        return str(iri_to_uri(instance.get_absolute_url()))


def sitemap_paths(document: bytes) -> list[str]:
    """The paths that a sitemap names, each once.

    Raises `ValueError` where it is no sitemap of pages.
    """
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is no XML: {error}") from None
    if not root.tag.endswith("urlset"):
        raise ValueError("it is no sitemap of pages; name the sitemaps that an index lists")
    found: dict[str, None] = {}
    for own in root.iter():
        if own.tag.endswith("}loc") and own.text:
            parts = urlsplit(own.text.strip())
            found[(parts.path or "/") + (f"?{parts.query}" if parts.query else "")] = None
    return list(found)


@dataclass(frozen=True)
class Warmer:
    """Asks at vitrine's public address, and nowhere else, whatever a sitemap says."""

    public_url: str
    host: str
    timeout_seconds: float

    def get(self, page: Page) -> tuple[int, str, bytes]:
        """Status, Cache-Status and body. Raises `OSError` or `HTTPException`."""
        fields = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "vitrine-django"}
        if self.host:
            fields["Host"] = self.host
        if page.language:
            fields["Accept-Language"] = page.language
        base = self.public_url.rstrip("/")
        answer = webhook.exchange("GET", base + page.path, fields, None, timeout_seconds=self.timeout_seconds)
        return answer.status, answer.fields.get("cache-status", ""), answer.body

    def warm(self, pages: Iterable[Page], concurrency: int) -> Warmed:
        """Asks for each page, so many at a time."""
        warmed, lock = Warmed(), threading.Lock()

        def ask(page: Page) -> None:
            try:
                status, cache_status, _ = self.get(page)
            except (OSError, http.client.HTTPException) as error:
                status, cache_status = 0, str(error) or type(error).__name__
            with lock:
                _count(warmed, page, status, cache_status)

        with ThreadPoolExecutor(concurrency) as workers:
            for _ in workers.map(ask, pages):
                pass
        return warmed


def _count(warmed: Warmed, page: Page, status: int, cache_status: str) -> None:
    parts = [part.strip() for part in cache_status.split(";")]
    if status == 0 or status >= 400:
        warmed.failed += 1
    elif "hit" in parts:
        warmed.hits += 1
        return
    elif "stored" in parts:
        warmed.stored += 1
        return
    else:
        warmed.not_cached += 1
    warmed.words = warmed.words or f"{page.path}: {status or 'no answer'} {cache_status}"
