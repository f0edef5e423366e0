"""What pages are named by."""

import asyncio

from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory, TestCase

from vitrine_django import tag
from vitrine_django.middleware import VitrineMiddleware
from vitrine_django.tagging import page_of

from .shop.models import Category, Gift, Note, Product
from .support import Registered, with_vitrine


class Pages(Registered, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.category = Category.objects.create(name="Lamps")
        self.lamp = Product.objects.create(name="Lamp")
        self.lamp.categories.add(self.category)

    def tags(self, path: str) -> set[str]:
        response = self.client.get(path)
        self.assertEqual(response.status_code, 200)
        return set(response.headers.get("Surrogate-Key", "").split())

    def test_a_page_of_one_object_is_named_by_it_and_by_what_else_it_shows(self) -> None:
        expected = {f"product:{self.lamp.pk}", f"category:{self.category.pk}", "banner"}
        self.assertEqual(self.tags(f"/products/{self.lamp.pk}/"), expected)

    def test_a_list_is_named_by_its_model_also_where_it_is_empty(self) -> None:
        self.assertEqual(self.tags("/products/"), {"product"})
        Product.objects.all().delete()
        self.assertEqual(self.tags("/products/"), {"product"})

    def test_a_list_of_its_own_objects_is_named_by_them(self) -> None:
        Product.objects.create(name="elsewhere")
        expected = {f"product:{self.lamp.pk}", f"category:{self.category.pk}"}
        self.assertEqual(self.tags(f"/categories/{self.category.pk}/"), expected)

    def test_a_template_names_its_page(self) -> None:
        self.assertEqual(self.tags("/by-template/"), {f"product:{self.lamp.pk}", "hot%20list"})

    def test_a_template_without_the_request_says_so(self) -> None:
        template = Template('{% load vitrine %}{% vitrine_tag "x" %}')
        with self.assertRaisesMessage(TemplateSyntaxError, "context_processors.request"):
            template.render(Context({}))

    def test_too_many_names_become_a_broader_one(self) -> None:
        self.assertEqual(len(self.tags("/many/98/")), 100)
        self.assertEqual(self.tags("/many/99/"), {"product", "first", "by-hand"})
        with with_vitrine(PAGE_TAGS_BYTES_MAX=128):
            # The middleware reads the settings when the server starts.
            self.client = self.client_class()
            self.assertEqual(self.tags("/many/50/"), {"product", "first", "by-hand"})

    def test_a_page_without_names_bears_no_field(self) -> None:
        middleware = VitrineMiddleware(lambda request: HttpResponse())
        self.assertNotIn("Surrogate-Key", middleware(RequestFactory().get("/")).headers)

    def test_an_asynchronous_site_is_named_too(self) -> None:
        async def page(request: HttpRequest) -> HttpResponse:
            tag(request, "later")
            return HttpResponse()

        response = asyncio.run(VitrineMiddleware(page)(RequestFactory().get("/")))
        self.assertEqual(response["Surrogate-Key"], "later")

    def test_a_name_that_comes_too_late_is_an_error_in_the_log(self) -> None:
        request = RequestFactory().get("/")
        VitrineMiddleware(lambda request: HttpResponse())(request)
        with self.assertLogs("vitrine_django", "ERROR") as logs:
            tag(request, "late")
        self.assertIn("late", logs.output[0])


class Private(Registered, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user = User.objects.create_user("ann", password="secret")

    def test_a_signed_in_visitors_page_bears_the_visitors_tag_and_what_is_asked_for(self) -> None:
        self.assertEqual(self.client.get("/private/")["Surrogate-Key"], "public order:7")
        self.client.force_login(self.user)
        self.assertEqual(self.client.get("/private/")["Surrogate-Key"], f"user:{self.user.pk} order:7")

    def test_all_names_where_the_settings_say_so(self) -> None:
        with with_vitrine(TAG_PRIVATE_PAGES=True):
            self.client = self.client_class()
            self.client.force_login(self.user)
            borne = self.client.get("/private/")["Surrogate-Key"]
        self.assertEqual(borne, f"user:{self.user.pk} public order:7")

    def test_the_session_is_not_touched_for_it(self) -> None:
        self.client.force_login(self.user)
        response = self.client.get("/products/")
        self.assertNotIn("Cookie", response.headers.get("Vary", ""))
        self.assertNotIn("Surrogate-Key", response.headers)


class Tagging(Registered, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.request = RequestFactory().get("/")

    def named(self) -> list[str]:
        return list(page_of(self.request).names)

    def test_objects_models_texts_and_lists_of_them(self) -> None:
        lamp, rug = Product.objects.create(name="Lamp"), Product.objects.create(name="Rug")
        tag(self.request, lamp, Category, "a b", [rug, ["c"]], Product.objects.filter(pk=lamp.pk))
        self.assertEqual(self.named(), [f"product:{lamp.pk}", "category", "a%20b", f"product:{rug.pk}", "c"])

    def test_an_inheriting_model_has_the_name_of_the_registered_one(self) -> None:
        gift = Gift.objects.create(name="Box")
        tag(self.request, gift)
        self.assertEqual(self.named(), [f"product:{gift.pk}"])

    def test_a_request_that_is_wrapped_names_the_same_page(self) -> None:
        class Wrapped:
            _request = self.request

        tag(Wrapped(), "inner")  # type: ignore[arg-type]
        self.assertEqual(self.named(), ["inner"])

    def test_what_cannot_be_named_is_refused(self) -> None:
        for thing, error in [("", ValueError), (Product(name="new"), ValueError), (7, TypeError), (b"x", TypeError), (None, TypeError)]:
            with self.subTest(thing=thing), self.assertRaises(error):
                tag(self.request, thing)  # type: ignore[arg-type]

    def test_a_model_that_nobody_registered_is_named_and_told_once(self) -> None:
        note = Note.objects.create(text="x")
        with self.assertLogs("vitrine_django", "WARNING") as logs:
            tag(self.request, note)
            tag(self.request, note)
        self.assertEqual(len(logs.output), 1)
        self.assertEqual(self.named(), [f"note:{note.pk}"])


class Migrations(TestCase):
    def test_the_models_have_their_migrations(self) -> None:
        call_command("makemigrations", "vitrine", "--check", "--dry-run", verbosity=0)
