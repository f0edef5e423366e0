"""What several tests need."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.test import override_settings

from vitrine_django import registry
from vitrine_django.models import Event

from .shop.models import Category, Product

#: Seconds after which what was waited for is not coming.
DEADLINE_SECONDS = 20.0


def with_vitrine(**changed: Any) -> override_settings:
    """The settings with other values in `VITRINE`."""
    return override_settings(VITRINE={**settings.VITRINE, **changed})


def until(is_so: Callable[[], Any], what: str) -> Any:
    """Waits until something is so, at most for the deadline, and gives what it was told."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    while True:
        told = is_so()
        if told:
            return told
        if time.monotonic() > ends_at:
            raise AssertionError(f"not within {DEADLINE_SECONDS:g} s: {what}")
        time.sleep(0.01)


class Registered:
    """For test cases: Product and Category are registered."""

    # Requests open a transaction on each of them.
    databases = "__all__"

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        registry.register(Category)
        registry.register(
            Product,
            tags=lambda product: [f"category:{category.pk}" for category in product.categories.all()],
            urls=lambda product: [product.get_absolute_url()],
        )
        self.addCleanup(registry.unregister, Category)  # type: ignore[attr-defined]
        self.addCleanup(registry.unregister, Product)  # type: ignore[attr-defined]


def told(using: str = "default") -> list[dict[str, set[str]]]:
    """What the events in an outbox purge, the oldest first, without the names that each of them bears."""
    events = Event.objects.using(using).order_by("created_at")
    return [{kind: set(own) - {"vitrine-any"} for kind, own in event.data.items()} for event in events]
