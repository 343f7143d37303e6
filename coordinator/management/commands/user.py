"""``manage.py user``: people."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import typer
from django.db.models import Count, QuerySet
from django.utils import timezone

from coordinator.admin_api.serializers.users import PasswordLinkOut, UserOut
from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption
from coordinator.cli.options import ForceOption, UserArgument, act
from coordinator.cli.references import user_named
from coordinator.cli.results import Card, Cell, Column, Done, Listing, Secret, Word, shaped_by
from coordinator.cli.terminal import confirm, read_password
from coordinator.cli.text import count, listed
from coordinator.cli.times import both, parse_duration, relative
from coordinator.invitations import Invitation, invite_user, make_password_link
from coordinator.people import Fate, delete_user, disable_user
from mesh.errors import ValidationError
from mesh.tokens import RANDOM_BYTES
from nodes.models import Node
from sessions_app.models import AuthKey, User
from sessions_app.services.users import create_user, set_password, set_user_active, update_user

noun = Noun("user", "People. Nodes belong to them, and those with a role may log in to the portal.")

user_shape: Final = shaped_by(UserOut)

ACTIVE: Final = Word("active", "green", "●")
DISABLED: Final = Word("disabled", "bright_black", "⊘")

RoleOption = Annotated[
    str | None, typer.Option("--role", "-r", metavar="ROLE", help=f"One of {', '.join(User.Role.values)}.")
]
DisplayNameOption = Annotated[str | None, typer.Option("--display-name", "-d", metavar="TEXT", help="The full name.")]
DeleteNodesOption = Annotated[bool, typer.Option("--delete-nodes", help="The person's nodes are deleted too.")]
GiveNodesOption = Annotated[
    str | None, typer.Option("--give-nodes-to", metavar="USER", help="The person's nodes belong to this one then.")
]
LinkOption = Annotated[
    str | None,
    typer.Option("--expires", "-e", metavar="DURATION", help="How long the link works: 7d for an invitation, else 1d."),
]
EmailOption = Annotated[str | None, typer.Option("--email", metavar="ADDRESS", help="An address for mail.")]


def _rows() -> QuerySet[User]:
    return User.objects.annotate(node_count=Count("nodes"))


def _done(text: str, user_id: int) -> Done:
    return Done(text, User.objects.get(pk=user_id), shape=user_shape)


def _logged_in(user: User, now: datetime) -> str:
    return "never" if user.last_login is None else relative(user.last_login, now)


def _columns(now: datetime) -> list[Column]:
    return [
        Column("Id", lambda user: str(user.pk), keep=True, right=True),
        Column("Login", lambda user: user.username),
        Column("Name", lambda user: user.display_name or "-"),
        Column("Role", lambda user: user.role, keep=True),
        Column("State", lambda user: ACTIVE if user.is_active else DISABLED, keep=True),
        Column("Nodes", lambda user: str(user.node_count), keep=True, right=True),
        Column("Logged in", lambda user: _logged_in(user, now), keep=True),
    ]


@noun.verb("list", "ls")
def list_users() -> Listing:
    """List people."""
    return Listing(list(_rows()), _columns(timezone.now()), "There are no users yet.", shape=user_shape)


@noun.verb("show", "get")
def show(user: UserArgument) -> Card:
    """Show a person."""
    now = timezone.now()
    found = user_named(user)
    fields: list[tuple[str, Cell]] = [
        ("Id", str(found.pk)),
        ("Login", found.username),
        ("Name", found.display_name or "-"),
        ("Email", found.email or "-"),
        ("Role", found.role),
        ("State", ACTIVE if found.is_active else DISABLED),
        ("Password", "set" if found.has_usable_password() else "none: cannot log in"),
        ("Nodes", str(found.nodes.count())),
        ("Created", both(found.date_joined, now)),
        ("Logged in", "never" if found.last_login is None else both(found.last_login, now)),
    ]
    return Card(found, fields, shape=user_shape)


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
    return _done(f"User {user.username} ({user.role}) is created.", user.pk)


@noun.verb("invite")
def invite(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="Such as ana or ana@example.com.")],
    role: RoleOption = None,
    display_name: DisplayNameOption = None,
    email: EmailOption = None,
    expires: LinkOption = None,
) -> Secret:
    """Add a person, and print the link by which that person sets a password, this once."""
    made = invite_user(
        actor=None,
        login=login,
        role=role or User.Role.MEMBER,
        display_name=display_name or "",
        email=email or "",
        lifetime=_lifetime(expires),
        random32=secrets.token_bytes(RANDOM_BYTES),
        **act(),
    )
    return _link(made, f"User {made.user.username} ({made.user.role}) is created.")


@noun.verb("reset-password-link", "password-link")
def reset_password_link(user: UserArgument, expires: LinkOption = None) -> Secret:
    """Print a link by which a person sets a new password, this once. A link made before works no more."""
    found = user_named(user)
    random32 = secrets.token_bytes(RANDOM_BYTES)
    made = make_password_link(actor=None, user_id=found.pk, lifetime=_lifetime(expires), random32=random32, **act())
    return _link(made, f"A link for {made.user.username}. It is shown this once.")


def _link(made: Invitation, text: str) -> Secret:
    now = timezone.now()
    fields = [("For", made.user.username), ("Works", f"once, until {both(made.link.expires_at, now)}")]
    return Secret(PasswordLinkOut(made).data, text, fields, lines=["Hand this link on:", made.url])


def _lifetime(expires: str | None) -> timedelta | None:
    if expires is None:
        return None
    try:
        return parse_duration(expires)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--expires'") from error


@noun.verb("update", "set")
def update(
    user: UserArgument,
    role: RoleOption = None,
    display_name: DisplayNameOption = None,
    email: EmailOption = None,
) -> Done:
    """Change a person's role, name or address for mail."""
    if role is None and display_name is None and email is None:
        raise WrongUsageError("Say what to change: --role, --display-name or --email.")
    found = user_named(user)
    after = update_user(user_id=found.pk, role=role, display_name=display_name, email=email, **act())
    return _done(f"User {after.username} is changed.", found.pk)


