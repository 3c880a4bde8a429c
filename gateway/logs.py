r"""What a node tells of itself: one line an event, for people or for programs, and never what a notice says.

``Log`` is how the node writes. An event has a name, which is one of a few constants (docs/logs.md), and fields: names
and numbers. Of an error that is not the node's own only its kind and the places are told, since its text may hold
what a caller sent. A line is made of printable ASCII, whatever its fields hold: a line break is ``\n``, and what would
turn the direction of writing is ``\u202e``; so nothing that others wrote begins a line or acts on a terminal.
"""

import errno
import json
import logging
import sys
import threading
import traceback
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

from gateway.errors import BadInput, GatewayError

MAX_VALUE_CHARACTERS = 2000
MAX_PLACES = 20  # of a traceback, the innermost

Format = Literal["text", "json"]

_FIELDS = "fields"  # of a record: those of its event
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:#+")

Beside = Callable[[], Mapping[str, str]]
"""Gives what each line has beside: what is known of the work that is done now."""


class Log:
    """Writes events of one part of the node.

    Args:
        name: of the module
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: str | int) -> None:
        """Tells what went as it should."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: str | int) -> None:
        """Tells what did not, and mends itself or hurts one caller."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: str | int) -> None:
        """Tells what an operator must look at."""
        self._write(logging.ERROR, event, fields)

    def critical(self, event: str, **fields: str | int) -> None:
        """Tells what ends the node."""
        self._write(logging.CRITICAL, event, fields)

    def defect(self, event: str, error: BaseException, **fields: str | int) -> None:
        """Tells of an error that nobody expected, with the places that it came through."""
        self._write(logging.ERROR, event, fields, error)

    def _write(
        self, level: int, event: str, fields: Mapping[str, str | int], error: BaseException | None = None
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, exc_info=error, extra={_FIELDS: fields})


def kind_of(error: BaseException) -> str:
    """Gives what an error is, without its words; of the system's and the databases' also which: ``OSError(ENOSPC)``."""
    name, number = type(error).__name__, (error.errno if isinstance(error, OSError) else None) or 0
    cause = getattr(error, "orig", None)  # of SQLAlchemy's: what the database's own library raised, and its code
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or errno.errorcode.get(number)
    return f"{name}({code})" if code else name


class LineFormatter(logging.Formatter):
    """Makes a line of a record: of the node's own, or of a library's, whose text is then a field.

    Args:
        form: ``json``: an object; ``text``: time, level, logger, event, then ``name=value``
        beside: gives further fields
    """

    def __init__(self, form: Format, beside: Beside) -> None:
        super().__init__()
        self._is_json, self._beside = form == "json", beside

    def format(self, record: logging.LogRecord) -> str:
        """Makes the line."""
        own: Mapping[str, Any] | None = getattr(record, _FIELDS, None)
        event, fields = (record.msg, own) if own is not None else ("library", {"text": record.getMessage()})
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        told = {key: _bounded(value) for key, value in {**fields, **self._beside(), **_error_of(record)}.items()}
        if self._is_json:
            line = json.dumps({"time": time, "level": record.levelname, "logger": record.name, "event": event, **told})
        else:
            named = [f"{key}={_written(value)}" for key, value in told.items()]
            line = " ".join([time, record.levelname, record.name, event, *named])
        return line.replace("\x7f", r"\u007f")


def install(form: Format, level: int, beside: Beside = dict) -> None:
    """Has everything that this process tells written to standard error as such lines, also what nobody caught."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(form, beside))
    handler.addFilter(_is_no_callers_doing)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for library in ("alembic", "asyncio"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # it tells each try; export.py tells it once
    sys.excepthook = _end
    sys.unraisablehook = lambda found: _uncaught(found.exc_value)
    threading.excepthook = lambda found: _uncaught(found.exc_value)


def keep_apart() -> None:
    """Has events told nowhere until they are installed: what a command has to say it says itself."""
    logging.getLogger("gateway").addHandler(logging.NullHandler())


def take_from_loop(_loop: AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tells what nobody awaits (``loop.set_exception_handler``). asyncio's own words hold the error's text."""
    _log.defect("loop_error", context.get("exception") or RuntimeError(), about=str(context.get("message", "")))


def _end(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    _uncaught(error)


def _uncaught(error: BaseException | None) -> None:
    _log.defect("uncaught_error", error or RuntimeError())


def _is_no_callers_doing(record: logging.LogRecord) -> bool:
    """Tells what may be logged, of gRPC's own words: a caller could fill the log with the others.

    They are metadata that is not UTF-8, up to 16 KiB a call, and a traceback for each who hangs up while answered.
    """
    return record.name != _GRPC or not str(record.msg).startswith(("Invalid encoding", "ExecuteBatchError"))


def _error_of(record: logging.LogRecord) -> Mapping[str, str]:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return {}
    places = traceback.extract_tb(error.__traceback__)[-MAX_PLACES:]
    return {
        "error": _chain(error),
        "at": " < ".join(f"{_short(each.filename)}:{each.lineno} {each.name}" for each in reversed(places)),
    }


def _chain(error: BaseException) -> str:
    """The kinds of an error and of those that it came from, with the words of our own ones that quote no request."""
    kinds: list[str] = []
    following: BaseException | None = error
    while following and len(kinds) < MAX_PLACES:
        kind = kind_of(following)
        is_ours = isinstance(following, GatewayError) and not isinstance(following, BadInput)
        kinds.append(f"{kind}: {following}" if is_ours else kind)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return " < ".join(kinds)


def _short(filename: str) -> str:
    return "/".join(filename.split("/")[-3:])


def _bounded(value: str | int) -> str | int:
    if isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS:
        return f"{value[:MAX_VALUE_CHARACTERS]}..."
    return value


def _written(value: str | int) -> str:
    text = str(value)
    return text if text and _PLAIN.issuperset(text) else json.dumps(text)


_GRPC = "grpc._cython.cygrpc"
_log = Log(__name__)
