"""Django's admin: the outbox, to be looked at. Nothing can be changed; what was delivered can be delivered again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import outbox
from .models import Event


@admin.register(Event)
class EventAdmin(admin.ModelAdmin):
    """Recent events, and what became of them."""

    list_display = ("created_at", "type", "state", "attempts", "summary", "outcome")
    list_filter = ("type", ("delivered_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("id", "outcome")
    actions = ("deliver_again",)

    @admin.display(description=_("state"))
    def state(self, event: Event) -> str:
        """Whether it was delivered, and how fast."""
        if event.delivered_at is None:
            return str(_("waiting"))
        return f"{_('delivered')} (+{(event.delivered_at - event.created_at).total_seconds():.2f} s)"

    @admin.display(description=_("purges"))
    def summary(self, event: Event) -> str:
        """The first of what it purges. A session's id is nobody's to read."""
        if "session" in event.data:
            return str(_("a session"))
        entries = [*event.data.get("tags", []), *event.data.get("urls", [])]
        return ", ".join(entries[:5]) + (f" … ({len(entries)})" if len(entries) > 5 else "")

    def get_fields(self, request: HttpRequest, obj: Event | None = None) -> list[str]:
        """Everything but what names a session."""
        fields = ["id", "type", "created_at", "due_at", "attempts", "delivered_at", "outcome"]
        return fields if obj is not None and "session" in obj.data else [*fields, "data"]

    @admin.action(description=_("Deliver again"), permissions=["view"])
    def deliver_again(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Puts what the chosen events purged into new ones; those that wait already, and ends of sessions, are left alone."""
        again = [event for event in queryset.exclude(delivered_at=None) if "session" not in event.data]
        for event in again:
            outbox.record_event(event.type, event.data, using=queryset.db)
        words = ngettext("%d event is delivered again.", "%d events are delivered again.", len(again)) % len(again)
        self.message_user(request, words, messages.SUCCESS if again else messages.WARNING)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may: an event that is deleted before its delivery leaves a page that is wrong."""
        return False
