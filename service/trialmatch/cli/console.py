"""What every command shares: errors in one line each with their exit code, answers whole and in UTF-8, dates.

Exit codes are those of :mod:`trialmatch.errors`; besides them 1 is an internal error, 130 an interrupt, and 141 a
reader that went away before the answer was written.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from trialmatch.addresses import is_server, shown
from trialmatch.errors import TrialmatchError

if TYPE_CHECKING:
    from rich.console import RenderableType

#: What click raises for a call without arguments (nothing before click 8.2, which shows help by itself).
_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())

INTERNAL, INTERRUPTED, READER_GONE = 1, 130, 141

#: What DuckDB makes of an interrupt while it reads: a RuntimeError of these words.
_INTERRUPTED_QUERY = "Query interrupted"

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class ReaderGone(Exception):
    """Whoever read the answer has gone: head, or a pager that was left."""


class Commands(click.Group):
    """The command with its errors: each is told in one line and gives its exit code, whoever raised it."""

    def main(self, args: Any = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run and leave the process."""
        extra["standalone_mode"] = False
        sys.exit(_guarded(lambda: super(Commands, self).main(args, prog_name or "trialmatch", **extra)))


def _guarded(run: Callable[[], Any]) -> int:
    """The exit code of what ``run`` does; its errors become lines."""
    try:
        code = run()
        return code if isinstance(code, int) else 0
    except click.ClickException as problem:
        if isinstance(problem, _HELP):
            problem.show()
            return 2
        context = getattr(problem, "ctx", None)
        command = context.command_path if context is not None else "trialmatch"
        tell([f"{command}: {problem.format_message()} (see {command} --help)"])
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    except TrialmatchError as problem:
        tell(problem.lines)
        return problem.exit_code
    except ReaderGone:
        return READER_GONE
    except Exception as problem:  # noqa: BLE001 - the last resort: no traceback, no values
        if str(problem) == _INTERRUPTED_QUERY:
            return _interrupted()
        if os.environ.get("TRIALMATCH_DEBUG"):
            traceback.print_exc()
        tell([f"trialmatch: internal error ({type(problem).__name__}); please report"])
        return INTERNAL


def _interrupted() -> int:
    tell(["trialmatch: interrupted"])
    return INTERRUPTED


def tell(lines: Iterable[str]) -> None:
    """Lines for standard error; whatever a file's name holds, each stays one line."""
    from trialmatch.lines import clean

    for line in lines:
        click.echo(clean(line), err=True)


def write(text: str) -> None:
    """The answer, at once and in UTF-8, whatever the locale says."""
    try:
        stream = sys.stdout.buffer
        stream.write(text.encode("utf-8", "replace"))
        stream.flush()
    except BrokenPipeError:
        _give_up()
        raise ReaderGone from None  # under its own name: click has an exit code of its own for a broken pipe
    except (OSError, AttributeError) as problem:  # a full disk; or no standard output at all
        _give_up()
        why = getattr(problem, "strerror", None) or "it is closed"
        raise TrialmatchError(f"standard output: the answer cannot be written ({why})") from None


def _give_up() -> None:
    """Let what is still buffered go nowhere: Python would complain at its end, with an exit code of its own."""
    with suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def stopped_softly() -> Iterator[None]:
    """SIGTERM stops as Ctrl-C does, so that what is temporary is removed: it may be patients' records."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def write_json(document: Any) -> None:
    """The answer as JSON."""
    import orjson

    write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def write_page(page: Callable[[int], Iterable[RenderableType]]) -> None:
    """A page, made for the width there is."""
    from trialmatch.terminal.page import rendered, width_of

    if sys.stdout is None:
        return write("")  # which says so
    width = width_of(sys.stdout)
    write(rendered(page(width), sys.stdout, width))


def day(text: str) -> date:
    """A day as ``YYYY-MM-DD`` from 1900 to 2199, for options."""
    try:
        found = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise click.BadParameter(f"“{text}” is no date; expected YYYY-MM-DD") from None
    if not 1900 <= found.year <= 2199:
        raise click.BadParameter(f"“{text}” is too far away; expected a day from 1900-01-01 to 2199-12-31")
    return found


def named(text: str) -> str:
    """A name or an address, for arguments: an empty one is that of a shell's variable which is not set."""
    if not text.strip():
        raise click.BadParameter("it is empty")
    return text


def server(text: str) -> str:
    """The address of a server, for options."""
    if not is_server(text):
        raise click.BadParameter("no URL of a server; expected http:// or https:// and a host")
    return text


class _Path(click.Path):
    """A path for options. Whether there is something, and whether it can be read, is for whoever reads it to say."""

    def __init__(self) -> None:
        super().__init__(readable=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; an empty one would be the current folder, and a URL one that is not there."""
        if not os.fspath(value):
            self.fail("it is empty", param, ctx)
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            self.fail(f"“{shown(value)}” is a URL; expected a path", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path()
