"""What `manage.py check` says, and what wrong settings do."""

from io import StringIO
from unittest.mock import patch

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import SimpleTestCase, override_settings

from vitrine_django import conf, registry
from vitrine_django.checks import check_settings

from .shop.models import Note
from .shop.views import many
from .support import with_vitrine


def identifiers() -> list[str]:
    return [message.id for message in check_settings(None)]


class Checks(SimpleTestCase):
    def test_good_settings_are_good(self) -> None:
        self.assertEqual(identifiers(), [])

    def test_each_mistake_has_its_id(self) -> None:
        for changed, expected in [
            ({"WEBHOK_URL": "x"}, "vitrine.E002"),
            ({"TIMEOUT_SECONDS": "10"}, "vitrine.E003"),
            ({"TIMEOUT_SECONDS": True}, "vitrine.E003"),
            ({"KEEP_DAYS": 1.5}, "vitrine.E003"),
            ({"SENDER_THREAD": 1}, "vitrine.E003"),
            ({"EVENT": 1}, "vitrine.E003"),
            ({"DATABASES": "default"}, "vitrine.E003"),
            ({"DATABASES": []}, "vitrine.E003"),
            ({"MODELS": ["shop.Product"]}, "vitrine.E003"),
            ({"MODELS": {"shop.Product": 7}}, "vitrine.E003"),
            ({"WEBHOOK_URL": ""}, "vitrine.E004"),
            ({"WEBHOOK_URL": "127.0.0.1:8080/webhooks"}, "vitrine.E004"),
            ({"WEBHOOK_URL": "ftp://127.0.0.1/"}, "vitrine.E004"),
            ({"WEBHOOK_URL": "http://127.0.0.1:port/"}, "vitrine.E004"),
            ({"ADMIN_URL": "http://"}, "vitrine.E004"),
            ({"WEBHOOK_SECRET": ""}, "vitrine.E005"),
            ({"WEBHOOK_SECRET": "secret"}, "vitrine.E005"),
            ({"WEBHOOK_SECRET": "whsec_%%%"}, "vitrine.E005"),
            ({"WEBHOOK_SECRET": "whsec_c2hvcnQ="}, "vitrine.E005"),
            ({"EVENT": ""}, "vitrine.E006"),
            ({"PAGE_TAGS_MAX": 0}, "vitrine.E007"),
            ({"PAGE_TAGS_MAX": 129}, "vitrine.E007"),
            ({"KEEP_DAYS": -1}, "vitrine.E007"),
            ({"DATABASES": ["missing"]}, "vitrine.E008"),
            ({"ADMIN_TOKEN": "short"}, "vitrine.E009"),
            ({"ADMIN_URL": "http://cache.example:8081"}, "vitrine.E009"),
            ({"MODELS": {"shop.Nothing": None}}, "vitrine.E010"),
            ({"MODELS": {"nonsense": None}}, "vitrine.E010"),
            ({"MODELS": {"shop.Product": "tests.nowhere.function"}}, "vitrine.E011"),
            ({"MODELS": {"shop.Product": "no path"}}, "vitrine.E011"),
        ]:
            with self.subTest(changed=changed), with_vitrine(**changed):
                self.assertEqual(identifiers(), [expected])

    def test_no_settings_at_all_are_said_too(self) -> None:
        for value in (None, [], "text"):
            with override_settings(VITRINE=value):
                self.assertEqual(identifiers(), ["vitrine.E001"])
        with override_settings():
            del settings.VITRINE
            self.assertEqual(identifiers(), ["vitrine.E001"])

    def test_all_mistakes_are_told_at_once(self) -> None:
        with with_vitrine(WEBHOOK_URL="x", WEBHOOK_SECRET="x", EVENT=""):
            self.assertEqual(identifiers(), ["vitrine.E004", "vitrine.E005", "vitrine.E006"])

    def test_what_is_risky_is_a_warning(self) -> None:
        own, *others = settings.MIDDLEWARE
        for changed, expected in [
            ({"MIDDLEWARE": others}, "vitrine.W001"),
            ({"MIDDLEWARE": [*others, own]}, "vitrine.W002"),
            ({"MIDDLEWARE": [own, "django.middleware.cache.UpdateCacheMiddleware", *others]}, "vitrine.W003"),
        ]:
            with self.subTest(expected=expected), override_settings(**changed):
                self.assertEqual(identifiers(), [expected])
        with patch.dict(settings.DATABASES["other"], ATOMIC_REQUESTS=False):
            (warning,) = check_settings(None)
            self.assertEqual(warning.id, "vitrine.W004")
            self.assertIn("other", warning.msg)

    def test_manage_check_fails_on_a_mistake(self) -> None:
        call_command("check", stdout=StringIO())
        with with_vitrine(WEBHOOK_SECRET="x"), self.assertRaisesMessage(SystemCheckError, "vitrine.E005"):
            call_command("check", stdout=StringIO(), stderr=StringIO())


class Models(SimpleTestCase):
    def test_models_of_the_settings_are_registered_when_the_site_starts(self) -> None:
        def tags_of_note(note: object) -> list[str]:
            return ["notes"]

        ready = apps.get_app_config("vitrine").ready
        for written, expected in [
            (None, None),
            ("tests.shop.views.many", many),
            (tags_of_note, tags_of_note),
        ]:
            self.addCleanup(registry.unregister, Note)
            with with_vitrine(MODELS={"shop.Note": written}):
                self.assertEqual(identifiers(), [])
                ready()
            registered = registry.find(Note)
            assert registered is not None
            self.assertIs(registered.tags, expected)


class Loading(SimpleTestCase):
    def test_a_mistake_is_raised_with_its_remedy_and_without_the_secret(self) -> None:
        with with_vitrine(WEBHOOK_SECRET="whsec_verysecret!"), self.assertRaises(ImproperlyConfigured) as raised:
            conf.load()
        self.assertIn("openssl rand", str(raised.exception))
        self.assertNotIn("verysecret", str(raised.exception))

    def test_secrets_are_not_shown(self) -> None:
        with with_vitrine(ADMIN_TOKEN="0123456789abcdef"):
            shown = repr(conf.load())
        self.assertNotIn("MfKQ9r8", shown)
        self.assertNotIn("0123456789abcdef", shown)
