"""The application."""

from django.apps import AppConfig, apps
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from . import conf, registry
from .checks import check_settings


class VitrineConfig(AppConfig):
    """Registers the models of the settings, and listens."""

    name = "vitrine_django"
    label = "vitrine"
    verbose_name = _("vitrine")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Mistakes in the settings are the checks' to tell, all at once; nothing is done by settings that hold one."""
        # Not before: it imports models.
        from . import signals

        checks.register(check_settings)
        signals.connect()
        try:
            read = conf.load()
            for label, tags in read.models.items():
                registry.register(apps.get_model(label), tags=import_string(tags) if isinstance(tags, str) else tags)
        except (ImproperlyConfigured, ImportError, LookupError, ValueError):
            return
