"""What changes put into the outbox, and when."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections, transaction
from django.db.models.signals import post_save
from django.test import TransactionTestCase

from vitrine_django import changing, invalidate, outbox, purge_on, registry
from vitrine_django.models import Event

from .shop.models import Category, Gift, Note, Product
from .support import Registered, told


class Changes(Registered, TransactionTestCase):
    """The shop's changes, each in a transaction of its own unless a test says otherwise."""

    def setUp(self) -> None:
        super().setUp()
        self.lamps, self.rugs = (Category.objects.create(name=name) for name in ("Lamps", "Rugs"))
        self.lamp = Product.objects.create(name="Lamp")
        self.lamp.categories.add(self.lamps)
        self.forget()

    def forget(self) -> None:
        Event.objects.all().delete()

    def assert_told(self, *expected: dict[str, set[str]]) -> None:
        self.assertEqual(told(), list(expected))

    def purges(self, product: Product, *categories: Category) -> dict[str, set[str]]:
        tags = {f"product:{product.pk}", "product", *(f"category:{own.pk}" for own in categories)}
        return {"tags": tags | ({"category"} if categories else set()), "urls": {f"/products/{product.pk}/"}}


class Signals(Changes):
    def test_a_saved_object_purges_itself_its_lists_and_what_is_registered(self) -> None:
        self.lamp.save()
        self.assert_told(self.purges(self.lamp, self.lamps))

    def test_a_new_object_purges_lists(self) -> None:
        rug = Product.objects.create(name="Rug")
        self.assert_told(self.purges(rug))

    def test_a_deleted_object_purges_what_it_was_shown_on(self) -> None:
        expected = self.purges(self.lamp, self.lamps)
        self.lamp.delete()
        self.assert_told(expected)

    def test_a_deleted_queryset_is_one_event(self) -> None:
        Product.objects.create(name="Rug")
        self.forget()
        products = list(Product.objects.all())
        Product.objects.all().delete()
        (event,) = told()
        self.assertLessEqual({f"product:{own.pk}" for own in products} - {"product:None"}, event["tags"] | {"product:None"})
        self.assertIn(f"category:{self.lamps.pk}", event["tags"])

    def test_both_sides_of_a_relation_are_told(self) -> None:
        for change in (
            lambda: self.lamp.categories.add(self.rugs),
            lambda: self.lamp.categories.remove(self.rugs),
            lambda: self.rugs.products.add(self.lamp),
            lambda: self.rugs.products.clear(),
            lambda: self.lamp.categories.set([self.rugs]),
            lambda: self.lamp.categories.clear(),
        ):
            self.forget()
            change()
            tags = set().union(*(event["tags"] for event in told()))
            self.assertLessEqual({f"product:{self.lamp.pk}", f"category:{self.rugs.pk}"}, tags)

    def test_a_relation_to_itself_is_told(self) -> None:
        rug = Product.objects.create(name="Rug")
        self.lamp.related.add(rug)
        self.forget()
        rug.related.clear()
        tags = set().union(*(event["tags"] for event in told()))
        self.assertLessEqual({f"product:{self.lamp.pk}", f"product:{rug.pk}"}, tags)

    def test_an_inheriting_model_is_told_under_the_registered_name(self) -> None:
        gift = Gift.objects.create(name="Box")
        self.assertEqual([event["tags"] for event in told()], [{f"product:{gift.pk}", "product"}])

    def test_an_unregistered_model_is_not_told(self) -> None:
        Note.objects.create(text="x").delete()
        self.assert_told()

    def test_a_function_that_fails_fails_the_change(self) -> None:
        registry.register(Product, tags=lambda product: [""])
        with self.assertRaises(ValueError), transaction.atomic():
            self.lamp.name = "never"
            self.lamp.save()
        self.lamp.refresh_from_db()
        self.assertEqual(self.lamp.name, "Lamp")

    def test_a_signal_that_somebody_sends_for_a_change_of_their_own(self) -> None:
        Product.objects.filter(pk=self.lamp.pk).update(price=5)
        post_save.send(sender=Product, instance=self.lamp, created=False)
        self.assert_told(self.purges(self.lamp, self.lamps))

    def test_fixtures_are_told_by_their_own_names(self) -> None:
        registry.register(Product, tags=lambda product: 1 / 0)
        fixture = Path(os.environ["VITRINE_TEST_FOLDER"]) / "fixture.json"
        fixture.write_text('[{"model": "shop.product", "pk": 77, "fields": {"name": "Vase"}}]')
        call_command("loaddata", str(fixture), verbosity=0)
        self.assert_told({"tags": {"product:77", "product"}, "urls": set()})


