"""Writes down how many queries each page took, for whoever measures the shop."""

import os
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse


class QueryLogMiddleware:
    """Appends a line to the file in `SHOP_QUERY_LOG`: the path, and the number."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.path = os.environ.get("SHOP_QUERY_LOG")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self.path is None:
            return self.get_response(request)
        count = 0

        def counting(execute: Callable[..., Any], *arguments: Any) -> Any:
            nonlocal count
            count += 1
            return execute(*arguments)

        with connection.execute_wrapper(counting):
            response = self.get_response(request)
        # One write of a short line: those of several processes do not mix.
        log = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, f"{request.path} {count}\n".encode())
        finally:
            os.close(log)
        return response
