"""Groups of people and groups, and their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from acl.models import AclRule, Group, GroupMember
from acl.services.groups import delete_group, save_group
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import IdFilter, NetworkFilter
from portal.cause import act
from portal.forms import ListField, PolicyForm
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count
from sessions_app.models import User


class GroupForm(PolicyForm):
    """A group and who is in it."""

    name = forms.CharField(max_length=63, help_text="Without group:, as in ops. It stays: rules refer to it.")
    users = ListField(required=False, help_text="Logins, one a line or separated by commas.")
    subgroups = ListField(label="Groups", required=False, help_text="Groups whose members belong to this one too.")
    comment = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    field_css = dict.fromkeys(("name", "users", "subgroups"), "gw-field-mono")

    def initial_of(self, obj: Any) -> dict[str, Any]:
        """Members by name."""
        members = obj.members.select_related("user", "subgroup")
        return {
            "name": obj.name,
            "comment": obj.comment,
            "users": [row.user.username for row in members if row.user is not None],
            "subgroups": [row.subgroup.name for row in members if row.subgroup is not None],
        }

    def prepare(self) -> None:
        """A group keeps its name."""
        super().prepare()
        if self.obj is not None:
            self.fields["name"].disabled = True

    def clean_users(self) -> list[int]:
        """Logins as ids; names that nobody has are said."""
        wanted = [login.removeprefix("user:").lower() for login in self.cleaned_data["users"]]
        known = dict(User.objects.filter(username__in=wanted).values_list("username", "pk"))
        self._all_known("user", wanted, known)
        return [known[login] for login in dict.fromkeys(wanted)]

    def clean_subgroups(self) -> list[int]:
        """Names as ids."""
        wanted = [name.removeprefix("group:") for name in self.cleaned_data["subgroups"]]
        groups = Group.objects.filter(name__in=wanted)
        network = self.obj.network if self.obj is not None else self.cleaned_data.get("network")
        if network is not None:
            groups = groups.filter(network=network)
        known = dict(groups.values_list("name", "pk"))
        self._all_known("group", wanted, known)
        return [known[name] for name in dict.fromkeys(wanted)]

    @staticmethod
    def _all_known(noun: str, wanted: list[str], known: dict[str, int]) -> None:
        missing = [name for name in wanted if name not in known]
        if missing:
            raise forms.ValidationError(f"There is no {noun} {', '.join(missing)}.")


def rules_naming(selector: str) -> QuerySet[AclRule]:
    """Rules with this very selector on either side. JSON text search: bounded by the number of rules."""
    quoted = f'"{selector}"'
    return AclRule.objects.filter(Q(sources__icontains=quoted) | Q(destinations__icontains=quoted))


def ask_delete(kind: str) -> Any:
    """The question for something that rules name."""

    def ask(rows: Sequence[Any]) -> Question:
        what = count(rows, "", f"{kind}s")
        said, hit = [], False
        for row in rows:
            rules = list(rules_naming(str(row))[:5])
            hit = hit or bool(rules)
            named = ", ".join(f"rule {rule.position}" for rule in rules)
            said.append(
                Row(str(row), f"{named} will match nothing by it", worst=True)
                if rules
                else Row(str(row), "no rule names it")
            )
        said.sort(key=lambda row: not row.worst)
        tick = "Take it from the rules that name it" if hit else ""
        lead = "What an enabled deny rule names is kept: change the rule first."
        return Question(f"Delete {what}?", lead, f"Delete {what}", said, tick, "Keep")

    return ask


def _delete(request: HttpRequest, group: Group, data: dict[str, Any]) -> None:
    delete_group(group_id=group.pk, forced=data["forced"], **act(request))


MEMBERS_SHOWN = 50
RULES_SHOWN = 20


class GroupAdmin(ServiceAdmin):
    """Who belongs together in the policy."""

    view_right = "policy.view"
    edit_right = "policy.manage"
    add_form = edit_form = GroupForm
    add_label = "New group"
    verbs = (
        Verb(
            "delete",
            "Delete",
            "policy.manage",
            _delete,
            lambda rows: f"Deleted: {count(rows, '', 'groups')}.",
            ask_delete("group"),
            destroys=True,
            may_force=True,
        ),
    )
    lead = "People under one name, for rules: group:ops."
    empty_text = "Rules can name people one by one; a group names them together."
    list_display = ("subject", "user_count", "subgroup_count", "note")
    list_filter = (NetworkFilter,)
    search_fields = ("name", "comment", "members__user__username")
    search_hint = "Name, comment or member"
    search_in = "its name, comment or members"
    column_css = {"subject": "gw-c-subject", "user_count": "gw-c-status gw-c-plain", "note": "gw-c-wide gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """With the number of members."""
        rows: QuerySet[Group] = super().get_queryset(request).select_related("network")
        return rows.annotate(
            gw_users=Count("members__user", distinct=True), gw_groups=Count("members__subgroup", distinct=True)
        )

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Group:
        """By its service, which refuses circles."""
        network = data.pop("network")
        return save_group(network_id=network.pk, **data, **act(request))

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """By its service."""
        save_group(network_id=obj.network_id, group_id=obj.pk, **data, **act(request))

    @display(description="Group", ordering="name")
    def subject(self, obj: Group) -> SafeString:
        """A round chip."""
        return html.chip(f"group:{obj.name}", url=links.change_url("acl.group", obj.pk))

    @display(description="People", ordering="gw_users")
    def user_count(self, obj: Group) -> SafeString | str:
        """How many."""
        number = obj.gw_users  # type: ignore[attr-defined]
        return html.many(number, "person", "people")

    @display(description="Groups", ordering="gw_groups")
    def subgroup_count(self, obj: Group) -> SafeString | int:
        """How many groups in it."""
        return obj.gw_groups or html.dim("none")  # type: ignore[attr-defined]

    @display(description="Comment")
    def note(self, obj: Group) -> str:
        """What it is for."""
        return obj.comment

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """As rules name it."""
        return f"group:{obj.name}"

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Members and the rules that name it."""
        members = list(obj.members.select_related("user", "subgroup")[:MEMBERS_SHOWN])
        lines = [
            links.person(row.user)
            if row.user is not None
            else html.chip(str(row.subgroup), url=links.change_url("acl.group", row.subgroup_id))
            for row in members
        ]
        whole = obj.gw_users + obj.gw_groups
        if whole > len(lines):
            more = f"and {whole - len(lines):,} more"
            if self.has_change_permission(request, obj):
                lines.append(html.dim(f"{more}, all of them below"))
            else:
                lines.append(html.link(links.list_url("acl.groupmember", f"group={obj.pk}"), more))
        return [
            Section("Members", lines=lines, count=whole, empty="Nobody yet."),
            rules_section(f"group:{obj.name}"),
        ]


