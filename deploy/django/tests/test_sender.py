"""Deliveries: what vitrine may answer, what becomes of the event, and who delivers it."""

import base64
import hashlib
import hmac
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from unittest.mock import patch

from django.conf import settings
from django.db import OperationalError, connections
from django.test import TransactionTestCase
from django.utils import timezone

from vitrine_django import claims, conf, invalidate, outbox, sender
from vitrine_django.models import Event
from vitrine_django.sender import Sender, pause_seconds
from vitrine_django.webhook import Outcome, Verdict

from .fake_vitrine import CONFIRMED, FakeVitrine, Reply, fake_vitrine
from .support import until, with_vitrine

SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


class Deliveries(TransactionTestCase):
    """One vitrine that says what a test wants, and one event in the outbox."""

    databases = "__all__"

    def setUp(self) -> None:
        serving = fake_vitrine()
        self.vitrine: FakeVitrine = serving.__enter__()
        self.addCleanup(serving.__exit__, None, None, None)
        changed = with_vitrine(WEBHOOK_URL=self.vitrine.webhook_url)
        changed.enable()
        self.addCleanup(changed.disable)
        invalidate(tags=["product:1"], urls=["/a/"])
        sender._quiet_until_seconds = 0.0

    def event(self) -> Event:
        return Event.objects.order_by("created_at").first()

    def make_due(self) -> None:
        Event.objects.update(due_at=timezone.now())

    def round(self, *levels: str) -> float:
        with self.assertLogs("vitrine_django", "INFO") as logs:
            seconds = Sender().round()
        self.logged = logs.output
        return seconds


class Wire(Deliveries):
    def test_what_is_sent_is_signed_as_standard_webhooks_says(self) -> None:
        self.round()
        (asked,) = self.vitrine.asked
        event = self.event()
        self.assertEqual((asked.method, asked.path), ("POST", "/webhooks/shop"))
        self.assertEqual(asked.fields["content-type"], "application/json")
        self.assertEqual(asked.fields["webhook-id"], f"msg_{event.pk.hex}_0")
        sent_at = asked.fields["webhook-timestamp"]
        self.assertLess(abs(time.time() - int(sent_at)), 10)
        signed = f"{asked.fields['webhook-id']}.{sent_at}.".encode() + asked.body
        mac = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        self.assertEqual(asked.fields["webhook-signature"], f"v1,{mac}")
        data = {"tags": ["product:1", "product", "vitrine-any"], "urls": ["/a/"]}
        self.assertEqual((asked.json["type"], asked.json["data"]), ("vitrine.changed", data))

    def test_an_empty_list_is_sent_as_one(self) -> None:
        Event.objects.all().delete()
        invalidate(urls=["/b/"])
        self.round()
        self.assertEqual(self.vitrine.asked[0].json["data"], {"tags": [], "urls": ["/b/"]})

    def test_what_is_confirmed_is_delivered_once(self) -> None:
        self.round()
        self.assertIsNotNone(self.event().delivered_at)
        self.assertEqual((self.event().outcome, self.event().attempts), ("confirmed", 1))
        Sender().round()
        self.assertEqual(len(self.vitrine.asked), 1)

    def test_the_oldest_is_sent_first_from_every_outbox(self) -> None:
        invalidate(tags=["second"])
        invalidate(tags=["elsewhere"], using="other")
        self.round()
        firsts = [asked.json["data"]["tags"][0] for asked in self.vitrine.asked]
        self.assertEqual(firsts, ["product:1", "second", "elsewhere"])

    def test_what_vitrine_skipped_is_told(self) -> None:
        self.vitrine.replies = [Reply(body={**CONFIRMED, "skipped": ["no session_key is set"]})]
        self.round()
        self.assertIn("skipped: no session_key is set", self.event().outcome)
        self.assertTrue(self.logged[0].startswith("WARNING"))

    def test_a_sessions_id_is_not_kept(self) -> None:
        Event.objects.all().delete()
        outbox.record_event("user.logged_out", {"session": "s3cret"}, using="default")
        self.round()
        self.assertEqual(self.vitrine.asked[0].json["data"], {"session": "s3cret"})
        self.assertEqual(self.event().data, {"session": None})


