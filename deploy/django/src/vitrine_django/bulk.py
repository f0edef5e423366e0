"""For changes that send no signals: `bulk_create`, `bulk_update`, `QuerySet.update`, raw SQL.

Each of these belongs into the transaction of the change, which `changing` opens by itself.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, router, transaction
from django.db.models import Model, QuerySet

#: Objects that are read at once.
_ROWS = 1000


def purge_on(objects: QuerySet[Any] | Iterable[Model], *, using: str | None = None) -> None:
    """Has what shows these objects purged once the transaction is committed.

    `objects`: what `bulk_create` returned, what `bulk_update` was given, or a queryset of what was changed; it is read now.
    Raises `ValueError` for an object without a primary key, and where models are not registered: nothing would be purged.
    """
    from .registry import find
    from .signals import record_objects

    rows = list(objects)
    if isinstance(objects, QuerySet):
        using = using or objects.db
    models = {objects.model} if isinstance(objects, QuerySet) else {type(own) for own in rows}
    for model in models:
        if find(model) is None:
            raise ValueError(f"{model._meta.label} is not registered with vitrine: nothing would be purged")
    if rows:
        record_objects(rows, using=using or rows[0]._state.db or router.db_for_write(type(rows[0])))


@contextmanager
def changing(queryset: QuerySet[Any], *, using: str | None = None) -> Iterator[QuerySet[Any]]:
    """A transaction in which the rows of a queryset are changed: `with changing(products) as rows: rows.update(price=1)`.

    What they were and what they become is purged, also of rows that no longer meet the queryset's conditions afterwards.
    """
    database = using or router.db_for_write(queryset.model)
    queryset = queryset.using(database)
    with transaction.atomic(using=database):
        keys = list(queryset.values_list("pk", flat=True))
        rows = queryset.model._base_manager.using(database)
        for some in _slices(keys):
            purge_on(rows.filter(pk__in=some))
        yield queryset
        for some in _slices(keys):
            purge_on(rows.filter(pk__in=some))


def _slices(keys: list[Any]) -> Iterator[list[Any]]:
    """Keys in numbers that every database takes in one query."""
    for start in range(0, len(keys), _ROWS):
        yield keys[start : start + _ROWS]


def invalidate(tags: Iterable[str] = (), urls: Iterable[str] = (), *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Has the pages with these tags, and these URLs, purged once the transaction on database `using` is committed.

    A URL is a path (of every host) or a whole one; it is purged in all its variants.
    Raises `ValueError` for what is no tag or URL, `TypeError` for a text in place of a list.
    """
    from . import outbox

    if isinstance(tags, str) or isinstance(urls, str):
        raise TypeError("tags and urls are lists of texts, not a text")
    outbox.record(tags, urls, using=using)
