"""One delivery: signs an event as Standard Webhooks says, posts it, and tells what vitrine's answer means."""

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

#: Bytes of an answer that are read.
ANSWER_BYTES_MAX = 1024 * 1024
#: Characters of a foreign text that are shown.
_SHOWN_CHARACTERS = 200


class Verdict(Enum):
    """What became of a delivery."""

    #: It is in force on every proxy.
    DELIVERED = "delivered"
    #: vitrine took it in and has not confirmed it: it is to be asked again, under another id.
    UNCONFIRMED = "unconfirmed"
    #: vitrine does not take this event; others it may.
    REFUSED = "refused"
    #: vitrine cannot be reached, or takes none of our events.
    UNREACHED = "unreached"


@dataclass(frozen=True)
class Outcome:
    """A verdict, with words for whoever looks after the shop."""

    verdict: Verdict
    words: str
    #: Whether vitrine has answered under this id, and would answer the same again.
    is_answered: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the body as far as it is read, the fields by their names in lower case."""

    status: int
    body: bytes
    fields: Mapping[str, str] = field(default_factory=dict)

    def value(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class TooSlow(OSError):
    """The time for an exchange has run out."""


def signature(key: bytes, webhook_id: str, timestamp_seconds: int, body: bytes) -> str:
    """The `webhook-signature` over id, time and body."""
    signed = f"{webhook_id}.{timestamp_seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def deliver(
    url: str, key: bytes, webhook_id: str, payload: dict[str, Any], *, now_seconds: int, timeout_seconds: float
) -> Outcome:
    """Delivers an event. Raises nothing for what a network or another server may do: that is an outcome."""
    body = json.dumps(payload, ensure_ascii=False).encode()
    fields = {
        "Content-Type": "application/json",
        "User-Agent": "vitrine-django",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(now_seconds),
        "webhook-signature": signature(key, webhook_id, now_seconds, body),
    }
    try:
        answer = exchange("POST", url, fields, body, timeout_seconds=timeout_seconds)
    except (OSError, http.client.HTTPException) as error:
        return Outcome(Verdict.UNREACHED, f"no answer from {url}: {_name(error)}")
    return judge(answer, str(payload.get("type")))


def exchange(method: str, url: str, fields: dict[str, str], body: bytes | None, *, timeout_seconds: float) -> Answer:
    """One request on a connection of its own, to the address in the URL and through no other proxy; no redirect is followed.

    Raises `OSError` (`TooSlow` when the whole took longer than it may), or `HTTPException` where the answer is no HTTP.
    """
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, timeout_seconds)
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        # A drop a second keeps each read within its own limit: the whole is ended from outside.
        if connection.sock is not None:
            try:
                connection.sock.shutdown(2)
            except OSError:
                pass

    timer = threading.Timer(timeout_seconds, end)
    timer.daemon = True
    timer.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body, headers=fields)
        response = connection.getresponse()
        fields_read = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, response.read(ANSWER_BYTES_MAX), fields_read)
        if response.length and len(answer.body) < ANSWER_BYTES_MAX:
            raise http.client.IncompleteRead(answer.body, response.length)
    except (OSError, http.client.HTTPException) as error:
        if is_late.is_set() or isinstance(error, TimeoutError):
            raise TooSlow(f"not answered within {timeout_seconds:g} s") from error
        raise
    finally:
        timer.cancel()
        connection.close()
    if is_late.is_set():
        raise TooSlow(f"not answered within {timeout_seconds:g} s")
    return answer


def _connection(scheme: str, host: str, port: int | None, timeout_seconds: float) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout_seconds)


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def judge(answer: Answer, event_type: str) -> Outcome:
    """What an answer means for the event that was sent."""
    if answer.status in (200, 202):
        return _judge_taken(answer, event_type)
    if 300 <= answer.status < 400:
        words = "a redirect is not followed: WEBHOOK_URL must name vitrine itself"
    else:
        words = _REMEDIES.get(answer.status, "")
    told = _told(answer)
    parts = [str(answer.status), *(part for part in (words, told) if part)]
    verdict = Verdict.REFUSED if answer.status in (400, 413, 422) else Verdict.UNREACHED
    return Outcome(verdict, ": ".join(parts))


_REMEDIES = {
    400: "vitrine cannot read this event",
    401: "the secret is not the one in proxy.yaml, or a clock is more than five minutes off",
    403: "something in front of vitrine refuses this",
    404: "there is no webhook at this path, or proxy.yaml gives it no secret",
    405: "that is no webhook",
    413: "the event is too large",
    421: "vitrine does not know the host in WEBHOOK_URL; add it to hosts in proxy.yaml",
    422: "the event asks for too much",
    503: "it holds, but is not durable yet",
}


def _judge_taken(answer: Answer, event_type: str) -> Outcome:
    value = answer.value()
    if not isinstance(value, dict) or "confirmed" not in value:
        words = "the answer is not vitrine's: it does not say whether it is confirmed"
        return Outcome(Verdict.UNREACHED, f"{answer.status}: {words}")
    if value.get("matched_rule") is not True:
        words = f"no rule under invalidation.events of proxy.yaml speaks of {event_type}: nothing was purged"
        return Outcome(Verdict.REFUSED, words, is_answered=True)
    if value["confirmed"] is not True:
        obstacle = value.get("obstacle") or "not every proxy has let go"
        return Outcome(Verdict.UNCONFIRMED, f"{answer.status}, not confirmed: {_shown(str(obstacle))}", is_answered=True)
    skipped = value.get("skipped") or []
    words = f"confirmed; skipped: {_shown('; '.join(map(str, skipped)))}" if skipped else "confirmed"
    return Outcome(Verdict.DELIVERED, words, is_answered=True)


def _told(answer: Answer) -> str:
    """What an answer says for people."""
    value = answer.value()
    message = value.get("message") or value.get("detail") if isinstance(value, dict) else None
    return _shown(str(message)) if message else ""


def _shown(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable if len(printable) <= _SHOWN_CHARACTERS else printable[: _SHOWN_CHARACTERS - 1] + "…"
