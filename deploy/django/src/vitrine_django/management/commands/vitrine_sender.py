"""`manage.py vitrine_sender`: delivers the outbox to vitrine until it is told to stop."""

import signal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from ... import conf
from ...sender import Sender


class Command(BaseCommand):
    """Runs beside the site, as a service of its own; any number of them may run."""

    help = (
        "Delivers what has changed to vitrine, until it is stopped with SIGTERM or Ctrl-C. "
        "Exit codes: 0 stopped, or everything delivered (--once); 1 something waits (--once), or the settings are wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The arguments."""
        parser.add_argument("--once", action="store_true", help="deliver what is due now, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs."""
        try:
            url = conf.load().webhook_url
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        sender = Sender()
        if options["once"]:
            self._once(sender)
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sender.stop.set())
        self.stdout.write(f"delivering to {url}")
        sender.run()
        self.stdout.write("stopped; what is not delivered waits in the outbox")

    def _once(self, sender: Sender) -> None:
        try:
            is_empty = sender.drain()
        except DatabaseError as error:
            raise CommandError(f"the outbox cannot be read: {error}; has `manage.py migrate` been run?") from error
        if not is_empty:
            raise CommandError("something is still waiting; the admin's page of events says why")
        self.stdout.write("everything is delivered")
