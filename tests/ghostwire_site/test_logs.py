from __future__ import annotations

import io
import json
import logging
import logging.config
import threading
from collections.abc import Callable, Iterator

import pytest
import structlog

from ghostwire_site.logs import TRACE, MaskingHandler, configure_structlog, log_uncaught_exceptions, logging_settings

TOKEN = "gwk_cHPStF0Ss7JOh0n6l1koQC6VWtef1OjbyPZQjqABOsc"
WIREGUARD_KEY = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
SECRETS = [TOKEN, WIREGUARD_KEY]

Written = Callable[[], str]


@pytest.fixture
def configured() -> Iterator[Callable[[str, str], Written]]:
    """Put the product's logging in force, writing to memory, for one test."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.raiseExceptions)
    stream = io.StringIO()

    def configure(level: str, form: str) -> Written:
        logging.config.dictConfig(logging_settings(level, form))  # type: ignore[arg-type]
        configure_structlog()
        structlog.configure(cache_logger_on_first_use=False)
        (handler,) = root.handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(stream)
        return stream.getvalue

    yield configure
    root.handlers[:], root.level, logging.raiseExceptions = before
    configure_structlog()


@pytest.fixture(params=["console", "json"])
def written(request: pytest.FixtureRequest, configured: Callable[[str, str], Written]) -> Written:
    return configured("TRACE", request.param)


def assert_masked(text: str) -> None:
    assert text.strip(), "nothing was written, so nothing was tested"
    for secret in SECRETS:
        assert secret not in text
        assert secret[10:30] not in text


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_a_message_are_masked(written: Written, secret: str) -> None:
    logging.getLogger("any").warning("got " + secret)

    assert_masked(written())


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_arguments_are_masked(written: Written, secret: str) -> None:
    logging.getLogger("any").warning("got %s and %r", secret, {"key": secret})

    assert_masked(written())


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_extra_values_are_masked(written: Written, secret: str) -> None:
    logging.getLogger("any").warning("got", extra={"private_key": secret, "more": [secret]})

    assert_masked(written())


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_structured_values_are_masked(written: Written, secret: str) -> None:
    structlog.get_logger("any").warning("got", private_key=secret, nested={"a": [secret]}, raw=secret.encode())

    assert_masked(written())


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_exceptions_and_tracebacks_are_masked(written: Written, secret: str) -> None:
    def fail(argument: str) -> None:
        raise ValueError(f"bad {argument}") from KeyError(argument)

    try:
        fail(secret)
    except ValueError:
        logging.getLogger("any").exception("failed")
        structlog.get_logger("any").exception("failed")

    assert "ValueError" in written()
    assert_masked(written())


def test_local_variables_are_not_in_tracebacks(written: Written) -> None:
    unlikely = "a-local-value-that-no-line-of-code-spells".upper()
    try:
        raise ValueError("x")
    except ValueError:
        structlog.get_logger("any").exception("failed")

    assert unlikely not in written()


def test_secrets_in_stack_info_and_contextvars_are_masked(written: Written) -> None:
    with structlog.contextvars.bound_contextvars(token=TOKEN):
        structlog.get_logger("any").warning("got", stack_info=True)

    assert_masked(written())


def test_secrets_in_djangos_request_log_are_masked(written: Written) -> None:
    logging.getLogger("django.request").warning("Not Found: %s", f"/api/v1/{TOKEN}", extra={"status_code": 404})

    assert_masked(written())
    assert written().count("Not Found") == 1


@pytest.mark.parametrize("name", ["django.server", "uvicorn.error", "uvicorn.access"])
def test_servers_that_bring_handlers_of_their_own_are_masked_too(
    configured: Callable[[str, str], Written], name: str
) -> None:
    elsewhere = io.StringIO()
    logger = logging.getLogger(name)
    logger.setLevel(logging.NOTSET)  # a server that another test ran in this process may have asked for less
    logger.addHandler(logging.StreamHandler(elsewhere))
    logger.propagate = False
    written = configured("DEBUG", "console")
    logger.warning("GET /?token=%s", TOKEN)

    assert elsewhere.getvalue() == ""
    assert_masked(written())


def test_a_record_that_cannot_be_rendered_does_not_show_its_arguments(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    (handler,) = (each for each in logging.getLogger().handlers if isinstance(each, MaskingHandler))
    handler.handle(logging.LogRecord("any", logging.WARNING, "module.py", 7, "got %d", (TOKEN,), None))

    assert written() == ""
    assert capsys.readouterr().err == "a log record of any at module.py:7 could not be written: TypeError\n"


def test_uncaught_exceptions_of_threads_are_logged_masked(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.excepthook", None)
    monkeypatch.setattr("threading.excepthook", threading.excepthook)
    log_uncaught_exceptions()

    def fail() -> None:
        raise RuntimeError(TOKEN)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

    assert "RuntimeError" in written()
    assert_masked(written())


def test_a_line_cannot_be_forged_by_what_it_quotes(written: Written) -> None:
    logging.getLogger("any").warning("Not Found: %s", "/x\n2026-01-01 [critical] forged\x1b[2J\x85")

    assert len(written().splitlines()) == 1
    assert "\x1b" not in written()


def test_json_lines_are_json(configured: Callable[[str, str], Written]) -> None:
    written = configured("INFO", "json")
    structlog.get_logger("room.module").warning("thing.happened", count=3)
    line = json.loads(written())

    assert (line["event"], line["count"], line["level"], line["logger"]) == (
        "thing.happened",
        3,
        "warning",
        "room.module",
    )
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("TRACE", ["t", "d", "i", "w", "e"]),
        ("DEBUG", ["d", "i", "w", "e"]),
        ("INFO", ["i", "w", "e"]),
        ("WARN", ["w", "e"]),
        ("ERROR", ["e"]),
    ],
)
def test_levels_decide_what_is_written(
    configured: Callable[[str, str], Written], level: str, expected: list[str]
) -> None:
    written = configured(level, "json")
    logger = logging.getLogger("any")
    for number, message in ((TRACE, "t"), (logging.DEBUG, "d"), (logging.INFO, "i"), (30, "w"), (40, "e")):
        logger.log(number, message)

    assert [json.loads(line)["event"] for line in written().splitlines()] == expected


def test_everyday_talk_of_libraries_is_kept_for_debugging(configured: Callable[[str, str], Written]) -> None:
    written = configured("INFO", "console")
    logging.getLogger("daphne.server").info("everyday")
    logging.getLogger("daphne.server").warning("noteworthy")

    assert "everyday" not in written()
    assert "noteworthy" in written()