class Transactions(Changes):
    def test_one_transaction_is_one_event(self) -> None:
        with transaction.atomic():
            self.lamp.save()
            rug = Product.objects.create(name="Rug")
            self.lamps.save()
        both = {kind: self.purges(self.lamp, self.lamps)[kind] | self.purges(rug)[kind] for kind in ("tags", "urls")}
        self.assert_told(both)

    def test_what_is_rolled_back_is_not_told(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.lamp.save()
            1 / 0
        self.assert_told()
        with transaction.atomic():
            self.lamps.save()
        self.assert_told({"tags": {f"category:{self.lamps.pk}", "category"}, "urls": set()})

    def test_a_savepoint_that_is_rolled_back_takes_its_own_away(self) -> None:
        with transaction.atomic():
            self.lamps.save()
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                self.lamp.save()
                1 / 0
        self.assert_told({"tags": {f"category:{self.lamps.pk}", "category"}, "urls": set()})

    def test_a_change_that_is_made_again_after_its_savepoint_was_rolled_back_is_told(self) -> None:
        with transaction.atomic():
            self.rugs.save()
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                self.lamp.save()
                1 / 0
            self.lamp.save()
        (event,) = told()
        self.assertLessEqual({f"product:{self.lamp.pk}", f"category:{self.rugs.pk}"}, event["tags"])

    def test_an_event_that_began_in_a_rolled_back_savepoint_is_begun_anew(self) -> None:
        for roll_back in ("by Django", "by hand"):
            with self.subTest(roll_back), transaction.atomic():
                self.forget()
                if roll_back == "by hand":
                    savepoint = transaction.savepoint()
                    self.lamp.save()
                    transaction.savepoint_rollback(savepoint)
                else:
                    with self.assertRaises(ZeroDivisionError), transaction.atomic():
                        self.lamp.save()
                        1 / 0
                self.rugs.save()
            (event,) = told()
            self.assertIn(f"category:{self.rugs.pk}", event["tags"])

    def test_what_runs_on_commit_makes_an_event_of_its_own_once_the_first_is_on_its_way(self) -> None:
        def sent_meanwhile() -> None:
            Event.objects.update(attempts=1)
            self.rugs.save()

        with transaction.atomic():
            transaction.on_commit(sent_meanwhile)
            self.lamps.save()
        first, second = told()
        self.assertNotIn(f"category:{self.rugs.pk}", first["tags"])
        self.assertIn(f"category:{self.rugs.pk}", second["tags"])

    def test_a_large_transaction_is_several_events_of_a_size_that_vitrine_takes(self) -> None:
        with transaction.atomic():
            for number in range(300):
                invalidate(tags=[f"item:{number}"], urls=[f"/{number}/" + "x" * 1000])
        events = told()
        self.assertEqual(set().union(*(event["tags"] for event in events)), {f"item:{n}" for n in range(300)} | {"item"})
        self.assertEqual(sum(len(event["urls"]) for event in events), 300)
        for event in Event.objects.all():
            self.assertLessEqual(len(event.data["tags"]) + len(event.data["urls"]), outbox.ENTRIES_MAX)
            self.assertLess(len(str(event.data).encode()), 64 * 1024)

    def test_the_row_is_committed_with_the_change_even_if_the_process_dies_at_once(self) -> None:
        script = (
            "import django, os; django.setup()\n"
            "from django.db import transaction; from vitrine_django import invalidate, sender\n"
            "from tests.shop.models import Category\n"
            "sender.committed = lambda *_: os.kill(os.getpid(), 9)\n"
            "with transaction.atomic():\n"
            "    Category.objects.create(name='Vases'); invalidate(tags=['vases'])\n"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
        self.assertEqual(ended.returncode, -9, ended.stderr)
        self.assertTrue(Category.objects.filter(name="Vases").exists())
        self.assert_told({"tags": {"vases"}, "urls": set()})

    def test_a_process_that_dies_before_the_commit_leaves_neither(self) -> None:
        script = (
            "import django, os; django.setup()\n"
            "from django.db import transaction; from vitrine_django import invalidate\n"
            "from tests.shop.models import Category\n"
            "with transaction.atomic():\n"
            "    Category.objects.create(name='Vases'); invalidate(tags=['vases'])\n"
            "    os.kill(os.getpid(), 9)\n"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
        self.assertEqual(ended.returncode, -9, ended.stderr)
        self.assertFalse(Category.objects.filter(name="Vases").exists())
        self.assert_told()

    def test_a_change_is_not_committed_where_its_event_cannot_be_written(self) -> None:
        with patch.object(Event.objects, "using", side_effect=RuntimeError("no table")):
            with self.assertRaises(RuntimeError), transaction.atomic():
                self.lamp.name = "never"
                self.lamp.save()
        self.lamp.refresh_from_db()
        self.assertEqual(self.lamp.name, "Lamp")


class Databases(Changes):
    def test_an_event_is_written_beside_its_change(self) -> None:
        with transaction.atomic(using="other"):
            rug = Product.objects.using("other").create(name="Rug")
            self.assert_told()
        self.assert_told()
        self.assertEqual(told("other"), [self.purges(rug)])

    def test_transactions_of_two_databases_are_two_events(self) -> None:
        with transaction.atomic(using="other"), transaction.atomic():
            Category.objects.using("other").create(name="Rugs")
            self.lamps.save()
        self.assertEqual((len(told()), len(told("other"))), (1, 1))

    def test_a_database_without_an_outbox_tells_the_first_one_after_its_commit(self) -> None:
        with transaction.atomic(using="bare"):
            rug = Product.objects.using("bare").create(name="Rug and 100%")
            invalidate(tags=["a b"], using="bare")
            self.assert_told()
        tags = set().union(*(event["tags"] for event in told()))
        self.assertEqual(tags, {f"product:{rug.pk}", "product", "a%20b"})
        self.assertEqual(Event.objects.using("bare").count(), 0)
        with self.assertRaises(ZeroDivisionError), transaction.atomic(using="bare"):
            rug.save()
            self.forget()
            1 / 0
        self.assert_told()


class WithoutSignals(Changes):
    def setUp(self) -> None:
        super().setUp()
        self.products = [Product(name=name) for name in ("Rug", "Vase")]

    def test_bulk_create_and_bulk_update(self) -> None:
        with transaction.atomic():
            made = Product.objects.bulk_create(self.products)
            purge_on(made)
        (event,) = told()
        self.assertEqual(event["tags"], {"product", *(f"product:{own.pk}" for own in made)})
        self.forget()
        for own in made:
            own.price = 3
        with transaction.atomic():
            Product.objects.bulk_update(made, ["price"])
            purge_on(made)
        self.assertEqual(told(), [event])

    def test_rows_that_no_longer_meet_the_condition_are_told_too(self) -> None:
        with changing(Product.objects.filter(name="Lamp")) as rows:
            rows.update(name="Lantern")
        self.assertEqual(Product.objects.get().name, "Lantern")
        self.assert_told(self.purges(self.lamp, self.lamps))

    def test_a_change_that_fails_is_not_told(self) -> None:
        with self.assertRaises(ZeroDivisionError), changing(Product.objects.all()):
            1 / 0
        self.assert_told()

    def test_a_queryset_of_another_database(self) -> None:
        rug = Product.objects.using("other").create(name="Rug")
        Event.objects.using("other").all().delete()
        with changing(Product.objects.all(), using="other") as rows:
            rows.update(price=1)
        purge_on(Product.objects.using("other").all())
        self.assertEqual(told("other"), [self.purges(rug), self.purges(rug)])
        self.assert_told()

    def test_nothing_is_no_event(self) -> None:
        purge_on([])
        purge_on(Product.objects.none())
        invalidate()
        with changing(Product.objects.none()):
            pass
        self.assert_told()

    def test_raw_sql(self) -> None:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("UPDATE shop_product SET price = 9")
            invalidate(tags=["product"], urls=["/sale/", "https://shop.example/sale/", "/ü/"])
        self.assert_told({"tags": {"product"}, "urls": {"/sale/", "https://shop.example/sale/", "/%C3%BC/"}})

    def test_what_would_purge_nothing_is_refused(self) -> None:
        for attempt, error in [
            (lambda: purge_on([Note.objects.create(text="x")]), ValueError),
            (lambda: purge_on(Note.objects.all()), ValueError),
            (lambda: purge_on(self.products), ValueError),
            (lambda: invalidate(tags="product"), TypeError),
            (lambda: invalidate(urls="/"), TypeError),
            (lambda: invalidate(tags=[""]), ValueError),
            (lambda: invalidate(urls=["relative"]), ValueError),
            (lambda: invalidate(urls=["ftp://shop.example/"]), ValueError),
            (lambda: invalidate(urls=["/" + "x" * 9000]), ValueError),
        ]:
            with self.assertRaises(error):
                attempt()
        self.assert_told()


class Visitors(Changes):
    def setUp(self) -> None:
        super().setUp()
        self.user = User.objects.create_user("ann", password="secret")

    def sessions(self) -> list[str]:
        return [event.data["session"] for event in Event.objects.filter(type="user.logged_out")]

    def test_a_logout_ends_the_session(self) -> None:
        self.client.get("/in/")
        session = self.client.session.session_key
        self.assertEqual(self.sessions(), [])
        self.client.get("/out/")
        self.assertEqual(self.sessions(), [session])

    def test_a_login_ends_the_session_that_the_visitor_came_with(self) -> None:
        self.client.cookies["sessionid"] = "anonymous-session"
        self.client.get("/in/")
        self.assertEqual(self.sessions(), ["anonymous-session"])

    def test_a_change_of_password_purges_the_visitors_pages(self) -> None:
        self.user.first_name = "Ann"
        self.user.save()
        self.assert_told()
        self.user.set_password("another")
        self.user.save()
        self.assert_told({"tags": {f"user:{self.user.pk}", "user"}, "urls": set()})

    def test_a_request_that_fails_tells_nothing(self) -> None:
        with self.assertRaises(RuntimeError):
            self.client.get("/failing/")
        self.assert_told()
