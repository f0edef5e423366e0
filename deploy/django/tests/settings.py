"""The settings of the package's own tests."""

import os

SECRET_KEY = "only for tests"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "vitrine_django",
    "tests.shop",
]
MIDDLEWARE = [
    "vitrine_django.middleware.VitrineMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "tests.shop.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database(name: str) -> dict[str, object]:
    # A file, so that threads and processes of the tests see one database; writers wait for each other.
    path = os.path.join(os.environ["VITRINE_TEST_FOLDER"], f"{name}.sqlite3")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"timeout": 20},
        "TEST": {"NAME": path},
    }


DATABASES = {"default": _database("default"), "other": _database("other"), "bare": _database("bare")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
VITRINE = {
    "WEBHOOK_URL": "http://127.0.0.1:9/webhooks/shop",
    "WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "DATABASES": ["default", "other"],
    # The tests that are about it turn it on: the others look into the outbox.
    "COMMIT_WAIT_SECONDS": 0,
    "TIMEOUT_SECONDS": 2,
}
# What is logged is what tests ask about; the rest would hide their own words.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"nowhere": {"class": "logging.NullHandler"}},
    "loggers": {name: {"handlers": ["nowhere"], "propagate": False} for name in ("vitrine_django", "django.request")},
}
