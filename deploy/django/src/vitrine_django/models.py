"""The outbox: events that vitrine has not confirmed yet, and for some days those that it has."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """One event: written in the transaction whose changes it tells of, delivered after its commit.

    While `leased_until` lies ahead the sender that wrote `lease` is delivering it, and no other one does. `due_at` is when it
    may be tried. `round` counts the answers that were no confirmation: each needs an id of its own, because vitrine gives a
    repeated id the answer that it gave first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(_("type"), max_length=100)
    data = models.JSONField(_("data"))
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    due_at = models.DateTimeField(_("due"), default=timezone.now)
    round = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    lease = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    outcome = models.TextField(_("last answer"), default="", blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(delivered_at=None), name="vitrine_event_due"),
            models.Index(fields=["delivered_at"], name="vitrine_event_delivered"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    @property
    def webhook_id(self) -> str:
        """The id under which this event is sent, the same for each repetition that may have arrived unanswered."""
        return f"msg_{self.id.hex}_{self.round}"

    def payload(self) -> dict[str, Any]:
        """The body of the webhook."""
        return {"type": self.type, "timestamp": self.created_at.isoformat(), "data": self.data}
