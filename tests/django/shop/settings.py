"""The test shop: what a Django shop has that makes its pages hard to cache, and nothing else.

Where things are comes from the environment: `SHOP_DATABASE`, `SHOP_QUERY_LOG`, and vitrine's addresses and secret. Without a
webhook's URL it is the shop as it was before there was a cache.
"""

import os
from pathlib import Path

from django.utils.translation import gettext_lazy as _

FOLDER = Path(__file__).resolve().parent
WEBHOOK_URL = os.environ.get("VITRINE_WEBHOOK_URL", "")

SECRET_KEY = "of a shop that sells nothing"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "vitrine_django",
    "shop",
]
MIDDLEWARE = [
    "vitrine_django.middleware.VitrineMiddleware",
    "shop.queries.QueryLogMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
if not WEBHOOK_URL:
    INSTALLED_APPS.remove("vitrine_django")
    MIDDLEWARE.remove("vitrine_django.middleware.VitrineMiddleware")
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shop.basket.context",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", FOLDER.parent / "shop.sqlite3"),
        "CONN_MAX_AGE": 600,
        # SQLite has one writer. A transaction that reads first and writes later fails beside another one: each takes its turn at
        # its begin. So no request is a transaction as a whole, and what writes opens one.
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
    }
}
SILENCED_SYSTEM_CHECKS = ["vitrine.W004"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German")), ("bn", _("Bengali"))]
STATIC_URL = "/static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "profile"
LOGOUT_REDIRECT_URL = "home"
# An anonymous visitor has no session: what is said to them is in a cookie, as their basket is.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

VITRINE = {
    "WEBHOOK_URL": WEBHOOK_URL,
    "WEBHOOK_SECRET": os.environ.get("VITRINE_WEBHOOK_SECRET", ""),
    "ADMIN_URL": os.environ.get("VITRINE_ADMIN_URL", "http://127.0.0.1:8081"),
    "PUBLIC_URL": os.environ.get("VITRINE_PUBLIC_URL", "http://127.0.0.1:8080"),
    "MODELS": {"shop.Product": "shop.caching.tags_of_product", "shop.Category": None},
    "COMMIT_WAIT_SECONDS": float(os.environ.get("SHOP_COMMIT_WAIT_SECONDS", "2")),
    "TIMEOUT_SECONDS": 5.0,
    "PAUSE_SECONDS_MAX": 1.0,
}
