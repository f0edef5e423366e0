"""`manage.py cache_manager`: looks at vitrine, clears, purges and warms it."""

import http.client
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import conf, names
from ...admin_api import AdminApi, AdminError
from ...models import Event
from ...warming import PAGES_MAX, Page, Warmer, object_paths, sitemap_paths

#: vitrine has let go here, and has not confirmed that everybody has.
EXIT_UNCONFIRMED = 3


class Command(BaseCommand):
    """One word says what to do: status, clear, warm, purge."""

    help = (
        "Looks at vitrine, and clears, purges or warms it. "
        "Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 in force, but not confirmed by every proxy."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The arguments."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="status|clear|warm|purge")
        status = actions.add_parser("status", help="caches, hit rates, and what waits in the outbox")
        status.add_argument("--json", action="store_true", help="vitrine's own answer")
        clear = actions.add_parser("clear", help="throw away everything that is cached, or one cache")
        clear.add_argument("--cache", choices=["default", "products", "sessions"])
        purge = actions.add_parser("purge", help="let go of what bears a tag, and of URLs")
        purge.add_argument("--tag", action="append", default=[], help="as the site names it: product:12")
        purge.add_argument("--url", action="append", default=[], help="a path, or a whole URL")
        warm = actions.add_parser("warm", help="ask for pages ahead of visitors")
        warm.add_argument("--url", action="append", default=[], help="a path; without --url and --sitemap: every object's page")
        warm.add_argument("--sitemap", action="append", default=[], help="the path of a sitemap: /sitemap.xml")
        warm.add_argument("--languages", action="store_true", help="each page in each of LANGUAGES")
        warm.add_argument("--concurrency", type=_concurrency, default=4, help="pages at a time, 1 to 32")

    def handle(self, *args: Any, **options: Any) -> None:
        """Does what the word says."""
        try:
            read = conf.load()
            getattr(self, f"_{options['action']}")(read, options)
        except (AdminError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error

    def _status(self, read: conf.VitrineSettings, options: dict[str, Any]) -> None:
        status = AdminApi.from_settings(read).status()
        if options["json"]:
            self.stdout.write(json.dumps(status, indent=2))
            return
        self.stdout.write(f"vitrine {status.get('version')} at {read.admin_url}, up {status.get('uptime_seconds')} s")
        ratio = status.get("hit_ratio")
        self.stdout.write(f"hit rate  {'nothing asked yet' if ratio is None else f'{ratio:.1%}'}")
        for cache in status.get("caches", []):
            tier = cache.get("store") or cache.get("memory") or {}
            self.stdout.write(f"cache     {cache.get('name')}: {tier.get('entries')} pages, {tier.get('bytes')} bytes")
        for part in ("store", "ledger"):
            trouble = (status.get(part) or {}).get("trouble")
            if trouble:
                self.stdout.write(f"trouble   {part}: {trouble}")
        for using in read.databases:
            waiting = Event.objects.using(using).filter(delivered_at=None)
            oldest = waiting.order_by("created_at").first()
            words = f", the oldest since {oldest.created_at:%Y-%m-%d %H:%M:%S}: {oldest.outcome or 'not tried'}" if oldest else ""
            self.stdout.write(f"outbox    {using}: {waiting.count()} events waiting{words}")

    def _clear(self, read: conf.VitrineSettings, options: dict[str, Any]) -> None:
        answer = AdminApi.from_settings(read).clear(options["cache"])
        caches = ", ".join(answer.get("caches", []))
        self._confirmed(answer, f"cleared {caches}")

    def _purge(self, read: conf.VitrineSettings, options: dict[str, Any]) -> None:
        if not options["tag"] and not options["url"]:
            raise CommandError("say what to purge, with --tag or --url", returncode=2)
        try:
            tags = names.for_event(options["tag"])
        except ValueError as error:
            raise CommandError(f"--tag: {error}", returncode=2) from error
        api = AdminApi.from_settings(read)
        answers = [api.purge_tags(tags)] if tags else []
        answers += [api.purge_url(url) for url in options["url"]]
        purged = [own for answer in answers for own in answer.get("purged", [])]
        matched = sum(own.get("matched") or 0 for own in purged)
        unconfirmed = next((answer for answer in answers if answer.get("confirmed") is not True), None)
        words = f"purged {len(options['tag'])} tags and {len(options['url'])} URLs: {matched} pages let go"
        self._confirmed(unconfirmed or {"confirmed": True}, words)

    def _confirmed(self, answer: dict[str, Any], words: str) -> None:
        if answer.get("confirmed") is not True:
            obstacle = answer.get("obstacle") or "not every proxy has let go yet"
            raise CommandError(f"{words}; in force, but not confirmed: {obstacle}", returncode=EXIT_UNCONFIRMED)
        self.stdout.write(f"{words}; confirmed")

    def _warm(self, read: conf.VitrineSettings, options: dict[str, Any]) -> None:
        warmer = Warmer(read.public_url, read.site_host, max(read.timeout_seconds, 30.0))
        pages = list(islice(self._pages(warmer, options), PAGES_MAX + 1))
        if len(pages) > PAGES_MAX:
            raise CommandError(f"more than {PAGES_MAX} pages; warm them in parts")
        if not pages:
            raise CommandError("there is nothing to warm: no registered model has get_absolute_url; use --url or --sitemap")
        warmed = warmer.warm(pages, options["concurrency"])
        words = f"{warmed.stored} stored, {warmed.hits} were cached, {warmed.not_cached} are not cached, {warmed.failed} failed"
        if warmed.failed:
            raise CommandError(f"{words}; the first: {warmed.words}")
        self.stdout.write(words + (f"; the first that is not: {warmed.words}" if warmed.not_cached else ""))

    def _pages(self, warmer: Warmer, options: dict[str, Any]) -> Iterator[Page]:
        languages = [code for code, _ in settings.LANGUAGES] if options["languages"] else [None]
        if not options["url"] and not options["sitemap"]:
            yield from object_paths(languages)
            return
        paths: list[str] = list(options["url"])
        for sitemap in options["sitemap"]:
            paths += self._sitemap(warmer, sitemap)
        for path in paths:
            if not path.startswith("/"):
                raise CommandError(f"{path!r} is no path: it must begin with /", returncode=2)
            for language in languages:
                yield Page(path, language)

    def _sitemap(self, warmer: Warmer, path: str) -> list[str]:
        if not path.startswith("/"):
            raise CommandError(f"--sitemap {path!r} is no path: it must begin with /", returncode=2)
        try:
            status, _, body = warmer.get(Page(path))
            if status != 200:
                raise ValueError(f"it is answered {status}")
            return sitemap_paths(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CommandError(f"cannot read the sitemap {path}: {error}") from error


def _concurrency(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 32:
        raise ValueError
    return number
