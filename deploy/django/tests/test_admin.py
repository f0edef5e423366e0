"""The outbox in Django's admin."""

from django.contrib.auth.models import User
from django.test import TestCase
from django.utils import timezone

from vitrine_django import invalidate, outbox
from vitrine_django.models import Event

LIST = "/admin/vitrine/event/"


class Admin(TestCase):
    databases = "__all__"

    def setUp(self) -> None:
        invalidate(tags=["product:1"], urls=["/a/"])
        self.event = Event.objects.get()
        outbox.record_event("user.logged_out", {"session": "s3cret"}, using="default")
        self.session = Event.objects.exclude(pk=self.event.pk).get()
        self.client.force_login(User.objects.create_superuser("ann", password="secret"))

    def again(self, *events: Event) -> None:
        chosen = {"action": "deliver_again", "_selected_action": [str(event.pk) for event in events]}
        self.assertEqual(self.client.post(LIST, chosen).status_code, 302)

    def test_events_are_listed_with_what_became_of_them(self) -> None:
        Event.objects.filter(pk=self.event.pk).update(delivered_at=timezone.now(), outcome="confirmed")
        page = self.client.get(LIST).content.decode()
        for words in ("product:1", "/a/", "confirmed", "waiting", "a session"):
            self.assertIn(words, page)

    def test_nothing_can_be_changed_and_no_session_is_shown(self) -> None:
        page = self.client.get(f"{LIST}{self.event.pk}/change/").content.decode()
        self.assertIn("product:1", page)
        self.assertNotIn('name="_save"', page)
        page = self.client.get(f"{LIST}{self.session.pk}/change/").content.decode()
        self.assertNotIn("s3cret", page)
        self.assertNotIn("s3cret", self.client.get(LIST).content.decode())
        for path in (f"{LIST}add/", f"{LIST}{self.event.pk}/delete/"):
            self.assertEqual(self.client.get(path).status_code, 403)
        self.assertEqual(self.client.post(f"{LIST}{self.event.pk}/change/", {"type": "x"}).status_code, 403)

    def test_what_was_delivered_can_be_delivered_again(self) -> None:
        Event.objects.update(delivered_at=timezone.now())
        self.again(self.event, self.session)
        (again,) = Event.objects.filter(delivered_at=None)
        self.assertEqual((again.type, again.data), (self.event.type, self.event.data))

    def test_what_waits_already_is_left_alone(self) -> None:
        self.again(self.event, self.session)
        self.assertEqual(Event.objects.count(), 2)

    def test_who_may_not_look_may_not_deliver_again(self) -> None:
        self.client.force_login(User.objects.create_user("bob", password="secret", is_staff=True))
        self.assertEqual(self.client.post(LIST, {"action": "deliver_again"}).status_code, 403)
