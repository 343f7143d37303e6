from __future__ import annotations

import io
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from ghostwire_site.secrets import Pepper, Secrets, SecretsError, load_secrets, rotate_peppers


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _peppers_of(data_dir: Path) -> tuple[Pepper, ...]:
    return load_secrets(data_dir).peppers


def test_secrets_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    load_secrets(tmp_path / "data")

    assert mode(tmp_path / "data") == 0o700
    assert mode(tmp_path / "data" / "secrets") == 0o700
    files = sorted((tmp_path / "data" / "secrets").iterdir())
    assert [file.name for file in files] == ["challenge-secret", "django-secret-key", "token-peppers"]
    assert [mode(file) for file in files] == [0o600] * 3


def test_secrets_stay_the_same(tmp_path: Path) -> None:
    assert load_secrets(tmp_path) == load_secrets(tmp_path)


def test_two_installations_share_nothing(tmp_path: Path) -> None:
    one, other = load_secrets(tmp_path / "one"), load_secrets(tmp_path / "other")

    assert one.django_keys != other.django_keys
    assert one.peppers != other.peppers
    assert one.challenge != other.challenge


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    with ProcessPoolExecutor(8) as pool:
        seen = set(pool.map(_peppers_of, [tmp_path] * 8))

    assert len(seen) == 1
    assert not list((tmp_path / "secrets").glob(".*"))


def test_a_new_pepper_comes_first_and_old_ones_stay(tmp_path: Path) -> None:
    (first,) = load_secrets(tmp_path).peppers
    newest, second = rotate_peppers(tmp_path)

    assert second == first
    assert (newest.id, first.id) == ("2", "1")
    assert newest.value != first.value
    assert load_secrets(tmp_path).peppers == (newest, second)
    assert mode(tmp_path / "secrets" / "token-peppers") == 0o600


def test_the_command_puts_a_new_pepper_in_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = settings.GHOSTWIRE.server.model_copy(update={"data_dir": tmp_path})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"server": server}))
    load_secrets(tmp_path)
    out = io.StringIO()
    call_command("secrets", "rotate-pepper", stdout=out)

    assert [pepper.id for pepper in load_secrets(tmp_path).peppers] == ["2", "1"]
    assert out.getvalue().startswith("New tokens are kept under pepper 2")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("token-peppers", ""),
        ("token-peppers", "1 dG9vIHNob3J0\n"),
        ("token-peppers", "one-without-a-value\n"),
        ("token-peppers", f"1 {'A' * 43}=\n1 {'B' * 42}A=\n"),
        ("challenge-secret", "not base64!"),
        ("django-secret-key", "short\n"),
    ],
)
def test_a_damaged_file_is_named_and_not_shown(tmp_path: Path, name: str, content: str) -> None:
    load_secrets(tmp_path)
    (tmp_path / "secrets" / name).write_text(content)

    with pytest.raises(SecretsError, match=f"{name}: is damaged") as caught:
        load_secrets(tmp_path)
    assert not content.strip() or content.strip() not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SecretsError, match="file"):
        load_secrets(tmp_path / "file" / "data")


def test_secrets_do_not_show_in_a_repr(tmp_path: Path) -> None:
    secrets = load_secrets(tmp_path)

    assert repr(secrets) == "Secrets(...)"
    assert repr(secrets.peppers[0]) == "Pepper(id='1')"
    assert isinstance(secrets, Secrets)
