"""Writes a page's names into its head: `Surrogate-Key: product:12 category:3`. vitrine keeps the field to itself."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from . import conf, names, registry, sender
from .tagging import Page, page_of

FIELD = "Surrogate-Key"

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class VitrineMiddleware:
    """Stands first in `MIDDLEWARE`, so that what other middleware names is written too."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.settings = conf.load()
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._later(request)
        return self._name(request, self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return self._name(request, await self.get_response(request))

    def _name(self, request: HttpRequest, response: Any) -> Any:
        if self.settings.sender_thread:
            # Here and not at the start: a server that forks its workers leaves a thread of its own behind.
            sender.start_thread()
        page = page_of(request)
        borne = list(names_borne(request, response, page, self.settings))
        page.is_sent = True
        if borne:
            by_hand = str(response.get(FIELD, "")).split()
            limits = (self.settings.page_tags_max, self.settings.page_tags_bytes_max)
            response[FIELD] = " ".join(names.within_limits([*by_hand, *borne], *limits))
        return response


def names_borne(
    request: HttpRequest, response: HttpResponseBase, page: Page, settings_now: conf.VitrineSettings
) -> list[str]:
    """The names that a response bears.

    A signed-in visitor's page is not shared, and what it shows is that visitor's business: it bears the visitor's own tag,
    which a change of password purges, and what was named as private.
    """
    if not is_private(request, response):
        return list(page.names)
    own = _visitor(request)
    named = [name for name, private in page.names.items() if private or settings_now.tag_private_pages]
    return named if own is None else [own, *named]


def is_private(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether a response is one session's own. The session is not touched for it: that would vary the page by cookie."""
    cookie = settings.SESSION_COOKIE_NAME
    return cookie in request.COOKIES or cookie in response.cookies


def _visitor(request: HttpRequest) -> str | None:
    """The tag of whoever is signed in, where the page has asked who that is."""
    session = getattr(request, "session", None)
    if session is None or not session.accessed:
        return None
    identifier = session.get(SESSION_KEY)
    return None if identifier is None else names.spell(f"{registry.model_text(get_user_model())}:{identifier}")