@noun.verb("disable")
def disable(
    user: UserArgument,
    delete_nodes: DeleteNodesOption = False,
    give_nodes_to: GiveNodesOption = None,
    force: ForceOption = False,
    override: OverrideOption = False,
) -> Done:
    """Shut a person out: logins end, auth keys are dead, and the person's nodes have no map."""
    found, fate = user_named(user), _fate(Fate.KEEP, delete_nodes, give_nodes_to)
    if found.is_active:
        confirm(f"Disable {found.username}?", losses=_losses(found, "Cut off", fate), force=force)
    disable_user(user_id=found.pk, forced=override, **fate, **act())
    return _done(f"User {found.username} is disabled.", found.pk)


@noun.verb("delete", "rm", "remove")
def delete(
    user: UserArgument,
    delete_nodes: DeleteNodesOption = False,
    give_nodes_to: GiveNodesOption = None,
    force: ForceOption = False,
    override: OverrideOption = False,
) -> Done:
    """Remove a person for good, with keys, API keys and memberships. Refused while nodes are left with the person."""
    found, fate = user_named(user), _fate(Fate.REFUSE, delete_nodes, give_nodes_to)
    ident, login = found.pk, found.username
    lines = [*_losses(found, "In the way", fate), "This cannot be undone."]
    confirm(f"Delete user {login}?", losses=lines, force=force)
    delete_user(user_id=ident, forced=override, **fate, **act())
    return Done(f"User {login} is deleted.", {"id": ident, "login": login, "deleted": True})


def _fate(otherwise: Fate, delete_nodes: bool, give_nodes_to: str | None) -> dict[str, Any]:
    """What the options say of the nodes, as the services take it."""
    if delete_nodes and give_nodes_to is not None:
        raise WrongUsageError("The nodes are either deleted or given to somebody.")
    if give_nodes_to is not None:
        return {"nodes": Fate.GIVE, "heir_id": user_named(give_nodes_to).pk}
    return {"nodes": Fate.DELETE if delete_nodes else otherwise}


def _losses(user: User, otherwise: str, fate: dict[str, Any]) -> list[str]:
    nodes = list(Node.objects.filter(owner=user).order_by("name").values_list("name", flat=True))
    keys = AuthKey.objects.filter(owner=user, revoked_at=None).count()
    words = {Fate.DELETE: "Deleted", Fate.GIVE: "Handed over, to register again"}.get(fate["nodes"], otherwise)
    lines = [f"{words}: {listed(nodes, most=10)}." if nodes else "No node is cut off."]
    if keys:
        lines.append(f"{count(keys, 'auth key')} of {user.username} will let nobody in.")
    return lines


@noun.verb("enable")
def enable(user: UserArgument) -> Done:
    """Let a disabled person in again, with the person's nodes."""
    found = user_named(user)
    set_user_active(user_id=found.pk, active=True, **act())
    return _done(f"User {found.username} is enabled.", found.pk)


@noun.verb("password", "passwd")
def password(user: UserArgument) -> Done:
    """Set a person's password: asked for at a terminal, else a line of standard input. Other logins end."""
    found = user_named(user)
    set_password(user_id=found.pk, password=_password(found.username), **act())
    return _done(f"The password of {found.username} is set.", found.pk)


def _password(login: str) -> str:
    try:
        return read_password(login)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class Command(NounCommand):
    """The management command."""

    noun = noun
