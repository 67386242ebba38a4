"""The route table of the application: accounts, then every page that is declared."""

from __future__ import annotations

import importlib
import pkgutil

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path

from equipoise.web import pages
from equipoise.web.api.service import api
from equipoise.web.page import url_patterns
from equipoise.web.pages import failures, patient, session

for _module in pkgutil.walk_packages(pages.__path__, f"{pages.__name__}."):
    importlib.import_module(_module.name)

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", account.password_change, name="account_change_password"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("api/", api.urls),
    path("language/", session.language, name="language"),
    path("position/", session.position, name="position"),
    path("questionnaire/", patient.questionnaire, name="questionnaire"),
    path("healthy/", session.healthy, name="healthy"),
    *url_patterns(),
]

handler400 = failures.bad_request
handler403 = failures.forbidden
handler404 = failures.not_found
handler500 = failures.failed
