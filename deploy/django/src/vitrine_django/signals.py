"""Hears of changes from Django's signals, and puts them into the outbox.

What a function of `register` raises is raised through the change: a change whose pages nobody can name is not committed.
"""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models import ForeignKey, Model, Q
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.http import HttpRequest

from . import conf, outbox, registry


def connect() -> None:
    """Listens. Called once, when the applications are ready; again does no harm."""
    for signal, receiver in (
        (post_save, _saved),
        (pre_delete, _deleted),
        (post_delete, _deleted),
        (m2m_changed, _relation_changed),
        (user_logged_in, _logged_in),
        (user_logged_out, _logged_out),
    ):
        signal.connect(receiver, dispatch_uid=f"vitrine_django.{receiver.__name__}")


def record_objects(objects: Iterable[Model], *, using: str, raw: bool = False) -> None:
    """Puts what changes of these objects purge into the outbox; unregistered ones are passed over."""
    tags: dict[str, None] = {}
    urls: dict[str, None] = {}
    for instance in objects:
        registered = registry.find(type(instance))
        if registered is not None:
            more_tags, more_urls = registry.event_texts(registered, instance, raw=raw)
            tags.update(dict.fromkeys(more_tags))
            urls.update(dict.fromkeys(more_urls))
    outbox.record(tags, urls, using=using)


def _saved(sender: type[Model], instance: Model, using: str | None = None, raw: bool = False, **_: Any) -> None:
    using = using or _database_of(instance)
    record_objects([instance], using=using, raw=raw)
    if not raw and isinstance(instance, AbstractBaseUser) and _password_was_set(instance):
        _password_changed(instance, using)


def _deleted(sender: type[Model], instance: Model, using: str | None = None, **_: Any) -> None:
    # Heard before and after, in one transaction: before, its relations still tell where it was shown; after, what a
    # receiver of somebody else has changed on the way.
    record_objects([instance], using=using or _database_of(instance))


def _database_of(instance: Model) -> str:
    """Where an object is: who sends a signal for a change of their own may not say it."""
    return str(instance._state.db or router.db_for_write(type(instance), instance=instance))


def _relation_changed(
    sender: type[Model],
    instance: Model,
    action: str,
    model: type[Model],
    pk_set: set[Any] | None,
    using: str,
    **_: Any,
) -> None:
    """Both sides change: a category shows other products, and a product names other categories."""
    if action in ("post_add", "post_remove", "pre_remove"):
        others = _objects(model, pk_set or set(), using)
        if pk_set:
            record_objects([instance, *others], using=using)
    elif action == "pre_clear":
        record_objects([instance, *_related(sender, instance, using)], using=using)
    elif action == "post_clear":
        record_objects([instance], using=using)


def _objects(model: type[Model], keys: Iterable[Any], using: str) -> list[Model]:
    """The objects of a model with these keys, where anybody wants to hear of them."""
    if registry.find(model) is None:
        return []
    return list(model._base_manager.using(using).filter(pk__in=list(keys)))


def _related(through: type[Model], instance: Model, using: str) -> list[Model]:
    """What is joined to an object by the rows of a many-to-many table."""
    sides = [own for own in through._meta.fields if isinstance(own, ForeignKey)]
    is_of = Q(pk__in=[])
    for side in sides:
        if isinstance(instance, side.related_model):
            is_of |= Q(**{side.name: instance.pk})
    rows = list(through._base_manager.using(using).filter(is_of).values_list(*(side.attname for side in sides)))
    found: list[Model] = []
    for place, side in enumerate(sides):
        found += _objects(side.related_model, {row[place] for row in rows}, using)
    return found


def _password_was_set(user: AbstractBaseUser) -> bool:
    """`set_password` leaves the raw password there until the row is saved; a hash that is only made anew does not."""
    return getattr(user, "_password", None) is not None


def _password_changed(user: AbstractBaseUser, using: str) -> None:
    """Ends what was kept for that user's sessions: each such page bears the user's tag."""
    outbox.record([f"{registry.model_text(get_user_model())}:{user.pk}"], using=using)


def _logged_out(sender: Any, request: HttpRequest | None, **_: Any) -> None:
    session = getattr(request, "session", None)
    _end_session(getattr(session, "session_key", None))


def _logged_in(sender: Any, request: HttpRequest | None, **_: Any) -> None:
    """A login makes a new session: the one that the visitor came with ends."""
    if request is None:
        return
    came_with = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if came_with and came_with != getattr(getattr(request, "session", None), "session_key", None):
        _end_session(came_with)


def _end_session(key: str | None) -> None:
    event = conf.load().logout_event
    if key and event:
        outbox.record_event(event, {"session": key}, using=_session_database())


def _session_database() -> str:
    """The database of the sessions' table where there is one, for the sake of its transaction."""
    try:
        from django.contrib.sessions.models import Session

        return str(router.db_for_write(Session))
    except RuntimeError:
        # The sessions are kept elsewhere, and their model is not installed.
        return DEFAULT_DB_ALIAS
