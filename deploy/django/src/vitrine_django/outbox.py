"""Writes events into the outbox, in the transaction whose changes they tell of.

The row stands in the same transaction as the change: either both are committed or neither, whenever the process dies. One
transaction makes one event, which grows with each change; where it would grow past what one delivery may hold, another one is
begun. A row is always written with everything that it is to hold: if a savepoint was rolled back, the row has lost what was
added within it, and may be gone itself, and the next change writes both again. That purges too much at worst.

Outside a transaction each change is committed by itself, and its event right after it: a process that is killed between the two
loses that event. `ATOMIC_REQUESTS` closes the gap, and `manage.py check` says so.
"""

import json
import logging
import uuid
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction
from django.utils.encoding import iri_to_uri

from . import conf, names

logger = logging.getLogger("vitrine_django")

#: Tags and URLs of one event together; vitrine takes 256 from one delivery.
ENTRIES_MAX = 200
#: Bytes of them as JSON; vitrine reads 64 KiB of one delivery.
ENTRIES_BYTES_MAX = 48 * 1024
#: Bytes of one URL that vitrine takes.
URL_BYTES_MAX = 8 * 1024

_ATTRIBUTE = "_vitrine_pending"


@dataclass(eq=False)
class _Chunk:
    """One event that is still growing."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    # Both lists always stand there: a rule that finds no list calls it a mistake, and an empty one none.
    lists: dict[str, list[str]] = field(default_factory=lambda: {"tags": [], "urls": []})
    size_bytes: int = 0

    def has_room_for(self, size_bytes: int) -> bool:
        entries = sum(map(len, self.lists.values()))
        return entries < ENTRIES_MAX and self.size_bytes + size_bytes <= ENTRIES_BYTES_MAX


class _Pending:
    """The events of one transaction.

    Only the transaction's list of things to do on commit holds it: when Django empties that list, because the transaction or
    the savepoint was rolled back, this is gone too, and with it what it knew.
    """

    def __init__(self, using: str) -> None:
        self.using = using
        self.chunks: list[_Chunk] = []
        #: Which event holds an entry.
        self.places: dict[tuple[str, str], _Chunk] = {}
        self.others: list[uuid.UUID] = []

    def add(self, tags: Iterable[str], urls: Iterable[str]) -> list[_Chunk]:
        """Takes entries, and gives the events that hold them."""
        entries = [*(("tags", tag) for tag in tags), *(("urls", url) for url in urls)]
        return list(dict.fromkeys(self._chunk_for(*entry) for entry in entries))

    def _chunk_for(self, kind: str, text: str) -> _Chunk:
        held = self.places.get((kind, text))
        if held is not None:
            return held
        size_bytes = len(json.dumps(text, ensure_ascii=False).encode()) + 1
        if not self.chunks or not self.chunks[-1].has_room_for(size_bytes):
            self.chunks.append(_Chunk())
        chunk = self.places[kind, text] = self.chunks[-1]
        chunk.lists[kind].append(text)
        chunk.size_bytes += size_bytes
        return chunk

    def __call__(self) -> None:
        """On commit: what follows belongs to another transaction, and what was written is delivered."""
        from . import sender

        setattr(connections[self.using], _ATTRIBUTE, None)
        written = [*(chunk.id for chunk in self.chunks), *self.others]
        sender.committed(self.using, written)


def record(tags: Iterable[str] = (), urls: Iterable[str] = (), *, using: str) -> None:
    """Has the pages with these tags, and these URLs, purged once the transaction on database `using` is committed.

    Raises `ValueError` for what is no tag or URL; `DatabaseError` where the row cannot be written, so that the change is not
    committed without it.
    """
    spelt, checked = names.for_event(tags), [_checked_url(url) for url in urls]
    if not spelt and not checked:
        return
    _record(spelt, checked, using)


def _record(tags: list[str], urls: list[str], using: str) -> None:
    settings = conf.load()
    if using not in settings.databases:
        # There is no outbox: what is to be told waits for the commit, and goes into one that has it.
        transaction.on_commit(lambda: _record(tags, urls, settings.databases[0]), using=using)
        return
    with transaction.atomic(using=using, savepoint=False):
        for chunk in _pending(using).add(tags, urls):
            _write(using, chunk, settings.event)


def record_event(event_type: str, data: dict[str, Any], *, using: str) -> None:
    """Has an event of another type sent once the transaction on database `using` is committed."""
    from .models import Event

    databases = conf.load().databases
    if using not in databases:
        transaction.on_commit(lambda: record_event(event_type, data, using=databases[0]), using=using)
        return
    with transaction.atomic(using=using, savepoint=False):
        event = Event.objects.using(using).create(type=event_type, data=data)
        _pending(using).others.append(event.pk)


def _pending(using: str) -> _Pending:
    """The events of the transaction that is open on a database."""
    connection = connections[using]
    reference: Callable[[], _Pending | None] | None = getattr(connection, _ATTRIBUTE, None)
    pending = reference() if reference else None
    if pending is None:
        pending = _Pending(using)
        setattr(connection, _ATTRIBUTE, weakref.ref(pending))
        transaction.on_commit(pending, using=using)
    return pending


def _write(using: str, chunk: _Chunk, event_type: str) -> None:
    """Writes an event with all that it is to hold.

    The row may be gone, with a savepoint; or it may be committed and on its way, where something that runs on commit makes
    changes of its own. What was sent once must not grow: vitrine would call it a repetition. Then another row is made.
    """
    from .models import Event

    events = Event.objects.using(using)
    if not events.filter(pk=chunk.id, attempts=0, lease=None, delivered_at=None).update(data=chunk.lists):
        chunk.id = uuid.uuid4()
        events.create(pk=chunk.id, type=event_type, data=chunk.lists)


def _checked_url(url: str) -> str:
    uri = str(iri_to_uri(url))
    if not (uri.startswith("/") or conf.is_http_url(uri)):
        raise ValueError(f"{url!r} is neither a path that begins with / nor an http(s) URL")
    if len(uri) > URL_BYTES_MAX:
        raise ValueError(f"a URL of {len(uri)} bytes; vitrine takes {URL_BYTES_MAX}")
    return uri