def rules_section(selector: str) -> Section:
    """Rules that name something."""
    rules = rules_naming(selector)
    lines = [
        html.link(links.change_url("acl.aclrule", rule.pk), f"Rule {rule.position} {rule.name}".strip())
        for rule in rules[:RULES_SHOWN]
    ]
    if len(lines) == RULES_SHOWN and (more := rules.count() - RULES_SHOWN) > 0:
        lines.append(html.dim(f"and {more:,} more"))
    return Section("Rules that name it", lines=lines, empty="None.")


class GroupFilter(IdFilter):
    """One group's, from a link on its page."""

    title = "group"
    parameter_name = "group"
    column = "group_id"
    label_column = "group__name"


class GroupMemberAdmin(ServiceAdmin):
    """Members of all groups; the group's own page changes them."""

    view_right = "policy.view"
    lead = "Who is in which group. A group's page changes its members."
    list_display = ("subject", "in_group")
    list_filter = (GroupFilter,)
    search_fields = ("user__username", "group__name")
    column_css = {"subject": "gw-c-subject", "in_group": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupMember]:
        """With the names."""
        return super().get_queryset(request).select_related("user", "subgroup", "group")

    @display(description="Member")
    def subject(self, obj: GroupMember) -> SafeString:
        """A person or a group."""
        return html.link(links.change_url("acl.groupmember", obj.pk), str(obj), subject=True)

    @display(description="Group", ordering="group__name")
    def in_group(self, obj: GroupMember) -> SafeString:
        """Where."""
        return html.chip(str(obj.group), url=links.change_url("acl.group", obj.group_id))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Both ends."""
        who = links.person(obj.user) if obj.user is not None else html.chip(str(obj.subgroup))
        return [Section("Membership", facts=facts(("Member", who), ("Group", self.in_group(obj))))]
