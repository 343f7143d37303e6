"""The settings under other configurations than the suite's own: each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ghostwire_site.config.model import HOME
from ghostwire_site.web import allowed_hosts, cookie_name


def python(code: str, data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code with the product's settings under these variables."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("GHOSTWIRE_", "DJANGO_"))}
    environment = inherited | {
        "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
        "GHOSTWIRE_CONFIG": os.devnull,
        "GHOSTWIRE_SERVER__DATA_DIR": str(data_dir),
        **variables,
    }
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, cwd=HOME, capture_output=True, text=True, timeout=60, check=False)


def settings_under(data_dir: Path, names: list[str], **variables: str) -> dict[str, Any]:
    """Give some settings as they are under these variables."""
    code = (
        "import json; from django.conf import settings; "
        f"print(json.dumps({{name: getattr(settings, name) for name in {names!r}}}, default=str))"
    )
    run = python(code, data_dir, **variables)
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


COOKIES = [
    "SESSION_COOKIE_NAME",
    "CSRF_COOKIE_NAME",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
]


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ("https://vpn.example.com", ["__Host-sessionid", "__Host-csrftoken", True, True, True, 365 * 86400]),
        ("http://192.0.2.7:8080", ["sessionid", "csrftoken", False, False, False, 0]),
        ("https://vpn.example.com,http://192.0.2.7", ["sessionid", "csrftoken", False, False, False, 0]),
        ("", ["sessionid", "csrftoken", False, False, False, 0]),
    ],
)
def test_cookies_are_secure_where_all_urls_are_https(tmp_path: Path, urls: str, expected: list[object]) -> None:
    found = settings_under(tmp_path, COOKIES, GHOSTWIRE_SERVER__PUBLIC_URLS=urls)

    assert [found[name] for name in COOKIES] == expected


def test_hosts_and_origins_follow_from_the_public_urls(tmp_path: Path) -> None:
    urls = "https://vpn.example.com,http://192.0.2.7:8080,http://[2001:db8::7]:8080"
    found = settings_under(tmp_path, ["ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"], GHOSTWIRE_SERVER__PUBLIC_URLS=urls)

    assert found["ALLOWED_HOSTS"] == [
        "vpn.example.com",
        "192.0.2.7",
        "[2001:db8::7]",
        "localhost",
        "127.0.0.1",
        "[::1]",
    ]
    assert found["CSRF_TRUSTED_ORIGINS"] == urls.split(",")


def test_with_redis_processes_share_caches_hints_and_tasks(tmp_path: Path) -> None:
    names = ["CACHES", "CHANNEL_LAYERS"]
    found = settings_under(
        tmp_path, names, GHOSTWIRE_REDIS__URL="redis://r.example:6379/2", GHOSTWIRE_REDIS__MAX_CONNECTIONS="77"
    )

    assert found["CACHES"]["default"]["LOCATION"] == "redis://r.example:6379/2"
    assert found["CACHES"]["default"]["OPTIONS"]["max_connections"] == 77
    layer = found["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    [host] = layer["CONFIG"]["hosts"]
    assert (host["address"], host["max_connections"]) == ("redis://r.example:6379/2", 77)


def test_without_redis_one_process_needs_none(tmp_path: Path) -> None:
    found = settings_under(tmp_path, ["CACHES", "CHANNEL_LAYERS"])

    assert "locmem" in found["CACHES"]["default"]["BACKEND"]
    assert "InMemory" in found["CHANNEL_LAYERS"]["default"]["BACKEND"]


def test_the_key_that_signs_cookies_comes_from_the_secrets(tmp_path: Path) -> None:
    found = settings_under(tmp_path, ["SECRET_KEY"])

    assert (tmp_path / "secrets" / "django-secret-key").read_text().strip() == found["SECRET_KEY"]


def test_older_signing_keys_are_still_accepted(tmp_path: Path) -> None:
    newest, older = "n" * 60, "o" * 60
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "django-secret-key").write_text(f"{newest}\n{older}\n")
    found = settings_under(tmp_path, ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])

    assert found == {"SECRET_KEY": newest, "SECRET_KEY_FALLBACKS": [older]}


def test_a_broken_configuration_ends_a_command_with_its_problems(tmp_path: Path) -> None:
    run = python(
        "import sys, runpy; sys.argv = ['manage.py', 'check']; runpy.run_path('manage.py', run_name='__main__')",
        tmp_path,
        GHOSTWIRE_NETWORK__LEASE="soon",
    )

    assert run.returncode == 2
    assert run.stderr.startswith("GHOSTWIRE_NETWORK__LEASE: network.lease: 'soon' is not a duration")
    assert "Traceback" not in run.stderr


def test_a_deployment_on_https_has_nothing_to_complain_about(tmp_path: Path) -> None:
    run = python(
        "import django; django.setup(); from django.core.management import call_command; "
        "call_command('check', deploy=True, fail_level='WARNING')",
        tmp_path,
        GHOSTWIRE_SERVER__PUBLIC_URLS="https://vpn.example.com",
    )

    assert run.returncode == 0, run.stderr


def test_requests_are_not_wrapped_in_transactions() -> None:
    assert not settings.DATABASES["default"].get("ATOMIC_REQUESTS", False)


@pytest.mark.parametrize(("https", "name"), [(True, "__Host-x"), (False, "x")])
def test_host_cookies_need_https(https: bool, name: str) -> None:
    assert cookie_name("x", https=https) == name


def test_a_host_is_allowed_without_its_port() -> None:
    assert allowed_hosts(("http://a.example:81", "http://[::2]:82"))[:2] == ["a.example", "[::2]"]
