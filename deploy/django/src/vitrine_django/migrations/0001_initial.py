"""The outbox."""

import uuid

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Makes its table."""

    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=100, verbose_name="type")),
                ("data", models.JSONField(verbose_name="data")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="created")),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="due")),
                ("round", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("lease", models.UUIDField(editable=False, null=True)),
                ("leased_until", models.DateTimeField(editable=False, null=True)),
                ("delivered_at", models.DateTimeField(null=True, verbose_name="delivered")),
                ("outcome", models.TextField(blank=True, default="", verbose_name="last answer")),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("delivered_at", None)), fields=["due_at"], name="vitrine_event_due"
                    ),
                    models.Index(fields=["delivered_at"], name="vitrine_event_delivered"),
                ],
            },
        ),
    ]
