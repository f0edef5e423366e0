"""The basket of a visitor without a session: a signed cookie."""

import json
from typing import Any

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse

COOKIE = "basket"


def read(request: HttpRequest) -> dict[int, int]:
    """How many of which product; a cookie that somebody has made up is an empty basket."""
    try:
        written = json.loads(request.get_signed_cookie(COOKIE, default="{}"))
    except (BadSignature, ValueError):
        return {}
    return {int(product): int(quantity) for product, quantity in written.items()}


def write(response: HttpResponse, basket: dict[int, int]) -> None:
    """Puts it into the answer; an empty one is taken away."""
    if basket:
        response.set_signed_cookie(COOKIE, json.dumps(basket), httponly=True, samesite="Lax")
    else:
        response.delete_cookie(COOKIE, samesite="Lax")


def context(request: HttpRequest) -> dict[str, Any]:
    """For every page: how many things are in the basket."""
    return {"basket_count": sum(read(request).values())}
