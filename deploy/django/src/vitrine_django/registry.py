"""Which models are told of, and what a change of one of their objects purges."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

logger = logging.getLogger("vitrine_django")

#: Gives texts for an object: further tags, or URLs.
Texts = Callable[[Any], Iterable[str]]


@dataclass(frozen=True)
class Registered:
    """A model with what its changes purge beside its own names."""

    model: type[Model]
    tags: Texts | None = None
    urls: Texts | None = None


_registered: dict[type[Model], Registered] = {}
_untold: set[type[Model]] = set()


def register(model: type[Model], *, tags: Texts | None = None, urls: Texts | None = None) -> None:
    """Has changes of this model, and of models that inherit from it, told to vitrine.

    A change always purges the object's own tag (`product:12`) and the model's (`product`, which lists bear); `tags` and `urls`
    name what else shows it: pages that it now belongs to and did not before. Pages that showed it before bear its own tag. A
    later registration takes the place of an earlier one. Call it where the application is ready, or beside the model.
    """
    _registered[model] = Registered(model, tags, urls)
    _untold.discard(model)


def unregister(model: type[Model]) -> None:
    """Takes a registration back; one that never was is not missed."""
    _registered.pop(model, None)


def models() -> list[type[Model]]:
    """Those that are registered."""
    return list(_registered)


def find(model: type[Model]) -> Registered | None:
    """The registration that counts for a model: its own, or the nearest one that it inherits from."""
    return next((_registered[own] for own in model.__mro__ if own in _registered), None)


def model_text(model: type[Model]) -> str:
    """The tag of all objects of a model: `product`."""
    registered = find(model)
    named = registered.model if registered else model
    return str(named._meta.concrete_model._meta.model_name)


def object_text(instance: Model) -> str:
    """The tag of one object: `product:12`.

    Raises `ValueError` where it has no primary key yet.
    """
    if instance.pk is None:
        raise ValueError(f"{instance!r} has not been saved: it has no tag yet")
    return f"{model_text(type(instance))}:{instance.pk}"


def page_texts(thing: Model | type[Model]) -> list[str]:
    """What a page that shows an object, or all objects of a model, is named by.

    One of an unregistered model is named too, and said in the log once: nothing will ever purge that name by itself.
    """
    model: type[Model] = thing if isinstance(thing, type) else type(thing)
    if find(model) is None and model not in _untold:
        _untold.add(model)
        logger.warning(
            "a page is tagged with %s, which is not registered: its changes purge nothing", model._meta.label
        )
    return [object_text(thing) if isinstance(thing, Model) else model_text(thing)]


def event_texts(registered: Registered, instance: Model, *, raw: bool = False) -> tuple[list[str], list[str]]:
    """Tags and URLs that a change of an object purges.

    `raw`: it comes from a fixture, and what it refers to may not be there yet, so that only its own names are told.
    """
    own = [object_text(instance), model_text(type(instance))]
    if raw:
        return own, []
    further = list(registered.tags(instance)) if registered.tags else []
    urls = list(registered.urls(instance)) if registered.urls else []
    return own + further, urls
