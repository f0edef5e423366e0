"""`manage.py seed`: fills an empty shop."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.db import transaction

from ...models import Category, Product

CATEGORIES = [("Lamps", "Lampen", "বাতি"), ("Rugs", "Teppiche", "গালিচা"), ("Vases", "Vasen", "ফুলদানি")]
COLOURS = [("Red", "Rot", "লাল"), ("Blue", "Blau", "নীল"), ("Green", "Grün", "সবুজ"), ("White", "Weiß", "সাদা")]
#: Of each category; more than a page of a list holds.
PRODUCTS_OF_A_CATEGORY = 24


class Command(BaseCommand):
    """Makes categories, products, an editor (`editor`) and a customer (`ann`), each with the password `secret`."""

    help = __doc__

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Makes them."""
        for names in CATEGORIES:
            category = Category.objects.create(**_names(*names))
            for number in range(1, PRODUCTS_OF_A_CATEGORY + 1):
                colour = COLOURS[number % len(COLOURS)]
                texts = (f"{own} {name} {number}" for own, name in zip(colour, names, strict=True))
                product = Product.objects.create(price_cents=1000 + 10 * number, **_names(*texts))
                product.categories.add(category)
        User.objects.create_superuser("editor", password="secret")
        User.objects.create_user("ann", password="secret")


def _names(english: str, german: str, bengali: str) -> dict[str, str]:
    return {"name_en": english, "name_de": german, "name_bn": bengali}
