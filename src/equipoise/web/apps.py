"""The Django application: its label, and what listens to logins."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Equipoise's pages, templates, static files and accounts."""

    name = "equipoise.web"
    label = "equipoise_web"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the chain of logins to Django's signals."""
        from equipoise.web import factors, logins

        logins.listen()
        factors.listen()
