"""Tokens for programs: a person makes their own, for the position in which they work now."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from equipoise.web import tokens
from equipoise.web.asking import Request
from equipoise.web.models import Token
from equipoise.web.page import EVERYBODY, MENU, page
from equipoise.web.reauthentication import confirmed
from equipoise.web.wording import Words, wording

MENU.append(("nav.tokens", "tokens"))


class TokenForm(forms.Form):
    """What a token is for, for how long, and the password."""

    def __init__(self, words: Words, *given: Any, ask_password: bool = True) -> None:
        super().__init__(*given)
        self.fields["name"] = forms.CharField(
            label=words["token.name"], help_text=words["token.name.hint"], max_length=80
        )
        days = [(str(each), words[f"token.days_{each}"]) for each in tokens.DAYS]
        self.fields["days"] = forms.ChoiceField(
            label=words["token.days"], choices=days, initial="90"
        )
        if ask_password:
            widget = forms.PasswordInput(attrs={"autocomplete": "current-password"})
            self.fields["password"] = forms.CharField(
                label=words["confirm.password"], widget=widget
            )


@sensitive_post_parameters()
@page("tokens/", name="tokens", roles=EVERYBODY, about="person", methods=("GET", "POST"))
def own_tokens(request: Request) -> HttpResponse:
    """One's own tokens; a new one after the password, its secret shown this once."""
    asking = request.asking
    words = wording(asking.language)
    form = TokenForm(words, *([request.POST] if request.method == "POST" else []))
    secret, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if confirmed(request, form.cleaned_data["password"]):
                assert asking.position is not None
                secret = tokens.issue(
                    asking.person, asking.position, name=form.cleaned_data["name"],
                    days=int(form.cleaned_data["days"]), by=asking.person,
                )  # fmt: skip
                form, status = TokenForm(words), 200
            else:
                form.add_error("password", words["confirm.wrong"])
    content = {"form": form, "secret": secret, "rows": tokens.of(asking.person)}
    return render(request, "tokens.html", content, status=status)


@page("tokens/<int:token>/revoke/", name="token_revoke", roles=EVERYBODY, about="person",
      methods=("POST",))  # fmt: skip
def revoke(request: Request, token: int) -> HttpResponse:
    """End a token: one's own, or anybody's as administrator."""
    asking = request.asking
    found = Token.objects.select_related("user").filter(pk=token).first()
    own = found is not None and found.user.get_username() == asking.person
    if found is None or not (own or asking.role == "administrator"):
        raise Http404
    tokens.revoke(found, by=asking.person)
    return redirect("tokens") if own else redirect("person", found.user.get_username())
