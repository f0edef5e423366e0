"""Delivers the outbox: the oldest event first, each until vitrine has confirmed it.

At least once is the promise. A sender that is killed leaves a lease that ends; a vitrine that is killed answers nothing, and is
asked again under the same id. While vitrine cannot be reached nothing else is tried but the oldest event, with pauses that
double; an event that vitrine refuses waits by itself, and the others pass it.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from . import claims, conf, webhook
from .models import Event
from .webhook import Outcome, Verdict

logger = logging.getLogger("vitrine_django")

#: The first pause, in seconds.
PAUSE_FIRST_SECONDS = 0.25
#: Seconds between two looks for what may be forgotten.
_FORGET_EVERY_SECONDS = 3600.0
#: How often a pause can double before it is longer than any that may be set.
_DOUBLINGS_MAX = 20


def pause_seconds(attempts: int, most: float) -> float:
    """How long to wait after so many attempts, the first being 1."""
    return min(most, PAUSE_FIRST_SECONDS * 2.0 ** min(max(attempts - 1, 0), _DOUBLINGS_MAX))


@dataclass
class Sender:
    """Looks into every outbox in turn. Several may run, on any number of machines."""

    stop: threading.Event = field(default_factory=threading.Event)
    #: Attempts in a row that did not reach vitrine.
    unreached: int = 0
    _forgot_at: float = 0.0

    def run(self) -> None:
        """Delivers until `stop` is set; an attempt that is under way ends first."""
        while not self.stop.is_set():
            try:
                seconds = self.round()
            except (DatabaseError, InterfaceError) as error:
                self.unreached += 1
                seconds = pause_seconds(self.unreached, conf.load().pause_seconds_max)
                logger.error("the outbox cannot be read: %s; trying again in %.1f s", error, seconds)
                connections.close_all()
            self.stop.wait(seconds)
        connections.close_all()

    def round(self) -> float:
        """Delivers what is due, and gives the seconds until it should look again."""
        settings = conf.load()
        close_old_connections()
        self._forget(settings)
        for using in settings.databases:
            while not self.stop.is_set():
                event = claims.claim(using, settings.timeout_seconds)
                if event is None:
                    break
                outcome = attempt(event, settings, settings.timeout_seconds)
                if outcome.verdict is Verdict.UNREACHED:
                    self.unreached += 1
                    return pause_seconds(self.unreached, settings.pause_seconds_max)
                self.unreached = 0
        return settings.poll_seconds

    def drain(self) -> bool:
        """Delivers what is due now, once. Whether all of it was confirmed and nothing waits."""
        self.round()
        return not any(
            Event.objects.using(using).filter(delivered_at=None).exists() for using in conf.load().databases
        )

    def _forget(self, settings: conf.VitrineSettings) -> None:
        now = time.monotonic()
        if self._forgot_at and now - self._forgot_at < _FORGET_EVERY_SECONDS:
            return
        self._forgot_at = now
        for using in settings.databases:
            claims.forget_delivered(using, settings.keep_days)


def attempt(event: Event, settings: conf.VitrineSettings, timeout_seconds: float) -> Outcome:
    """Delivers one event that was claimed, and writes down what became of it."""
    outcome = webhook.deliver(
        settings.webhook_url,
        conf.secret_bytes(settings.webhook_secret),
        event.webhook_id,
        event.payload(),
        now_seconds=int(time.time()),
        timeout_seconds=timeout_seconds,
    )
    # What cannot be reached at all is waited for by the sender: when it is back, no event is to wait for a time of its own.
    waits_itself = outcome.verdict in (Verdict.REFUSED, Verdict.UNCONFIRMED)
    own_pause = pause_seconds(event.attempts, settings.pause_seconds_max) if waits_itself else 0.0
    if not claims.finish(event, outcome, own_pause):
        logger.warning("event %s: the lease ended before the answer came; another sender has it", event.pk)
    _log(event, outcome)
    return outcome


def _log(event: Event, outcome: Outcome) -> None:
    if outcome.verdict is Verdict.DELIVERED:
        level = logging.WARNING if outcome.words != "confirmed" else logging.INFO
    else:
        level = logging.ERROR if outcome.verdict is Verdict.REFUSED else logging.WARNING
    logger.log(level, "event %s (%s), attempt %d: %s", event.pk, event.type, event.attempts, outcome.words)


#: Until when commits of this process do not ask vitrine, because it did not answer one.
_quiet_until_seconds = 0.0
_QUIET_SECONDS = 5.0
#: Between two looks at an event that another sender delivers.
_LOOK_SECONDS = 0.02


def committed(using: str, written: Iterable[uuid.UUID]) -> None:
    """Delivers what a transaction has just written, within `COMMIT_WAIT_SECONDS` in all: who made the change sees it at the next
    load. What does not succeed is the sender's; nothing is raised, because the change is committed.
    """
    global _quiet_until_seconds
    try:
        settings = conf.load()
        ends_at = time.monotonic() + settings.commit_wait_seconds
        left = list(written)
        while left and _quiet_until_seconds < time.monotonic() < ends_at:
            event = claims.claim(using, settings.commit_wait_seconds, only=left)
            if event is None:
                _await_others(using, left, ends_at)
                return
            left.remove(event.pk)
            outcome = attempt(event, settings, max(ends_at - time.monotonic(), 0.1))
            if outcome.verdict is Verdict.UNREACHED:
                _quiet_until_seconds = time.monotonic() + _QUIET_SECONDS
    except Exception:
        logger.exception("what was committed is left to the sender")


def _await_others(using: str, left: list[uuid.UUID], ends_at: float) -> None:
    """Waits for events that a sender has taken meanwhile: whoever made the change is waiting for all of them."""
    under_way = Event.objects.using(using).filter(pk__in=left, delivered_at=None).exclude(lease=None)
    while time.monotonic() < ends_at and under_way.exists():
        time.sleep(_LOOK_SECONDS)


_thread: threading.Thread | None = None
_thread_lock = threading.Lock()


def start_thread() -> threading.Thread:
    """A sender in a thread of this process; one, however often it is asked for."""
    global _thread
    with _thread_lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=Sender().run, name="vitrine-sender", daemon=True)
            _thread.start()
        return _thread
