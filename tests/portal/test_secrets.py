"""Keys and tokens are shown once, in the answer that makes them, and nowhere else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from sessions_app.models import ApiToken, AuthKey
from sessions_app.services.api_tokens import validate_api_token
from sessions_app.services.auth_keys import lock_auth_key
from tests import factories as make
from tests.portal.pages import page_url, text_of

pytestmark = pytest.mark.django_db

KEY = re.compile(r"gwk_[A-Za-z0-9_-]{43}")
ENROL = "/admin/enrol/"
TOKEN = re.compile(r"gwa_[A-Za-z0-9_-]{43}")


def enrol(client: Client, **fields: Any) -> Any:
    form = client.get(ENROL).context["form"]
    sent = {"network": form["network"].value(), "owner": "mara", "lifetime": "1d", "once": form["once"].value()}
    return client.post(ENROL, {**sent, **fields})


def test_key_is_shown_once_with_the_line_to_run(client: Client) -> None:
    made = enrol(client, name="laptop")
    secret = KEY.search(text_of(made))
    assert secret is not None
    assert lock_auth_key(secret=secret.group()) == AuthKey.objects.get()
    assert f"--auth-key {secret.group()}" in text_of(made)
    assert "no-store" in made["Cache-Control"]
    for address in (page_url(AuthKey, "changelist"), page_url(AuthKey, "change", AuthKey.objects.get().pk), "/admin/"):
        assert secret.group() not in client.get(address).content.decode()


def test_secret_is_not_kept_in_the_session(client: Client) -> None:
    secret = KEY.search(text_of(enrol(client)))
    assert secret is not None
    assert secret.group() not in str(dict(client.session))


def test_form_sent_twice_makes_one_key(client: Client) -> None:
    form = client.get(ENROL).context["form"]
    sent = {
        "network": form["network"].value(),
        "owner": "mara",
        "lifetime": "1d",
        "once": form["once"].value(),
    }
    client.post(ENROL, sent)
    again = client.post(ENROL, sent)
    assert AuthKey.objects.count() == 1
    assert not KEY.search(text_of(again))


def test_key_without_a_form_is_refused(client: Client, network: Any) -> None:
    client.post(ENROL, {"network": network.pk, "owner": "mara", "lifetime": "1d", "once": ""})
    assert not AuthKey.objects.exists()


def test_key_for_tags_has_no_owner(client: Client) -> None:
    enrol(client, owner="", tags="web", reusable="on", max_uses="3", ephemeral="on", lifetime="never")
    key = AuthKey.objects.get()
    assert (key.owner, key.tagged, key.tags, key.max_uses, key.ephemeral) == (None, True, ["tag:web"], 3, True)
    assert key.expires_at is None


def test_key_needs_an_owner_or_tags(client: Client) -> None:
    response = enrol(client, owner="")
    assert "owner" in response.context["form"].errors


def test_unknown_owner_is_named(client: Client) -> None:
    assert "nobody" in str(enrol(client, owner="nobody").context["form"].errors["owner"])


def test_until_needs_an_instant(client: Client) -> None:
    assert "expires_at" in enrol(client, lifetime="at").context["form"].errors


def test_command_names_a_public_url(client: Client, settings: Any) -> None:
    """Proofs are made for a public URL: the address in the browser serves only if it is one."""
    public = str(settings.GHOSTWIRE.public_urls[0]).rstrip("/")
    told = text_of(enrol(client))
    assert public in told
    assert "testserver" not in told


def test_revoke(client: Client) -> None:
    key = make.AuthKeyFactory()
    client.post(page_url(AuthKey, "do", key.pk, "revoke"), {"confirmed": "yes"})
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_api_token_is_shown_once(client: Client, owner: Any) -> None:
    form = client.get(page_url(ApiToken, "add")).context["form"]
    sent = {"name": "terraform", "lifetime": "90d", "once": form["once"].value()}
    made = client.post(page_url(ApiToken, "add"), sent)
    secret = TOKEN.search(text_of(made))
    assert secret is not None
    token = ApiToken.objects.get()
    assert token.user == owner
    assert validate_api_token(token=secret.group(), now=token.created_at) == token
    assert "no-store" in made["Cache-Control"]
    assert secret.group() not in client.get(page_url(ApiToken, "change", token.pk)).content.decode()


def test_digests_are_on_no_page(client: Client, one_of_each: Any) -> None:
    for model in (AuthKey, ApiToken):
        page = client.get(page_url(model, "change", one_of_each[model].pk)).content.decode()
        assert bytes(one_of_each[model].digest).hex() not in page
        assert "digest" not in page
