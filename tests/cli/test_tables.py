from __future__ import annotations

import pytest

from coordinator.cli import tables
from coordinator.cli.formats import Format, render
from coordinator.cli.results import Column, Done, Listing, Word
from tests.cli.conftest import Tty

COLUMNS = [
    Column("Name", lambda row: row["name"]),
    Column("State", lambda row: Word("up", "green", "●"), keep=True),
    Column("More", lambda row: "x" * 40, wide=True),
]


def drawn(listing: Listing) -> str:
    stream = Tty()
    tables.write(listing, stream)
    return stream.getvalue()


def plain(text: str) -> str:
    import re

    return re.sub("\x1b\\[[0-9;]*m", "", text)


def test_a_table_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = plain(drawn(Listing([{"name": "n" * 200}], COLUMNS, ""))).splitlines()
    assert max(map(len, lines)) <= 80
    assert "● up" in lines[2]
    assert "…" in lines[2]


def test_a_wide_terminal_shows_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert "More" in drawn(Listing([{"name": "web"}], COLUMNS, ""))


def test_elsewhere_nothing_is_cut_and_nothing_is_coloured() -> None:
    import io

    stream = io.StringIO()
    tables.write(Listing([{"name": "n" * 200}], COLUMNS, ""), stream)
    assert "n" * 200 in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().splitlines()[0].split() == ["NAME", "STATE", "MORE"]


def test_names_cannot_drive_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = drawn(Listing([{"name": "a\x1b[2Jb\u202ec"}], COLUMNS, ""))
    assert "\x1b[2J" not in text
    assert "\u202e" not in text


def test_an_empty_list_says_so() -> None:
    assert plain(drawn(Listing([], COLUMNS, "There is nothing."))).strip() == "There is nothing."


def test_a_list_is_an_array_or_a_line_each() -> None:
    listing = Listing([{"name": "a"}, {"name": "b"}], COLUMNS, "")
    assert render(listing, Format.JSON).startswith("[\n")
    assert render(listing, Format.JSON_LINE) == '{"name":"a"}\n{"name":"b"}\n'
    assert render(listing, Format.YAML) == "- name: a\n- name: b\n"


def test_json_has_no_raw_control_characters() -> None:
    assert "\x9b" not in render(Done("", {"name": "a\x9bb\x7f"}), Format.JSON)
