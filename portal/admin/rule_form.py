"""A rule as people write it: selectors, ports, when it holds, and what the source must report."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from django import forms

from acl.models import AclRule
from acl.selectors import labels_for
from mesh.errors import GhostWireError
from mesh.policy import format_protocol, format_selector, parse_stored
from mesh.policy.schedule import WEEKDAYS
from nodes.models import Network
from portal.forms import ListField, PolicyForm, UtcDateTimeField
from portal.rule_words import AGENT_IS_AT_LEAST, OS_IS, condition_words, port_words

SELECTORS: Final = "One a line: user:ana, group:ops, tag:db, node:wiki, host:erp, autogroup:member, 10.1.0.0/28 or *."
DAYS: Final = tuple(zip(WEEKDAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))


class ConditionsField(ListField):
    """Conditions on the source, one a line, as the engine's own values."""

    def prepare_value(self, value: Any) -> Any:
        """Stored conditions as lines."""
        if isinstance(value, list):
            return "\n".join(condition_words(item) for item in value)
        return value

    def clean(self, value: Any) -> list[dict[str, Any]]:
        """Lines as stored conditions."""
        lines = forms.CharField.clean(self, value).splitlines()
        return [parse_condition(line.strip()) for line in lines if line.strip()]


def parse_condition(line: str) -> dict[str, Any]:
    """A line as a stored condition. Raises forms.ValidationError saying how lines look."""
    if line.startswith(OS_IS):
        return {"os": [part.strip() for part in line.removeprefix(OS_IS).split(" or ")]}
    if line.startswith(AGENT_IS_AT_LEAST):
        return {"agent_version": line.removeprefix(AGENT_IS_AT_LEAST).strip()}
    name, found, wanted = line.partition(" is ")
    if not found or not name.strip() or not wanted.strip():
        raise forms.ValidationError(f"“{line}”: write os is linux, agent is at least 1.4, or attribute is value.")
    if wanted.strip() == "reported":
        return {"attribute": name.strip(), "exists": True}
    values = [_scalar(part.strip()) for part in wanted.split(" or ")]
    if len(values) == 1:
        return {"attribute": name.strip(), "equals": values[0]}
    return {"attribute": name.strip(), "in": values}


def _scalar(text: str) -> Any:
    """``true``, ``12`` and ``"12"`` as JSON writes them; other words as they stand."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class RuleForm(PolicyForm):
    """A whole rule. What the page does not show would be kept; it shows everything."""

    action = forms.ChoiceField(choices=AclRule.Action.choices)
    sources = ListField(label="From", help_text=SELECTORS)
    destinations = ListField(label="To", help_text="The same, and autogroup:self (one's own devices).")
    ports = ListField(one_line=True, required=False, help_text="22, 8000-8999. Empty: any port.")
    protocols = ListField(
        one_line=True, required=False, help_text="tcp, udp, icmp, or a number. Empty: TCP, UDP and ICMP."
    )
    weekdays = forms.MultipleChoiceField(
        label="On",
        choices=DAYS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: every day.",
    )
    start = forms.CharField(label="From o'clock", required=False, max_length=5, help_text="08:00. Empty: all day.")
    end = forms.CharField(label="To o'clock", required=False, max_length=5, help_text="18:00, or 24:00.")
    timezone = forms.CharField(label="Time zone", required=False, max_length=64, help_text="Such as Europe/Berlin.")
    not_before = UtcDateTimeField(label="Begins", required=False, help_text="In UTC. Empty: at once.")
    expires_at = UtcDateTimeField(label="Ends", required=False, help_text="In UTC. Empty: never.")
    conditions = ConditionsField(
        label="If the source", required=False, help_text="One a line: os is linux or macos, agent is at least 1.4, "
        "disk_encrypted is true, serial is reported."
    )  # fmt: skip
    position = forms.IntegerField(
        required=False, min_value=1, max_value=100_000, help_text="1 decides first. Empty: after all others."
    )
    name = forms.CharField(max_length=100, required=False, help_text="What it is for, in a few words.")
    comment = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 1}))
    enabled = forms.BooleanField(required=False, initial=True, help_text="A rule that is off is as if absent.")
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    service_fields = {"schedule": "timezone"}
    field_css = {
        **dict.fromkeys(("sources", "destinations", "ports", "protocols"), "gw-field-mono"),
        **dict.fromkeys(("action", "position", "start", "end", "timezone"), "gw-field-short"),
        **dict.fromkeys(("not_before", "expires_at"), "gw-field-short"),
    }
    folded = ("weekdays", "start", "end", "timezone", "not_before", "expires_at", "conditions")
    fold_title = "Only at times, or under conditions"

    def initial_of(self, obj: Any) -> dict[str, Any]:
        """Bound selectors by their present names, and the version that is being edited."""
        labels = labels_for([*obj.sources, *obj.destinations])
        window = obj.schedule or {}
        return super().initial_of(obj) | {
            "sources": [format_selector(parse_stored(item), labels) for item in obj.sources],
            "destinations": [format_selector(parse_stored(item), labels) for item in obj.destinations],
            "ports": [port_words(item) for item in obj.ports],
            "protocols": [format_protocol(number) for number in obj.protocols],
            "weekdays": window.get("weekdays", []),
            "start": window.get("start", ""),
            "end": window.get("end", ""),
            "timezone": window.get("timezone", ""),
            "version": obj.network.policy_version,
        }

    def take(self, error: GhostWireError) -> None:
        """After a conflict the form is about the version that is in force by now: sent again, it is meant for that."""
        super().take(error)
        if self.contested and self.obj is not None:
            version = Network.objects.values_list("policy_version", flat=True).get(pk=self.obj.network_id)
            sent = self.request.POST.copy()
            sent["version"] = str(version)
            self.data = sent

    def service_data(self) -> dict[str, Any]:
        """The members of the rule as its service wants them under ``fields``, and the rest."""
        data = self.cleaned_data
        fields = {name: data[name] for name in ("name", "action", "sources", "destinations", "protocols", "ports")}
        fields |= {"enabled": data["enabled"], "comment": data["comment"], "conditions": data["conditions"]}
        schedule: dict[str, Any] = {}
        if data["weekdays"]:
            schedule["weekdays"] = data["weekdays"]
        if data["start"] or data["end"]:
            schedule |= {"start": data["start"] or None, "end": data["end"] or None}
        if schedule and data["timezone"]:
            schedule["timezone"] = data["timezone"]
        for name in ("not_before", "expires_at"):
            at: datetime | None = data[name]
            if at is not None:
                schedule[name] = at.isoformat()
        rest = {name: data.get(name) for name in ("network", "position", "forced", "version")}
        return rest | {"fields": fields | {"schedule": schedule}}
