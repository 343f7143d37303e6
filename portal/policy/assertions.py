"""The stored tests of the policy: what it must accept and deny, and whether it does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from acl.models import AclRule, PolicyTest
from acl.services.assertions import create_test, delete_test, update_test
from coordinator.admin_api.serializers.policy_tests import describe_tests
from coordinator.policy.testing import run_tests
from mesh.errors import GhostWireError
from nodes.models import Network
from portal import html
from portal.access.named import pages_of
from portal.cause import act
from portal.forms import ListField, PolicyForm
from portal.policy.pages import address, page, show
from portal.policy.words import Pages
from sessions_app.roles import allows

_NONE: Final[Mapping[int, int]] = {}
_TYPED: Final = {"spellcheck": "false", "autocapitalize": "none"}


class AssertionForm(PolicyForm):
    """One test. What it says is checked by the service that stores it, and by running it."""

    field_css: Mapping[str, str] = dict.fromkeys(
        ("source", "accept", "deny", "protocol", "posture"), "gw-field-mono"
    ) | {"protocol": "gw-field-mono gw-field-short"}
    folded = ("protocol", "posture")
    fold_title = "Protocol, and what the source reports"

    source = forms.CharField(
        label="From",
        max_length=260,
        widget=forms.TextInput(attrs=_TYPED),
        help_text="A user, group, tag, node, host or address.",
    )
    accept = ListField(label="Must reach", required=False, help_text="Destinations with ports, such as tag:db:5432.")
    deny = ListField(label="Must not reach", required=False, help_text="The same.")
    protocol = forms.CharField(
        required=False, max_length=16, widget=forms.TextInput(attrs=_TYPED), help_text="Nothing: TCP and UDP."
    )
    posture = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 1, **_TYPED}),
        help_text="One attribute a line, such as: disk_encrypted is true",
    )

    def prepare(self) -> None:
        """The network is that of the page."""
        super().prepare()
        self.fields.pop("network", None)

    def initial_of(self, obj: dict[str, Any]) -> dict[str, Any]:
        """A test as the API tells it."""
        posture = "\n".join(f"{name} is {json.dumps(value)}" for name, value in obj["posture"].items())
        return {**obj, "protocol": obj["protocol"] or "", "posture": posture}

    def clean_posture(self) -> dict[str, Any]:
        """Lines as attributes; what is no JSON is a text."""
        found = {}
        for line in self.cleaned_data["posture"].splitlines():
            if not line.strip():
                continue
            name, said, value = line.partition(" is ")
            if not said or not name.strip() or not value.strip():
                raise forms.ValidationError("One attribute a line, such as: disk_encrypted is true")
            try:
                read = json.loads(value)
            except ValueError:
                read = value.strip()
            if not isinstance(read, str | int | float | bool):
                raise forms.ValidationError(f"{name.strip()} is a text, a number, true or false.")
            found[name.strip()] = read
        return found

    def service_data(self) -> dict[str, Any]:
        """Fields and force, as the services take them."""
        data = super().service_data()
        forced = data.pop("forced", False)
        return {"fields": data | {"protocol": data["protocol"] or None}, "forced": forced}


@page("policy.view")
def tests_page(request: HttpRequest, *, network: Network) -> HttpResponse:
    """Every test, held against the policy in force; those that fail come first."""
    found = describe_tests(run_tests(network_id=network.pk))
    said = {text for item in found for text in _selectors(item)}
    pages = pages_of(network.pk, said)
    positions = {failure["position"] for item in found for failure in item["failures"] if failure["position"]}
    decided = AclRule.objects.filter(network=network, position__in=positions)
    rules = dict(decided.values_list("position", "pk"))
    rows = [_row(request, item, pages, rules) for item in found]
    failed = sum(not item["passed"] for item in found)
    return show(
        request,
        network,
        "tests",
        "tests",
        rows=sorted(rows, key=lambda row: (row["passed"], row["position"])),
        failed=failed,
        passed=len(found) - failed,
        version=network.policy_version,
        add=address(request, "policy_test_add"),
    )


@page("policy.manage")
def test_add_page(request: HttpRequest, *, network: Network) -> HttpResponse:
    """A new test."""
    form = AssertionForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        try:
            create_test(network_id=network.pk, **form.service_data(), **act(request))
        except GhostWireError as error:
            form.take(error)
        else:
            messages.success(request, "The test was added. Every change of the policy must keep it.")
            return HttpResponseRedirect(address(request, "policy_tests"))
    return _form(request, network, form, "New test", "Add test")


@page("policy.view")
def test_page(request: HttpRequest, pk: int, *, network: Network) -> HttpResponse:
    """One test: its outcome, and its form."""
    said = _told(network, pk)
    if not allows(request.user, "policy.manage"):
        raise PermissionDenied
    form = AssertionForm(request.POST if request.method == "POST" else None, request=request, obj=said)
    if request.method == "POST" and form.is_valid():
        try:
            update_test(test_id=pk, **form.service_data(), **act(request))
        except GhostWireError as error:
            form.take(error)
        else:
            messages.success(request, f"Test {said['position']} was saved.")
            return HttpResponseRedirect(address(request, "policy_tests"))
    return _form(request, network, form, f"Test {said['position']}", "Save", said=said)


@page("policy.manage")
def test_delete_page(request: HttpRequest, pk: int, *, network: Network) -> HttpResponse:
    """Asks, and deletes a test."""
    said = _told(network, pk)
    trouble = ""
    if request.method == "POST":
        try:
            delete_test(test_id=pk, forced=request.POST.get("forced") == "yes", **act(request))
        except GhostWireError as error:
            trouble = error.detail
        else:
            messages.success(request, f"Test {said['position']} was deleted.")
            return HttpResponseRedirect(address(request, "policy_tests"))
    return show(
        request,
        network,
        "test_delete",
        "tests",
        status=409 if trouble else 200,
        title=f"Delete test {said['position']}?",
        gw_crumbs=[{"label": "Access", "url": address(request, "policy_tests")}],
        test=_row(request, said, {}),
        trouble=trouble,
        keep=address(request, "policy_tests"),
    )


def _told(network: Network, pk: int) -> dict[str, Any]:
    row = PolicyTest.objects.filter(network=network, pk=pk).first()
    if row is None:
        raise Http404
    return describe_tests(run_tests(network_id=network.pk, rows=[row]))[0]


def _form(
    request: HttpRequest,
    network: Network,
    form: AssertionForm,
    title: str,
    button: str,
    *,
    said: dict[str, Any] | None = None,
) -> HttpResponse:
    return show(
        request,
        network,
        "test_form",
        "tests",
        title=title,
        gw_crumbs=[{"label": "Access", "url": address(request, "policy_tests")}],
        form=form,
        button=button,
        test=None if said is None else _row(request, said, {}),
    )


def _row(request: HttpRequest, said: dict[str, Any], pages: Pages, rules: Mapping[int, int] = _NONE) -> dict[str, Any]:
    """A test for the templates. ``rules``: ids by position, for links to those that decided otherwise."""
    failed = {
        (item["wanted"], item["target"]): item | {"rule": rules.get(item["position"])} for item in said["failures"]
    }
    return {
        "id": said["id"],
        "position": said["position"],
        "passed": said["passed"],
        "source": html.chip(said["source"], url=pages.get(said["source"], "")),
        "accept": [_target(text, failed.get(("accept", text)), pages) for text in said["accept"]],
        "deny": [_target(text, failed.get(("deny", text)), pages) for text in said["deny"]],
        "protocol": said["protocol"],
        "posture": [f"{name} is {json.dumps(value)}" for name, value in said["posture"].items()],
        "url": address(request, "policy_test", said["id"]),
        "delete": address(request, "policy_test_delete", said["id"]),
    }


def _target(text: str, failure: dict[str, Any] | None, pages: Pages) -> dict[str, Any]:
    name, _, ports = text.rpartition(":")
    return {"chip": html.chip(name, url=pages.get(name, "")), "ports": ports, "failure": failure}


def _selectors(said: dict[str, Any]) -> set[str]:
    return {said["source"], *(text.rpartition(":")[0] for text in (*said["accept"], *said["deny"]))}
