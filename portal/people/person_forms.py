"""The forms about a person: who it is, its password, and what becomes of its machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from coordinator.people import ON_DELETION, ON_DISABLING, Fate
from portal.forms import ServiceForm
from sessions_app.models import User
from sessions_app.roles import allows

PASSWORD_HELP = "At least 12 characters, not only digits, and nothing that is often used."  # noqa: S105 - words


def _password(label: str, *, required: bool, hint: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=required, strip=False, widget=widget, help_text=hint)


class PersonForm(ServiceForm):
    """What may be changed of a person."""

    role = forms.ChoiceField(choices=User.Role.choices, help_text="What this person may do in the portal.")
    display_name = forms.CharField(max_length=150, required=False)
    email = forms.EmailField(label="E-mail", required=False)
    picture_url = forms.URLField(label="Picture", required=False, assume_scheme="https", help_text="An https address.")
    field_css = {"role": "gw-field-short"}

    def prepare(self) -> None:
        """Only owners make owners."""
        if not allows(self.request.user, "owners.manage"):
            present = self.obj.role if self.obj is not None else ""
            field = self.fields["role"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [
                (value, words) for value, words in User.Role.choices if value != User.Role.OWNER or value == present
            ]


class NewPersonForm(PersonForm):
    """A new person."""

    login = forms.CharField(max_length=150, help_text="ana or ana@example.com: policies call this person user:ana.")
    invite = forms.BooleanField(
        label="Invite",
        required=False,
        initial=True,
        help_text="Shows a link by which this person sets a password. Hand it on as you like: no mail is sent.",
    )
    password = _password("Or a password", required=False, hint=f"{PASSWORD_HELP} It needs no link then.")
    field_css = {"role": "gw-field-short", "login": "gw-field-mono"}
    field_order = ("login", "display_name", "role", "email", "invite", "password")

    def prepare(self) -> None:
        """A member unless someone says otherwise."""
        super().prepare()
        self.fields["role"].initial = User.Role.MEMBER
        del self.fields["picture_url"]


class PasswordForm(ServiceForm):
    """Another person's password."""

    password = _password("New password", required=True, hint=PASSWORD_HELP)


class FateForm(ServiceForm):
    """What becomes of the machines of somebody who goes."""

    fates: Sequence[Fate] = ON_DISABLING
    words = {
        Fate.KEEP: "stay with this person, cut off",
        Fate.REFUSE: "there are none, else do nothing",
        Fate.DELETE: "are deleted",
        Fate.GIVE: "belong to somebody else, and register again",
    }
    nodes = forms.ChoiceField(label="The nodes", required=False, widget=forms.RadioSelect)
    heir = forms.CharField(
        label="To whom",
        max_length=150,
        required=False,
        help_text="A login, where the nodes belong to somebody else.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    field_css = {"heir": "gw-field-mono"}

    def prepare(self) -> None:
        """What may be chosen, the harmless first."""
        field = self.fields["nodes"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(fate.value, self.words[fate]) for fate in self.fates]
        field.initial = self.fates[0].value

    def initial_of(self, obj: Any) -> dict[str, Any]:
        """Nothing of the person's: ``nodes`` is a question here."""
        return {}

    def clean_heir(self) -> int | None:
        """The person of that login."""
        login = str(self.cleaned_data["heir"]).strip().lower()
        if not login:
            return None
        heir = User.objects.filter(username=login).only("pk").first()
        if heir is None:
            raise forms.ValidationError(f"There is nobody called {login}.")
        return heir.pk


class DeletionForm(FateForm):
    """The same before a person is deleted, who leaves nothing behind."""

    fates = ON_DELETION


def fate_of(data: dict[str, Any], otherwise: Fate) -> dict[str, Any]:
    """What a valid form says, as the services take it."""
    nodes = Fate(data["nodes"]) if data.get("nodes") else otherwise
    return {"nodes": nodes, "heir_id": data.get("heir"), "forced": bool(data.get("forced"))}
