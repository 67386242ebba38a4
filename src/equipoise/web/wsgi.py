"""The entry point of the application for a server."""

from __future__ import annotations

import os

# Each worker has one thread; threads of polars beside it only get in its way.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "equipoise.web.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
