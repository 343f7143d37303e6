"""Logging: structlog over the standard library, to standard error, with every secret masked.

Masking is the last step, on the finished line: so it holds for messages, arguments, extra values, exceptions with
their tracebacks, and for what libraries log.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from mesh.tokens import mask

TRACE = 5
"""Below DEBUG: every frame, every query. ``logger.log(TRACE, ...)``."""

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if code != 0x09}
_CONTROL[0x0A], _CONTROL[0x0D] = "\\n", "\\r"
# Libraries that speak at INFO of what is everyday for them.
_QUIET = ("asyncio", "celery", "daphne", "httpx")
_QUIET_WITH_OWN_HANDLERS = ("uvicorn.access",)
_WITH_OWN_HANDLERS = ("django", "django.server", "uvicorn", "uvicorn.error")
# Libraries that warn of what is as it should be.
_SILENT = (
    "kombu.connection",  # "no hostname was supplied": the memory broker needs none
    "twisted",  # every upgrade that is refused
)


class MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record to one line (plus a traceback, if any) in which every secret is masked."""

    def format(self, record: logging.LogRecord) -> str:
        """Render and mask."""
        return mask(super().format(record))


class MaskingHandler(logging.StreamHandler[Any]):
    """Writes to standard error; when a record cannot be rendered, says so without showing its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        """Replace the standard library's report, which prints arguments as they are."""
        error = sys.exc_info()[1]
        where = f"{record.pathname}:{record.lineno}"
        sys.stderr.write(f"a log record of {record.name} at {where} could not be written: {type(error).__name__}\n")


def logging_settings(level: str, form: Literal["console", "json"]) -> dict[str, Any]:
    """Make Django's LOGGING for one level (TRACE, DEBUG, INFO, WARN, ERROR) and form of the lines."""
    logging.addLevelName(TRACE, "TRACE")
    least = {"WARN": "WARNING"}.get(level, level)
    everyday = {} if least in ("TRACE", "DEBUG") else {"level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": MaskingFormatter, "processors": _renderers(form), "foreign_pre_chain": _chain()},
        },
        "handlers": {"stderr": {"()": MaskingHandler, "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": least},
        "loggers": {
            # These bring handlers of their own; everything goes through the root's, which masks.
            **{name: {"handlers": [], "propagate": True} for name in _WITH_OWN_HANDLERS},
            **{name: {"handlers": [], "propagate": True, **everyday} for name in _QUIET_WITH_OWN_HANDLERS},
            **{name: {**everyday} for name in _QUIET},
            **{name: {"level": "ERROR"} for name in _SILENT},
        },
    }


def configure_structlog() -> None:
    """Let ``structlog.get_logger()`` go the same way as the standard library's loggers."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_chain(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def log_uncaught_exceptions() -> None:
    """Send what nobody caught through logging, in any thread: the interpreter would print it unmasked."""

    def log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        logging.getLogger("ghostwire").critical("uncaught exception", exc_info=(kind, error, trace))

    def log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = log_uncaught
    threading.excepthook = log_uncaught_in_thread


def _chain() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _one_line,
    ]


def _renderers(form: Literal["console", "json"]) -> list[Processor]:
    last: list[Processor]
    if form == "json":
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # No colours: their codes between a name and its value would hide the value from the mask. And the plain
        # traceback: the rich one shows local variables.
        last = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]


def _one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Spell control characters out, so that a name or path from outside cannot forge a line."""
    text = event.get("event")
    if isinstance(text, str):
        event["event"] = text.translate(_CONTROL)
    return event
