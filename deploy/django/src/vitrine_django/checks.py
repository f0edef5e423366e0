"""What `manage.py check` says of the settings."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from . import conf

MIDDLEWARE = "vitrine_django.middleware.VitrineMiddleware"
_SITE_CACHES = (
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.CacheMiddleware",
)


def check_settings(app_configs: Any, **_: Any) -> list[checks.CheckMessage]:
    """Every mistake, and what is risky."""
    errors: list[checks.CheckMessage] = [
        checks.Error(problem.message, hint=problem.hint, id=problem.id) for problem in conf.problems()
    ]
    if not errors:
        errors += _model_errors(conf.load())
    return [*errors, *_warnings()]


def _model_errors(read: conf.VitrineSettings) -> Iterator[checks.CheckMessage]:
    for label, tags in read.models.items():
        try:
            apps.get_model(label)
        except (LookupError, ValueError):
            yield checks.Error(
                f"VITRINE['MODELS'] names {label!r}, which is no model.", hint="Write app_label.Model.", id="vitrine.E010"
            )
        try:
            is_function = not isinstance(tags, str) or callable(import_string(tags))
        except ImportError:
            is_function = False
        if not is_function:
            yield checks.Error(
                f"VITRINE['MODELS'][{label!r}] names {tags!r}, which is no function.",
                hint="Write its dotted path: it takes an object and gives a list of tags.",
                id="vitrine.E011",
            )


def _warnings() -> Iterator[checks.CheckMessage]:
    middleware = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in middleware:
        yield checks.Warning(
            "vitrine's middleware is not in MIDDLEWARE: pages bear no tags, and an edit purges none of them.",
            hint=f"Put {MIDDLEWARE!r} first.",
            id="vitrine.W001",
        )
    elif middleware[0] != MIDDLEWARE:
        yield checks.Warning(
            "vitrine's middleware is not the first: what those before it answer or name bears no tags.",
            hint=f"Put {MIDDLEWARE!r} first in MIDDLEWARE.",
            id="vitrine.W002",
        )
    if any(own in middleware for own in _SITE_CACHES):
        yield checks.Warning(
            "Django's own cache middleware keeps pages that vitrine has let go, and hands them out again.",
            hint="Take it out of MIDDLEWARE: vitrine keeps pages in its place.",
            id="vitrine.W003",
        )
    loose = sorted(alias for alias, own in settings.DATABASES.items() if own and not own.get("ATOMIC_REQUESTS"))
    if loose:
        yield checks.Warning(
            f"ATOMIC_REQUESTS is not set for {', '.join(loose)}: a change outside a transaction and its event are two commits.",
            hint="Set it, or make changes within transaction.atomic() and silence vitrine.W004.",
            id="vitrine.W004",
        )
