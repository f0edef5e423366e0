"""What a page was made from, collected while it is made."""

import logging
from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from . import names, registry

logger = logging.getLogger("vitrine_django")

_ATTRIBUTE = "_vitrine_page"


class Page:
    """The names of the page that answers one request."""

    def __init__(self) -> None:
        #: Names, each with whether it is to stand on a signed-in visitor's page too.
        self.names: dict[str, bool] = {}
        #: Whether the answer's head has been written: what is named later comes too late.
        self.is_sent = False

    def add(self, text: str, private: bool) -> None:
        """Takes a name."""
        name = names.spell(text)
        if self.is_sent:
            logger.error("the tag %s was named after the page's head was written: the page does not bear it", name)
            return
        self.names[name] = self.names.get(name, False) or private


def page_of(request: HttpRequest) -> Page:
    """The page that answers a request; that of Django's own request where another one is wrapped around it."""
    request = getattr(request, "_request", request)
    page = getattr(request, _ATTRIBUTE, None)
    if page is None:
        page = Page()
        setattr(request, _ATTRIBUTE, page)
    return page


def tag(request: HttpRequest, *things: Model | type[Model] | str | Iterable[Any], private: bool = False) -> None:
    """Says that the page which answers `request` shows these.

    An object names itself (`product:12`), a model the list of all its objects (`product`), a text stands for itself; a list or
    queryset is taken item by item. With `private` the names also stand on the page of a signed-in visitor, which bears none
    else.

    Raises `ValueError` for an empty text and an object that was never saved, `TypeError` for anything else.
    """
    page = page_of(request)
    for text in _texts(things):
        page.add(text, private)


def _texts(things: Iterable[Any]) -> Iterable[str]:
    for thing in things:
        if isinstance(thing, str):
            yield thing
        elif isinstance(thing, Model) or (isinstance(thing, type) and issubclass(thing, Model)):
            yield from registry.page_texts(thing)
        elif isinstance(thing, Iterable) and not isinstance(thing, bytes):
            yield from _texts(thing)
        else:
            raise TypeError(f"a tag is made from an object, a model, a text or a list of them, not from {thing!r}")
