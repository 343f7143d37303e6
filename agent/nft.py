"""Bringing a table to the kernel with the ``nft`` tool, whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Final

from agent.errors import BackendError

_TIMEOUT_SECONDS: Final = 30
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def find_tool(name: str) -> str | None:
    """The path of a system tool; looks into the ``sbin`` directories too, which an ordinary PATH leaves out."""
    return shutil.which(name) or shutil.which(name, path=_SYSTEM_PATH)


def load(ruleset: str) -> None:
    """Load a ruleset in one transaction: after an error the kernel has what it had before.

    :raises BackendError: if there is no ``nft``, or it refuses
    """
    tool = find_tool("nft")
    if tool is None:
        raise BackendError("nft is missing: install the package nftables. Without a packet filter nothing is let in.")
    try:
        result = subprocess.run(  # noqa: S603
            [tool, "-f", "-"],
            input=ruleset,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
            env=os.environ | {"LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(f"nft did not run: {error}.") from error
    if result.returncode != 0:
        first = next(iter(result.stderr.strip().splitlines()), "no reason given")
        raise BackendError(f"nft refused the packet filter: {first}")
