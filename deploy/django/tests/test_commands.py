"""`cache_manager` and `vitrine_sender`, as an operator meets them."""

import os
import signal
import socket
import subprocess
import sys
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import TransactionTestCase

from vitrine_django import invalidate
from vitrine_django.models import Event

from .fake_vitrine import CONFIRMED, FakeVitrine, Reply, fake_vitrine
from .shop.models import Product
from .support import Registered, until, with_vitrine

STATUS = {
    "version": "0.1.0",
    "uptime_seconds": 7,
    "hit_ratio": 0.875,
    "caches": [{"name": "products", "memory": {"entries": 3, "bytes": 99}, "store": None}],
    "store": {"trouble": "the disk is full"},
    "ledger": {"trouble": None},
}
SITEMAP = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>https://shop.example/a/?page=2</loc></url><url><loc>https://shop.example/b/</loc></url></urlset>"""


class Commands(Registered, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        serving = fake_vitrine()
        self.vitrine: FakeVitrine = serving.__enter__()
        self.addCleanup(serving.__exit__, None, None, None)
        self.use()

    def use(self, **changed: Any) -> None:
        urls = {"ADMIN_URL": self.vitrine.url, "PUBLIC_URL": self.vitrine.url, "WEBHOOK_URL": self.vitrine.webhook_url}
        settings = with_vitrine(**{**urls, **changed})
        settings.enable()
        self.addCleanup(settings.disable)

    def run_command(self, *arguments: str) -> str:
        out = StringIO()
        call_command(*arguments, stdout=out)
        return out.getvalue()

    def assert_fails(self, code: int, words: str, *arguments: str) -> None:
        with self.assertRaises(CommandError) as raised:
            self.run_command(*arguments)
        self.assertIn(words, str(raised.exception))
        self.assertEqual(raised.exception.returncode, code)


class CacheManager(Commands):
    def test_status_shows_vitrine_and_the_outbox(self) -> None:
        self.vitrine.replies = [Reply(body=STATUS)]
        invalidate(tags=["x"])
        shown = self.run_command("cache_manager", "status")
        for words in ("vitrine 0.1.0", "87.5%", "products: 3 pages", "the disk is full", "1 events waiting", "not tried"):
            self.assertIn(words, shown)
        self.assertIn('"hit_ratio": 0.875', self.run_command("cache_manager", "status", "--json"))

    def test_the_token_is_shown_to_vitrine(self) -> None:
        self.use(ADMIN_TOKEN="0123456789abcdef")
        self.vitrine.replies = [Reply(body=STATUS)]
        self.run_command("cache_manager", "status")
        self.assertEqual(self.vitrine.asked[0].fields["authorization"], "Bearer 0123456789abcdef")

    def test_clear(self) -> None:
        self.vitrine.replies = [Reply(body={"caches": ["products"], "position": 4, "confirmed": True})]
        self.assertIn("cleared products; confirmed", self.run_command("cache_manager", "clear", "--cache", "products"))
        self.run_command("cache_manager", "clear")
        self.assertEqual([asked.json for asked in self.vitrine.asked], [{"cache": "products"}, {}])
        self.assertEqual(self.vitrine.asked[0].path, "/api/v1/clear")
        self.assertEqual(self.vitrine.asked[0].fields["content-type"], "application/json")

    def test_purge_names_what_the_site_names(self) -> None:
        self.vitrine.replies = [Reply(body={**CONFIRMED, "purged": [{"matched": 2}, {"matched": None}]})]
        shown = self.run_command("cache_manager", "purge", "--tag", "product:1", "--tag", "a b", "--url", "/x/")
        self.assertIn("purged 2 tags and 1 URLs: 4 pages let go; confirmed", shown)
        tags, url = (asked.json for asked in self.vitrine.asked)
        self.assertEqual(tags["tags"], ["product:1", "a%20b", "product", "vitrine-any"])
        self.assertEqual(url["url"], "/x/")

    def test_what_is_not_confirmed_has_an_exit_code_of_its_own(self) -> None:
        body = {**CONFIRMED, "confirmed": False, "obstacle": "shop-2 waits"}
        for status in (200, 202):
            self.vitrine.replies = [Reply(status, body)]
            self.assert_fails(3, "shop-2 waits", "cache_manager", "purge", "--tag", "x")
            self.assert_fails(3, "not confirmed", "cache_manager", "clear")

    def test_every_refusal_says_what_to_do(self) -> None:
        for reply, words in [
            (Reply(401, {"detail": "the admin token is missing or wrong"}), "ADMIN_TOKEN"),
            (Reply(403, {"detail": "no"}), "loopback"),
            (Reply(404, b"not found"), "admin address"),
            (Reply(400, {"detail": "url: no host"}), "url: no host"),
            (Reply(503, {"detail": "not durable"}), "not durable"),
            (Reply(302, b"", {"Location": "/"}), "302"),
            (Reply(200, b"<html>"), "does not answer as vitrine"),
            (Reply(200, b"[]"), "does not answer as vitrine"),
            (Reply(raw=b"nonsense\r\n\r\n"), "does not answer at"),
        ]:
            self.vitrine.replies = [reply]
            for arguments in (["status"], ["clear"], ["purge", "--tag", "x"]):
                with self.subTest(words, arguments=arguments):
                    self.assert_fails(1, words, "cache_manager", *arguments)

    def test_nobody_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.use(ADMIN_URL=f"http://127.0.0.1:{unused.getsockname()[1]}")
            self.assert_fails(1, "Does it run", "cache_manager", "status")

    def test_wrong_settings(self) -> None:
        self.use(WEBHOOK_SECRET="x")
        self.assert_fails(1, "vitrine.E005", "cache_manager", "status")

    def test_wrong_usage(self) -> None:
        self.assert_fails(2, "--tag or --url", "cache_manager", "purge")
        self.assert_fails(2, "must not be empty", "cache_manager", "purge", "--tag", "")
        self.assert_fails(2, "must begin with /", "cache_manager", "warm", "--url", "a")
        self.assert_fails(2, "must begin with /", "cache_manager", "warm", "--sitemap", "http://elsewhere.example/")
        for arguments in ([], ["frobnicate"], ["clear", "--cache", "x"], ["warm", "--concurrency", "0"]):
            ended = subprocess.run(
                [sys.executable, "-m", "django", "cache_manager", *arguments], capture_output=True, timeout=60
            )
            self.assertEqual(ended.returncode, 2, ended.stderr)


class Warming(Commands):
    def reply(self, cache_status: str, status: int = 200, body: bytes = b"page") -> Reply:
        return Reply(status, body, {"Cache-Status": cache_status})

    def test_every_objects_page_in_every_language(self) -> None:
        lamp = Product.objects.create(name="Lamp")
        self.vitrine.replies = [self.reply("vitrine; fwd=uri-miss; stored"), self.reply("vitrine; hit; ttl=9")]
        with self.settings(LANGUAGES=[("en", "English"), ("de", "Deutsch")]):
            shown = self.run_command("cache_manager", "warm", "--languages", "--concurrency", "1")
        self.assertIn("1 stored, 1 were cached, 0 are not cached, 0 failed", shown)
        asked = [(own.path, own.fields["accept-language"]) for own in self.vitrine.asked]
        self.assertEqual(asked, [(f"/products/{lamp.pk}/", "en"), (f"/products/{lamp.pk}/", "de")])

    def test_a_sitemap_and_paths_with_the_sites_host(self) -> None:
        self.use(SITE_HOST="shop.example")
        stored = self.reply("vitrine; stored")
        self.vitrine.replies = [self.reply("vitrine; fwd=miss", body=SITEMAP), stored]
        self.run_command("cache_manager", "warm", "--sitemap", "/sitemap.xml", "--url", "/c/", "--concurrency", "1")
        self.assertEqual([own.path for own in self.vitrine.asked], ["/sitemap.xml", "/c/", "/a/?page=2", "/b/"])
        self.assertEqual({own.fields["host"] for own in self.vitrine.asked}, {"shop.example"})

    def test_what_cannot_be_cached_is_told_and_what_fails_fails(self) -> None:
        self.vitrine.replies = [self.reply("vitrine; fwd=bypass; detail=cookie-sessionid")]
        self.assertIn("detail=cookie-sessionid", self.run_command("cache_manager", "warm", "--url", "/a/"))
        for reply in (self.reply("vitrine; fwd=miss", status=502), Reply(raw=b"")):
            self.vitrine.replies = [reply]
            self.assert_fails(1, "1 failed; the first: /a/", "cache_manager", "warm", "--url", "/a/")

    def test_nothing_to_warm_and_no_sitemap(self) -> None:
        self.assert_fails(1, "nothing to warm", "cache_manager", "warm")
        for body in (b"<html>", b"<sitemapindex/>", b""):
            self.vitrine.replies = [self.reply("", body=body)]
            self.assert_fails(1, "cannot read the sitemap", "cache_manager", "warm", "--sitemap", "/s.xml")


class SenderCommand(Commands):
    def test_once(self) -> None:
        invalidate(tags=["x"])
        self.assertIn("everything is delivered", self.run_command("vitrine_sender", "--once"))
        self.vitrine.replies = [Reply(401, {})]
        invalidate(tags=["y"])
        self.assert_fails(1, "still waiting", "vitrine_sender", "--once")

    def test_wrong_settings(self) -> None:
        self.use(WEBHOOK_URL="")
        self.assert_fails(1, "vitrine.E004", "vitrine_sender")

    def test_it_runs_until_it_is_told_to_stop(self) -> None:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "django", "vitrine_sender"], stdout=subprocess.PIPE, env=environment, text=True
        )
        try:
            assert process.stdout is not None
            self.assertIn("delivering to", process.stdout.readline())
            invalidate(tags=["x"])
            until(lambda: Event.objects.filter(attempts__gt=0).exists(), "it tries to deliver")
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
        self.assertEqual(process.returncode, 0)
        self.assertIn("stopped", out)
