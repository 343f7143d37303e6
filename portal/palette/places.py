"""Pages and acts, by the beginning of any word of their names."""

from __future__ import annotations

from typing import Final

from django.urls import reverse

from portal.palette.found import MOST, Found
from portal.theme import NAVIGATION, Page
from sessions_app.roles import allows

# Name, icon, URL name and the capability that the page asks for.
ACTS: Final = (
    ("Enrol a machine", "add_link", "admin:enrol", "keys.manage"),
    ("New rule", "add", "admin:acl_aclrule_add", "policy.manage"),
    ("New user", "person_add", "admin:sessions_app_user_add", "users.manage"),
    ("New group", "group_add", "admin:acl_group_add", "policy.manage"),
    ("New host", "lan", "admin:acl_host_add", "policy.manage"),
    ("Your devices", "devices", "account", ""),
    ("Your API tokens", "key", "account_tokens", ""),
    ("Your password and sessions", "lock", "account_security", ""),
)


def pages(term: str, user: object) -> list[Found]:
    """Pages of the sidebar that ``user`` may see."""
    seen = [
        (group, page)
        for group, entries in NAVIGATION
        for page in entries
        if _fits(term, page.title) and _may(user, page.capability)
    ]
    return [Found(page.title, group, _address(page), page.icon) for group, page in seen[:MOST]]


def acts(term: str, user: object) -> list[Found]:
    """What ``user`` may begin from here."""
    fitting = [act for act in ACTS if _fits(term, act[0]) and _may(user, act[3])]
    return [Found(title, "", reverse(view), icon) for title, icon, view, _ in fitting[:MOST]]


def _may(user: object, capability: str) -> bool:
    return not capability or allows(user, capability)


def _address(page: Page) -> str:
    elsewhere = page.leads_to() if page.leads_to is not None else None
    return elsewhere or reverse(f"admin:{page.view}")


def _fits(term: str, title: str) -> bool:
    words = title.lower().split()
    return all(any(word.startswith(typed) for word in words) for typed in term.lower().split())
