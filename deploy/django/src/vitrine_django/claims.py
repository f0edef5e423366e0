"""Who delivers an event: a lease on its row, which one sender holds and which ends by itself when that sender dies.

A lease rather than a lock, so that no transaction is open while vitrine is asked; every database can do it, and where rows can be
locked and passed over, senders do not wait for each other.
"""

import uuid
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from .models import Event
from .webhook import Outcome, Verdict

#: Beyond what one delivery may take: the rows around it are written in this time.
_LEASE_MARGIN_SECONDS = 10.0


def claim(
    using: str, timeout_seconds: float, *, only: Iterable[uuid.UUID] | None = None, now: datetime | None = None
) -> Event | None:
    """Takes the oldest event that is due and that nobody holds; among `only`, where that is said. None where there is none."""
    now = now or timezone.now()
    lease = uuid.uuid4()
    until = now + timedelta(seconds=timeout_seconds + _LEASE_MARGIN_SECONDS)
    is_free = Q(leased_until=None) | Q(leased_until__lte=now)
    waiting = Event.objects.using(using).filter(is_free, delivered_at=None, due_at__lte=now).order_by("created_at", "pk")
    if only is not None:
        waiting = waiting.filter(pk__in=list(only))
    while True:
        oldest = _take(using, waiting, is_free, lease, until)
        if oldest is None:
            return None
        # Read after it was taken: until then its transaction's own process may have added to it.
        event = Event.objects.using(using).filter(pk=oldest, lease=lease).first()
        if event is not None:
            return event


def _take(using: str, waiting: Any, is_free: Q, lease: uuid.UUID, until: datetime) -> uuid.UUID | None:
    """Writes the lease on the oldest event, and gives its key: the row bears the lease, unless another sender was faster."""
    can_lock = connections[using].features.has_select_for_update_skip_locked
    if can_lock:
        waiting = waiting.select_for_update(skip_locked=True)
    # Without such locks no transaction either: SQLite refuses to let one that has read begin to write beside another writer.
    with transaction.atomic(using=using) if can_lock else nullcontext():
        oldest: uuid.UUID | None = waiting.values_list("pk", flat=True).first()
        if oldest is not None:
            free = Event.objects.using(using).filter(is_free, pk=oldest, delivered_at=None)
            free.update(lease=lease, leased_until=until, attempts=F("attempts") + 1)
    return oldest


def finish(event: Event, outcome: Outcome, pause_seconds: float, *, now: datetime | None = None) -> bool:
    """Writes down what became of a delivery, and lets the event go. False where the lease has ended and another holds it."""
    now = now or timezone.now()
    values: dict[str, Any] = {"lease": None, "leased_until": None, "outcome": outcome.words}
    if outcome.verdict is Verdict.DELIVERED:
        values["delivered_at"] = now
        if "session" in event.data:
            # A session's id is as good as a password: it is kept no longer than it is of use.
            values["data"] = {"session": None}
    else:
        values["due_at"] = now + timedelta(seconds=pause_seconds)
        if outcome.is_answered:
            values["round"] = F("round") + 1
    held = Event.objects.using(event._state.db).filter(pk=event.pk, lease=event.lease)
    return bool(held.update(**values))


def forget_delivered(using: str, keep_days: int, *, now: datetime | None = None) -> int:
    """Deletes events that were delivered so long ago; gives their number."""
    before = (now or timezone.now()) - timedelta(days=keep_days)
    deleted, _ = Event.objects.using(using).filter(delivered_at__lt=before).delete()
    return int(deleted)
