"""Asks vitrine's admin API. Every failure is an `AdminError` with words for an operator."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from . import conf, webhook


class AdminError(Exception):
    """The admin API cannot be used, or refuses; the message says why and what to do."""


@dataclass(frozen=True)
class AdminApi:
    """vitrine at its admin address."""

    url: str
    token: str
    timeout_seconds: float

    @classmethod
    def from_settings(cls, read: conf.VitrineSettings) -> "AdminApi":
        """As the settings say."""
        return cls(read.admin_url.rstrip("/"), read.admin_token, read.timeout_seconds)

    def status(self) -> dict[str, Any]:
        """Caches, ledger and routes at a glance."""
        return self._ask("GET", "/api/v1/status", None)

    def clear(self, cache: str | None) -> dict[str, Any]:
        """Throws away a cache, or all."""
        return self._ask("POST", "/api/v1/clear", {} if cache is None else {"cache": cache})

    def purge_tags(self, tags: list[str]) -> dict[str, Any]:
        """Lets go of what bears one of the tags."""
        return self._ask("POST", "/api/v1/purge", {"tags": tags, "reason": "cache_manager"})

    def purge_url(self, url: str) -> dict[str, Any]:
        """Lets go of a URL in all its variants."""
        return self._ask("POST", "/api/v1/purge", {"url": url, "reason": "cache_manager"})

    def _ask(self, method: str, path: str, order: dict[str, Any] | None) -> dict[str, Any]:
        fields = {"Accept": "application/json", "User-Agent": "vitrine-django"}
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        body = None
        if order is not None:
            fields["Content-Type"] = "application/json"
            body = json.dumps(order).encode()
        try:
            answer = webhook.exchange(method, self.url + path, fields, body, timeout_seconds=self.timeout_seconds)
        except (OSError, http.client.HTTPException) as error:
            raise AdminError(
                f"vitrine does not answer at {self.url}: {error or type(error).__name__}. Does it run, and is ADMIN_URL its admin address?"
            ) from error
        return self._read(answer)

    def _read(self, answer: webhook.Answer) -> dict[str, Any]:
        value = answer.value()
        if answer.status in (200, 202):
            if isinstance(value, dict):
                return value
            raise AdminError(f"{self.url} does not answer as vitrine's admin API does. Is ADMIN_URL its admin address?")
        detail = value.get("detail") if isinstance(value, dict) else None
        remedy = _REMEDIES.get(answer.status)
        told = "; ".join(str(part) for part in (detail, remedy) if part) or "it does not say why"
        raise AdminError(f"vitrine refuses at {self.url}: {answer.status}: {told}")


_REMEDIES = {
    401: "VITRINE['ADMIN_TOKEN'] must be admin.token of proxy.yaml",
    403: "ADMIN_URL must name a loopback address, or proxy.yaml needs a token",
    404: "ADMIN_URL must be vitrine's admin address, not its public one",
}
