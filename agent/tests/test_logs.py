"""No key and no token reaches a log, whoever wrote the line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.logs import configure, mask

KEY = "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd28="


@pytest.mark.parametrize(
    "secret",
    [
        "gwk_ZRdx8vFZzDA27BGF8p1dpEI931Pr0-zBNKBMNE_IStQ",
        "gws_" + "A" * 43,
        "gwa_" + "-_" * 20,
        KEY,
        "68656c6c6f20776f726c642068656c6c6f20776f726c642068656c6c6f20776f",
    ],
)
def test_keys_and_tokens_are_cut(secret: str) -> None:
    masked = mask(f"before {secret} after")
    assert secret[10:] not in masked
    assert masked.startswith("before ") and masked.endswith(" after")


@pytest.mark.parametrize(
    "line", ["Authorization: Bearer abc.def", "authorization: bearer xyz", "GhostWire-Proof: id:mac"]
)
def test_headers_are_cut(line: str) -> None:
    masked = mask(line)
    assert "abc" not in masked and "xyz" not in masked and "mac" not in masked


def test_ordinary_lines_stay() -> None:
    line = "map 1.7 is applied, peers: 3; trying 192.0.2.1:51820 (fd77::2) again in 12 s"
    assert mask(line) == line


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_arguments_and_exceptions_are_masked_in_the_file(tmp_path: Path, root_logger: logging.Logger) -> None:
    path = tmp_path / "agent.log"
    configure(verbose=True, path=path)
    try:
        raise ValueError(f"refused {KEY}")
    except ValueError:
        logging.getLogger("agent").exception("with %s", "gwk_" + "B" * 43)
    written = path.read_text(encoding="utf-8")
    assert KEY[8:] not in written and "BBBB" not in written
    assert path.stat().st_mode & 0o777 == 0o600


def test_libraries_that_print_headers_are_kept_quiet(tmp_path: Path, root_logger: logging.Logger) -> None:
    configure(verbose=True, path=tmp_path / "agent.log")
    assert not logging.getLogger("websockets.client").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