class Troubles(Deliveries):
    """Whatever is answered but a confirmation: the event stays, says why, and is delivered in the end."""

    def assert_waits_then_arrives(self, reply: Reply, words: str, *, new_id: bool = False) -> None:
        self.vitrine.replies = [reply]
        self.vitrine.asked.clear()
        Event.objects.update(delivered_at=None, attempts=0, round=0, due_at=timezone.now(), outcome="")
        self.round()
        event = self.event()
        self.assertIsNone(event.delivered_at)
        self.assertIsNone(event.lease)
        self.assertIn(words, event.outcome)
        self.assertEqual(len(self.vitrine.asked), 1)
        self.vitrine.replies = [Reply()]
        self.make_due()
        self.round()
        self.assertIsNotNone(self.event().delivered_at)
        ids = [asked.fields["webhook-id"] for asked in self.vitrine.asked]
        self.assertEqual(ids[0] != ids[1], new_id, ids)

    def test_every_answer_that_is_no_confirmation(self) -> None:
        for status, words in [
            (301, "redirect"),
            (307, "redirect"),
            (400, "cannot read"),
            (401, "the secret is not the one"),
            (403, "refuses"),
            (404, "no webhook at this path"),
            (405, "no webhook"),
            (413, "too large"),
            (421, "hosts in proxy.yaml"),
            (422, "too much"),
            (500, "500"),
            (503, "not durable"),
        ]:
            with self.subTest(status=status):
                body = {"status": "error", "message": "as vitrine says"}
                reply = Reply(status, body, {"Location": self.vitrine.url + "/elsewhere"} if status < 400 else {})
                self.assert_waits_then_arrives(reply, words)
                self.assertTrue(all(asked.path == "/webhooks/shop" for asked in self.vitrine.asked))

    def test_what_was_taken_in_but_not_confirmed_is_asked_again_under_another_id(self) -> None:
        """vitrine gives a repeated id the answer that it gave first: the same id would never be confirmed."""
        for status, body, words in [
            (200, {**CONFIRMED, "confirmed": False, "obstacle": "shop-2 waits"}, "shop-2 waits"),
            (202, {**CONFIRMED, "confirmed": False, "status": "pending"}, "not every proxy"),
            (200, {**CONFIRMED, "confirmed": "yes"}, "not confirmed"),
            (200, {**CONFIRMED, "matched_rule": False}, "no rule under invalidation.events"),
        ]:
            with self.subTest(words):
                self.assert_waits_then_arrives(Reply(status, body), words, new_id=True)

    def test_an_answer_that_is_not_vitrines(self) -> None:
        for body in (b"<html>hello</html>", b"", b"[]", b'"confirmed"', b'{"ok": true}', b"\xff\xfe"):
            with self.subTest(body):
                self.assert_waits_then_arrives(Reply(200, body), "not vitrine's")

    def test_no_http_at_all(self) -> None:
        for raw in (b"", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"):
            with self.subTest(raw):
                self.assert_waits_then_arrives(Reply(raw=raw), "no answer from")

    def test_a_vitrine_that_hangs_or_drips_costs_no_more_than_the_time_for_one_delivery(self) -> None:
        held = threading.Event()
        self.addCleanup(held.set)
        with with_vitrine(WEBHOOK_URL=self.vitrine.webhook_url, TIMEOUT_SECONDS=0.3):
            for reply in (Reply(hold=held), Reply(drip=True)):
                began = time.monotonic()
                self.assert_waits_then_arrives(reply, "not answered within 0.3 s")
                self.assertLess(time.monotonic() - began, 5)

    def test_nobody_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with with_vitrine(WEBHOOK_URL=f"http://127.0.0.1:{unused.getsockname()[1]}/webhooks/shop"):
                self.round()
        self.assertIn("no answer from", self.event().outcome)
        self.make_due()
        self.round()
        self.assertIsNotNone(self.event().delivered_at)

    def test_what_the_answer_says_is_shown_short_and_in_one_line(self) -> None:
        self.vitrine.replies = [Reply(500, {"message": "a\nb" + "x" * 1000})]
        self.round()
        self.assertNotIn("\n", self.event().outcome)
        self.assertLess(len(self.event().outcome), 300)

    def test_an_event_that_is_refused_waits_by_itself_and_others_pass_it(self) -> None:
        invalidate(tags=["second"])
        self.vitrine.replies = [Reply(422, {}), Reply()]
        self.round()
        first, second = Event.objects.order_by("created_at")
        self.assertIsNone(first.delivered_at)
        self.assertGreater(first.due_at, timezone.now() - timedelta(seconds=1))
        self.assertIsNotNone(second.delivered_at)

    def test_while_vitrine_is_away_only_the_oldest_is_tried_with_pauses_that_double(self) -> None:
        invalidate(tags=["second"])
        self.vitrine.replies = [Reply(503, {})]
        running = Sender()
        with self.assertLogs("vitrine_django", "WARNING"):
            pauses = [running.round() for _ in range(4)]
        self.assertEqual(pauses, [0.25, 0.5, 1.0, 2.0])
        self.assertEqual({asked.json["data"]["tags"][0] for asked in self.vitrine.asked}, {"product:1"})
        self.vitrine.replies = [Reply()]
        self.assertEqual(running.round(), settings.VITRINE.get("POLL_SECONDS", 0.25))
        self.assertFalse(Event.objects.filter(delivered_at=None).exists())

    def test_pauses_have_an_end(self) -> None:
        self.assertEqual(pause_seconds(1, 30), 0.25)
        self.assertEqual(pause_seconds(10**6, 30), 30)


class Leases(Deliveries):
    def test_what_one_sender_holds_no_other_takes(self) -> None:
        held = claims.claim("default", 2)
        self.assertEqual(held.pk, self.event().pk)
        self.assertIsNone(claims.claim("default", 2))

    def test_the_lease_of_a_sender_that_died_ends(self) -> None:
        held = claims.claim("default", 2)
        later = timezone.now() + timedelta(seconds=13)
        again = claims.claim("default", 2, now=later)
        self.assertEqual((again.pk, again.attempts), (held.pk, 2))
        self.assertNotEqual(again.lease, held.lease)
        # Who held it before can no longer write down what became of it.
        self.assertFalse(claims.finish(held, Outcome(Verdict.DELIVERED, "confirmed"), 0))
        self.assertIsNone(self.event().delivered_at)
        self.assertTrue(claims.finish(again, Outcome(Verdict.DELIVERED, "confirmed"), 0))

    def test_the_repetition_of_what_was_perhaps_taken_in_has_the_same_id(self) -> None:
        first = claims.claim("default", 2)
        again = claims.claim("default", 2, now=timezone.now() + timedelta(seconds=13))
        self.assertEqual(first.webhook_id, again.webhook_id)

    def test_many_senders_deliver_each_event_once(self) -> None:
        for number in range(30):
            invalidate(tags=[f"item:{number}"])
        stop = threading.Event()
        threads = [threading.Thread(target=Sender(stop).run) for _ in range(4)]
        with self.assertLogs("vitrine_django", "INFO"):
            for thread in threads:
                thread.start()
            try:
                until(lambda: not Event.objects.filter(delivered_at=None).exists(), "all are delivered")
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
        ids = [asked.fields["webhook-id"] for asked in self.vitrine.asked]
        self.assertEqual(len(ids), 31)
        self.assertEqual(len(set(ids)), 31)

    def test_a_sender_that_is_killed_in_the_middle_loses_nothing(self) -> None:
        held = threading.Event()
        self.addCleanup(held.set)
        self.vitrine.replies = [Reply(hold=held), Reply()]
        environment = {**os.environ, "VITRINE_TEST_WEBHOOK_URL": self.vitrine.webhook_url}
        script = (
            "import django, os; django.setup()\n"
            "from django.conf import settings\n"
            "settings.VITRINE = {**settings.VITRINE, 'WEBHOOK_URL': os.environ['VITRINE_TEST_WEBHOOK_URL']}\n"
            "from vitrine_django.sender import Sender; Sender().run()\n"
        )
        process = subprocess.Popen([sys.executable, "-c", script], env=environment)
        try:
            until(lambda: self.vitrine.asked, "the sender asks")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.assertIsNone(claims.claim("default", 2), "the dead sender's lease still runs")
        Event.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
        self.round()
        self.assertIsNotNone(self.event().delivered_at)
        first, second = (asked.fields["webhook-id"] for asked in self.vitrine.asked)
        self.assertEqual(first, second)

    def test_what_was_delivered_long_ago_is_forgotten_and_nothing_else(self) -> None:
        invalidate(tags=["waiting"])
        Event.objects.filter(pk=self.event().pk).update(delivered_at=timezone.now() - timedelta(days=8))
        self.assertEqual(claims.forget_delivered("default", 7), 1)
        self.assertEqual(Event.objects.count(), 1)

    def test_a_database_that_is_away_ends_no_sender(self) -> None:
        running = Sender()
        failures = [OperationalError("gone"), OperationalError("gone")]
        claim = claims.claim

        def fails_twice(*arguments: object, **named: object) -> object:
            if failures:
                raise failures.pop()
            return claim(*arguments, **named)  # type: ignore[arg-type]

        with patch.object(claims, "claim", fails_twice), self.assertLogs("vitrine_django", "INFO") as logs:
            thread = threading.Thread(target=running.run)
            thread.start()
            try:
                until(lambda: self.event().delivered_at, "the event is delivered")
            finally:
                running.stop.set()
                thread.join()
        self.assertIn("the outbox cannot be read", logs.output[0])


class Commits(Deliveries):
    """With `COMMIT_WAIT_SECONDS` who made a change waits for vitrine."""

    def test_a_change_is_delivered_before_its_commit_returns(self) -> None:
        with with_vitrine(WEBHOOK_URL=self.vitrine.webhook_url, COMMIT_WAIT_SECONDS=5), self.assertLogs("vitrine_django"):
            invalidate(tags=["at-once"])
        (asked,) = self.vitrine.asked
        self.assertEqual(asked.json["data"]["tags"][0], "at-once")
        self.assertIsNotNone(Event.objects.order_by("created_at").last().delivered_at)

    def test_a_vitrine_that_hangs_costs_the_commit_no_more_than_that_and_the_next_ones_nothing(self) -> None:
        held = threading.Event()
        self.addCleanup(held.set)
        self.vitrine.replies = [Reply(hold=held)]
        with with_vitrine(WEBHOOK_URL=self.vitrine.webhook_url, COMMIT_WAIT_SECONDS=0.3), self.assertLogs("vitrine_django"):
            began = time.monotonic()
            invalidate(tags=["one"])
            invalidate(tags=["two"])
            self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(len(self.vitrine.asked), 1)
        self.assertEqual(Event.objects.filter(delivered_at=None).count(), 3)

    def test_a_commit_waits_for_the_sender_that_was_faster(self) -> None:
        event = claims.claim("default", 2)
        ended = threading.Event()

        def commit() -> None:
            sender.committed("default", [event.pk])
            connections.close_all()
            ended.set()

        with with_vitrine(WEBHOOK_URL=self.vitrine.webhook_url, COMMIT_WAIT_SECONDS=20):
            thread = threading.Thread(target=commit)
            thread.start()
            self.assertFalse(ended.wait(0.1))
            claims.finish(event, Outcome(Verdict.DELIVERED, "confirmed"), 0)
            self.assertTrue(ended.wait(10))
            thread.join()
        self.assertEqual(self.vitrine.asked, [])

    def test_nothing_that_goes_wrong_there_reaches_who_made_the_change(self) -> None:
        with with_vitrine(COMMIT_WAIT_SECONDS=1), patch.object(claims, "claim", side_effect=OperationalError("locked")):
            with self.assertLogs("vitrine_django", "ERROR"):
                invalidate(tags=["one"])
        self.assertEqual(Event.objects.filter(delivered_at=None).count(), 2)


class Threads(Deliveries):
    def test_a_sender_in_a_thread_of_the_site(self) -> None:
        with with_vitrine(WEBHOOK_URL=self.vitrine.webhook_url, SENDER_THREAD=True):
            self.assertTrue(conf.load().sender_thread)
            running = Sender()
            with patch.object(sender, "Sender", lambda: running), patch.object(sender, "_thread", None):
                with self.assertLogs("vitrine_django", "INFO"):
                    self.client_class().get("/private/")
                    thread = sender.start_thread()
                    self.assertIs(thread, sender.start_thread())
                    try:
                        until(lambda: self.event().delivered_at, "the event is delivered")
                    finally:
                        running.stop.set()
                        thread.join()
