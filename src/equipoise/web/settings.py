"""Django's settings: credentials and sessions live here, the trial does not.

Source of the headers and cookie flags: OWASP Application Security Verification Standard 4, V3
(sessions) and V14 (configuration); of what they serve: REQUIREMENTS UA1-4.
"""

from __future__ import annotations

import os
from typing import Any

from equipoise.web.configuration import Configuration

CONFIGURATION = Configuration.read(os.environ)
DEMONSTRATION = CONFIGURATION.demonstration

SECRET_KEY = CONFIGURATION.secret
DEBUG = False
ALLOWED_HOSTS = list(CONFIGURATION.hosts)
ROOT_URLCONF = "equipoise.web.urls"
WSGI_APPLICATION = "equipoise.web.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

INSTALLED_APPS = [
    "equipoise.web.apps.WebConfig",  # first: its templates stand for those of the others
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "equipoise.web.limits.TooLong",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "equipoise.web.asking.AskingMiddleware",
    "equipoise.web.limits.TooOften",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "equipoise.web.asking.shown_everywhere",
            ],
        },
    }
]


def _database(accounts: str) -> dict[str, Any]:
    """Django's database of accounts: a file, or an address of PostgreSQL."""
    if not accounts.startswith("postgres"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": accounts,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    from psycopg.conninfo import conninfo_to_dict

    found = conninfo_to_dict(accounts)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": found.get("dbname", ""),
        "USER": found.get("user", ""),
        "PASSWORD": found.get("password", ""),
        "HOST": found.get("host", ""),
        "PORT": str(found.get("port", "")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database(CONFIGURATION.accounts)}
# Limits of rate and codes that were used once are shared by all workers.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "equipoise_web_cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# --- who somebody is ---------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "equipoise.web.passwords.Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "equipoise.web.accounts.Adapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# Failed logins and wrong codes are limited by axes, in the database that all workers share.
ACCOUNT_RATE_LIMITS = {"login_failed": None, "login": None}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ADAPTER = "equipoise.web.factors.FactorAdapter"
MFA_FORMS = {
    "authenticate": "equipoise.web.factors.CodeForm",
    "reauthenticate": "equipoise.web.factors.CodeAgainForm",
}
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "Equipoise"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEMONSTRATION
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_LOCKOUT_TEMPLATE = "account/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_USERNAME_FORM_FIELD = "username"
AXES_ENABLE_ADMIN = False

# --- sessions ----------------------------------------------------------------------------------
IDLE_SECONDS = 30 * 60
SESSION_ENGINE = "equipoise.web.sessions"
SESSION_COOKIE_AGE = IDLE_SECONDS
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "equipoise_session"
CSRF_COOKIE_HTTPONLY = False
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "equipoise.web.pages.failures.csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEMONSTRATION

# --- the way here ------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = not DEMONSTRATION
SECURE_PROXY_SSL_HEADER = None if DEMONSTRATION else ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 0 if DEMONSTRATION else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEMONSTRATION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
API_RATES = {"token": "300/m", "address": "600/m", "failures": "20/m"}
"""Requests of programs: of one token, of one address, and with tokens that open nothing."""
FORMS_A_MINUTE = 120
"""Forms of one address before anybody is logged in: logins and codes."""
LONGEST_BODY = 24 * 1024 * 1024
"""Bytes of any request, files included."""
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

# --- languages, times, files -------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
