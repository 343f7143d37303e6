"""``manage.py user``: people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import typer
from django.db.models import Count, QuerySet
from django.utils import timezone

from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.options import ForceOption, UserArgument, act
from coordinator.cli.references import user_named
from coordinator.cli.results import Card, Cell, Column, Done, Listing, Word
from coordinator.cli.terminal import confirm, read_password
from coordinator.cli.text import count, listed
from coordinator.cli.times import both, relative
from mesh.errors import ValidationError
from nodes.models import Node
from sessions_app.models import AuthKey, User
from sessions_app.services.users import create_user, set_password, set_user_active, update_user

noun = Noun("user", "People. Nodes belong to them, and those with a role may log in to the portal.")

STATUS: Final = {"active": Word("active", "green", "●"), "disabled": Word("disabled", "bright_black", "⊘")}

RoleOption = Annotated[
    str | None, typer.Option("--role", "-r", metavar="ROLE", help=f"One of {', '.join(User.Role.values)}.")
]
DisplayNameOption = Annotated[str | None, typer.Option("--display-name", "-d", metavar="TEXT", help="The full name.")]
EmailOption = Annotated[str | None, typer.Option("--email", metavar="ADDRESS", help="An address for mail.")]


def _rows() -> QuerySet[User]:
    return User.objects.annotate(node_count=Count("nodes"))


def _value(user: User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "login": user.username,
        "display_name": user.display_name,
        "email": user.email,
        "role": user.role,
        "status": "active" if user.is_active else "disabled",
        "has_password": user.has_usable_password(),
        "nodes": getattr(user, "node_count", 0),
        "created_at": user.date_joined,
        "last_login_at": user.last_login,
    }


def _value_of(user_id: int) -> dict[str, Any]:
    return _value(_rows().get(pk=user_id))


def _columns(now: datetime) -> list[Column]:
    return [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Login", lambda value: value["login"]),
        Column("Name", lambda value: value["display_name"] or "-"),
        Column("Role", lambda value: value["role"], keep=True),
        Column("Status", lambda value: STATUS[value["status"]], keep=True),
        Column("Nodes", lambda value: str(value["nodes"]), keep=True, right=True),
        Column("Logged in", lambda value: relative(value["last_login_at"], now) if value["last_login_at"] else "never"),
    ]


@noun.verb("list", "ls")
def list_users() -> Listing:
    """List people."""
    return Listing([_value(user) for user in _rows()], _columns(timezone.now()), "There are no users yet.")


@noun.verb("show", "get")
def show(user: UserArgument) -> Card:
    """Show a person."""
    now = timezone.now()
    value = _value_of(user_named(user).pk)
    login = "never" if value["last_login_at"] is None else both(value["last_login_at"], now)
    fields: list[tuple[str, Cell]] = [
        ("Id", str(value["id"])),
        ("Login", value["login"]),
        ("Name", value["display_name"] or "-"),
        ("Email", value["email"] or "-"),
        ("Role", value["role"]),
        ("Status", STATUS[value["status"]]),
        ("Password", "set" if value["has_password"] else "none: cannot log in"),
        ("Nodes", str(value["nodes"])),
        ("Created", both(value["created_at"], now)),
        ("Logged in", login),
    ]
    return Card(value, fields)


@noun.verb("create", "c", "new")
def create(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="Such as ana or ana@example.com.")],
    role: RoleOption = None,
    display_name: DisplayNameOption = None,
    email: EmailOption = None,
    password: Annotated[
        bool,
        typer.Option("--password", help="Ask for a password; where there is no terminal, read a line of input."),
    ] = False,
) -> Done:
    """Add a person. Without a password nobody can log in as it, but nodes can belong to it."""
    user = create_user(
        login=login,
        password=_password(login) if password else None,
        role=role or User.Role.MEMBER,
        display_name=display_name or "",
        email=email or "",
        **act(),
    )
    return Done(f"User {user.username} ({user.role}) is created.", _value_of(user.pk))


@noun.verb("update", "set")
def update(
    user: UserArgument,
    role: RoleOption = None,
    display_name: DisplayNameOption = None,
    email: EmailOption = None,
) -> Done:
    """Change a person's role, name or address for mail."""
    if role is None and display_name is None and email is None:
        raise typer.BadParameter("Say what to change: --role, --display-name or --email.")
    found = user_named(user)
    after = update_user(user_id=found.pk, role=role, display_name=display_name, email=email, **act())
    return Done(f"User {after.username} is changed.", _value_of(found.pk))


@noun.verb("disable")
def disable(user: UserArgument, force: ForceOption = False) -> Done:
    """Shut a person out: logins end, auth keys are dead, and the person's nodes have no map."""
    found = user_named(user)
    if found.is_active:
        nodes = list(Node.objects.filter(owner=found).order_by("name").values_list("name", flat=True))
        keys = AuthKey.objects.filter(owner=found, revoked_at=None).count()
        lines = [f"Cut off: {listed(nodes, most=10)}." if nodes else "No node is cut off."]
        if keys:
            lines.append(f"{count(keys, 'auth key')} of {found.username} will let nobody in.")
        confirm(f"Disable {found.username}?", losses=lines, force=force)
    set_user_active(user_id=found.pk, active=False, **act())
    return Done(f"User {found.username} is disabled.", _value_of(found.pk))


@noun.verb("enable")
def enable(user: UserArgument) -> Done:
    """Let a disabled person in again, with the person's nodes."""
    found = user_named(user)
    set_user_active(user_id=found.pk, active=True, **act())
    return Done(f"User {found.username} is enabled.", _value_of(found.pk))


@noun.verb("password", "passwd")
def password(user: UserArgument) -> Done:
    """Set a person's password: asked for at a terminal, else a line of standard input. Other logins end."""
    found = user_named(user)
    set_password(user_id=found.pk, password=_password(found.username))
    return Done(f"The password of {found.username} is set.", _value_of(found.pk))


def _password(login: str) -> str:
    try:
        return read_password(login)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class Command(NounCommand):
    """The management command."""

    noun = noun
