"""What is done with people, and what is asked before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest

from coordinator.people import Fate, delete_user, disable_user
from nodes.models import Node
from portal import html
from portal.cause import act
from portal.people.person_forms import DeletionForm, FateForm, PasswordForm, fate_of
from portal.verbs import Question, Row, Verb, count
from sessions_app.models import AuthKey, User
from sessions_app.roles import allows
from sessions_app.services.portal_sessions import sign_out
from sessions_app.services.users import set_password, set_user_active


def guard(request: HttpRequest, user: User) -> None:
    """Raise PermissionDenied if ``user`` is an owner and the one who acts may not manage owners."""
    if user.role == User.Role.OWNER and not allows(request.user, "owners.manage"):
        raise PermissionDenied


def _cut(nodes: int, keys: int) -> str:
    lost = f"{html.many(nodes, 'node')} {'loses its' if nodes == 1 else 'lose their'} peers"
    return f"{lost}, {html.many(keys, 'auth key')} {'stops' if keys == 1 else 'stop'} working"


def _ask_disable(users: Sequence[User]) -> Question:
    ids = [user.pk for user in users]
    nodes = dict(Node.objects.filter(owner_id__in=ids).order_by().values_list("owner_id").annotate(n=Count("pk")))
    keys = AuthKey.objects.filter(owner_id__in=ids, revoked_at=None).order_by()
    alive = dict(keys.values_list("owner_id").annotate(n=Count("pk")))
    rows = [
        Row(
            user.username,
            _cut(nodes.get(user.pk, 0), alive.get(user.pk, 0)),
            worst=bool(nodes.get(user.pk)),
        )
        for user in users
    ]
    what = count(users, "", "people")
    lead = "No more logins, and the machines of this person are cut off until it is enabled again."
    tick = f"Cut off {html.many(sum(nodes.values()), 'node')}" if nodes else ""
    return Question(f"Disable {what}?", lead, f"Disable {what}", rows, tick, "Keep")


def _ask_password(users: Sequence[User]) -> Question:
    return Question(f"Set the password of {users[0]}", "Other logins of this person end.", "Set password")


def _ask_delete(users: Sequence[User]) -> Question:
    user = users[0]
    nodes = Node.objects.filter(owner=user).count()
    lead = "Its auth keys, API tokens and memberships of groups go too. This cannot be undone."
    rows = [Row(user.username, f"owns {html.many(nodes, 'node')}", worst=bool(nodes))]
    return Question(f"Delete {user}?", lead, f"Delete {user}", rows, f"Delete {user} for good", "Keep")


def _ask_link(users: Sequence[User]) -> Question:
    user = users[0]
    if user.has_usable_password():
        lead = "A link by which this person sets a new password, once, within a day. The present one works until then."
    else:
        lead = "A link by which this person sets a password and logs in, once, within seven days."
    return Question(f"Make a link for {user}?", f"{lead} A former link ends.", "Make the link")


def _ask_sign_out(users: Sequence[User]) -> Question:
    return Question(f"Log {users[0]} out everywhere?", "All browsers. Devices and API tokens stay.", "Log out")


def _enable(request: HttpRequest, user: User, data: dict[str, Any]) -> None:
    guard(request, user)
    set_user_active(user_id=user.pk, active=True, **act(request))


def _disable(request: HttpRequest, user: User, data: dict[str, Any]) -> None:
    guard(request, user)
    disable_user(user_id=user.pk, **fate_of(data, Fate.KEEP), **act(request))


def _delete(request: HttpRequest, user: User, data: dict[str, Any]) -> None:
    guard(request, user)
    delete_user(user_id=user.pk, **fate_of(data, Fate.REFUSE), **act(request))


def _sign_out(request: HttpRequest, user: User, data: dict[str, Any]) -> None:
    guard(request, user)
    sign_out(user_id=user.pk, **act(request))


def _make_link(request: HttpRequest, user: User, data: dict[str, Any]) -> None:
    raise RuntimeError("The answer shows the link: UserAdmin.act_view makes it.")


def _set_password(request: HttpRequest, user: User, data: dict[str, Any]) -> None:
    guard(request, user)
    set_password(user_id=user.pk, password=data["password"], **act(request))


VERBS = (
    Verb(
        "link",
        "Invite or reset by link",
        "users.manage",
        _make_link,
        lambda rows: "Made.",
        _ask_link,
        bulk=False,
        offered=lambda user: user.is_active,
    ),
    Verb(
        "sign_out",
        "Log out",
        "users.manage",
        _sign_out,
        lambda rows: f"{rows[0]} is logged out everywhere.",
        _ask_sign_out,
        bulk=False,
    ),
    Verb(
        "password",
        "Set password",
        "users.manage",
        _set_password,
        lambda rows: f"The password of {rows[0]} is set.",
        _ask_password,
        PasswordForm,
        bulk=False,
    ),
    Verb(
        "enable",
        "Enable",
        "users.manage",
        _enable,
        lambda rows: f"Enabled: {count(rows, '', 'people')}.",
        offered=lambda user: not user.is_active,
    ),
    Verb(
        "disable",
        "Disable",
        "users.manage",
        _disable,
        lambda rows: f"Disabled: {count(rows, '', 'people')}.",
        _ask_disable,
        FateForm,
        destroys=True,
        may_force=True,
        offered=lambda user: user.is_active,
    ),
    Verb(
        "delete",
        "Delete",
        "users.manage",
        _delete,
        lambda rows: f"Deleted: {count(rows, '', 'people')}.",
        _ask_delete,
        DeletionForm,
        destroys=True,
        may_force=True,
        bulk=False,
    ),
)
