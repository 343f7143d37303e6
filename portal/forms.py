"""Forms of the admin pages. They are plain forms: what they gather goes to a service, never into a row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest

from mesh.errors import ConflictError, GhostWireError, ValidationError
from nodes.models import Network


class ServiceForm(forms.Form):
    """Base of all forms. ``field_css`` gives a field classes; ``service_fields`` maps a service's names to ours."""

    field_css: Mapping[str, str] = {}
    service_fields: Mapping[str, str] = {}
    # Fields that few need, behind one line that opens.
    folded: Sequence[str] = ()
    fold_title = ""
    required_css_class = "gw-required"

    def __init__(self, *args: Any, request: HttpRequest, obj: Any = None, **kwargs: Any) -> None:
        self.request = request
        self.obj = obj
        if obj is not None and "initial" not in kwargs:
            kwargs["initial"] = self.initial_of(obj)
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.prepare()

    def initial_of(self, obj: Any) -> dict[str, Any]:
        """The present values of ``obj``, by field."""
        return {name: getattr(obj, name) for name in self.base_fields if hasattr(obj, name)}

    def prepare(self) -> None:
        """For choices that depend on the request or the object."""

    def take(self, error: GhostWireError) -> None:
        """Shows what a service refused at the field at fault; what names no field of this form stands on top."""
        items = error.errors if isinstance(error, ValidationError) else ()
        for item in items:
            head, _, rest = item.field.partition(".")
            name = self.service_fields.get(head, head)
            message = f"{_ordinal(rest)}: {item.message}" if rest.isdigit() else item.message
            self.add_error(name if name in self.fields else None, message)
        if not items:
            self.add_error(None, error.detail)

    def service_data(self) -> dict[str, Any]:
        """What a valid form hands to ``create`` or ``update``."""
        return dict(self.cleaned_data)

    def rows(self) -> list[dict[str, Any]]:
        """The fields as the templates want them."""
        return [
            {
                "field": field,
                "css": self.field_css.get(field.name, ""),
                "tick": isinstance(field.field.widget, forms.CheckboxInput),
                "folded": field.name in self.folded,
                "group": isinstance(field.field.widget, forms.CheckboxSelectMultiple | forms.RadioSelect),
            }
            for field in self.visible_fields()
        ]

    def fold_is_open(self) -> bool:
        """Whether what is folded away says something, or is wrong."""
        return any(self[name].errors or self[name].value() for name in self.folded)


class NetworkForm(ServiceForm):
    """Base of forms that make something in a network. The choice is shown only where there is one."""

    network = forms.ModelChoiceField(Network.objects.none(), empty_label=None)

    def prepare(self) -> None:
        networks = Network.objects.order_by("pk")
        if self.obj is not None:
            del self.fields["network"]
            return
        field = self.fields["network"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = networks
        field.initial = networks.first()
        if networks.count() <= 1:
            field.widget = forms.HiddenInput()


class PolicyForm(NetworkForm):
    """Base of forms that change the policy. What speaks against a change is said first, and may then be overridden."""

    forced = forms.BooleanField(
        label="All the same", required=False, help_text="Do it in spite of that. It is recorded with the change."
    )
    contested = False

    def prepare(self) -> None:
        """Asked only once something was said."""
        super().prepare()
        self.contested = bool(self.data.get("forced"))

    def take(self, error: GhostWireError) -> None:
        """An objection opens the question whether to do it all the same."""
        super().take(error)
        self.contested = self.contested or isinstance(error, ConflictError)

    def rows(self) -> list[dict[str, Any]]:
        """Without the question while nothing speaks against it."""
        return [row for row in super().rows() if row["field"].name != "forced" or self.contested]


class ListField(forms.CharField):
    """Several values, one a line or separated by commas, as a list of strings without doubles."""

    widget = forms.Textarea

    def __init__(self, *, one_line: bool = False, **kwargs: Any) -> None:
        self.joiner = ", " if one_line else "\n"
        if one_line:
            kwargs.setdefault("widget", forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}))
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 1, "spellcheck": "false", "autocapitalize": "none"}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return self.joiner.join(str(item) for item in value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return list(dict.fromkeys(part.strip() for part in re.split(r"[,\n]", text) if part.strip()))


class UtcDateTimeField(forms.DateTimeField):
    """An instant, typed in UTC with the browser's own picker."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")
        kwargs.setdefault("widget", widget)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> datetime | None:
        parsed = super().to_python(value)
        return None if parsed is None else parsed.astimezone(UTC)


def _ordinal(index: str) -> str:
    number = int(index) + 1
    words = {1: "1st", 2: "2nd", 3: "3rd"}
    return words.get(number, f"{number}th")
