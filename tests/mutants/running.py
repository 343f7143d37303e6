"""Running tests against mutants: one collected set of tests, and for each mutant a fork that has its fault in place.

A fault inside a function is put in by exchanging the function's code, which costs milliseconds; one at the top of a
module needs the module imported anew, with all that imports it.
"""

from __future__ import annotations

import gc
import importlib.machinery
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from select import select
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

ROOT = Path(__file__).parents[2]
_MEMORY = 4 << 30
_PATIENCE = 1.0
"""Seconds of processor time that a test may take beyond four times its own: past it, a mutant counts as noticed."""

ARGUMENTS = [
    *("-c", "tests/mutants/mutants.ini", "--rootdir", str(ROOT), "--confcutdir", "tests/mesh"),
    *("-p", "no:terminal", "--hypothesis-seed=0"),
]
Lines = dict[str, list[int]]


class Collected:
    """Hands the collected tests to ``work`` instead of running them."""

    def __init__(self, work: Callable[[list[pytest.Item]], None]) -> None:
        self.work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take over."""
        self.work(session.items)
        return True


def collect(tests: Iterable[str], work: Callable[[list[pytest.Item]], None]) -> int:
    """Collect ``tests`` and call ``work`` with them; pytest's exit code."""
    return int(pytest.main([*ARGUMENTS, *tests], plugins=[Collected(work)]))


def passes(item: pytest.Item) -> bool:
    """Run one test."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def first_failure(items: Sequence[pytest.Item], seconds: dict[str, float]) -> str:
    """The first of ``items`` that fails, or nothing. A test that takes far longer than it should ends the process."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for item in items:
        signal.setitimer(signal.ITIMER_PROF, _PATIENCE + 4 * seconds[item.nodeid])
        if not passes(item):
            return item.nodeid
    signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def in_forks(works: Iterable[tuple[Any, Callable[[], str]]], jobs: int) -> Iterator[tuple[Any, str, bool]]:
    """Call each of ``works`` (name, function) in a process of its own: the name, what it returned, whether it ended
    well. At most ``jobs`` run at once."""
    running: dict[int, tuple[Any, int]] = {}
    waiting = iter(works)
    while True:
        while len(running) < jobs and (given := next(waiting, None)) is not None:
            name, work = given
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                os.close(reading)
                _in_child(work, writing)
            os.close(writing)
            running[child] = (name, reading)
        if not running:
            return
        ready = select([reading for _, reading in running.values()], [], [])[0][0]
        child, (name, reading) = next(item for item in running.items() if item[1][1] == ready)
        with os.fdopen(reading, encoding="utf-8") as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        del running[child]
        yield name, text, status == 0


def _in_child(work: Callable[[], str], writing: int) -> None:
    code = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        os.write(writing, work().encode())
        code = 0
    finally:
        os._exit(code)


def traced(item: pytest.Item, folders: tuple[str, ...]) -> tuple[float, Lines]:
    """Run a test that must pass: its seconds of processor time, and the lines below ``folders`` that it reaches."""
    reached: dict[str, set[int]] = {}

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            reached[frame.f_code.co_filename].add(frame.f_lineno)
        return local

    def entered(frame: FrameType, event: str, _: Any) -> Any:
        path = frame.f_code.co_filename
        if not path.startswith(folders):
            return None
        reached.setdefault(path, set()).add(frame.f_lineno)
        return local

    sys.settrace(entered)
    start = time.process_time()
    passed = passes(item)
    spent = time.process_time() - start
    sys.settrace(None)
    if not passed:
        raise AssertionError(f"{item.nodeid} fails without any mutant")
    return spent, {str(Path(path).relative_to(ROOT)): sorted(lines) for path, lines in reached.items()}


def functions() -> dict[tuple[str, str], list[FunctionType]]:
    """Every function there is below the root, by file and qualified name."""
    found: dict[tuple[str, str], list[FunctionType]] = {}
    gc.unfreeze()  # what is frozen is not among the objects
    objects = gc.get_objects()
    gc.freeze()
    for item in objects:
        if type(item) is FunctionType and item.__code__.co_filename.startswith(str(ROOT)):
            path = str(Path(item.__code__.co_filename).relative_to(ROOT))
            found.setdefault((path, item.__code__.co_qualname), []).append(item)
    return found


def exchange(targets: Iterable[FunctionType], module: CodeType, where: str) -> None:
    """Give ``targets`` the code that ``module`` has for the function ``where``."""
    code = next(item for item in _codes(module) if item.co_qualname == where)
    for target in targets:
        target.__code__ = code


def _codes(code: CodeType) -> Iterator[CodeType]:
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield item
            yield from _codes(item)


def replace_module(path: str, code: CodeType) -> None:
    """Let the module at ``path``, which nobody has imported yet, be ``code``."""
    original = importlib.machinery.SourceFileLoader.get_code
    whole = str(ROOT / path)

    def get_code(loader: Any, name: str) -> Any:
        return code if loader.path == whole else original(loader, name)

    setattr(importlib.machinery.SourceFileLoader, "get_code", get_code)  # noqa: B010
