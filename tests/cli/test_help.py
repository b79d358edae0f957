"""``--help`` of every command: it teaches by an example, and fits a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from trialmatch.cli.main import main


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(_commands(main))


def _help(path: tuple[str, ...]) -> str:
    found = CliRunner().invoke(main, [*path, "--help"], prog_name="trialmatch", terminal_width=80)
    assert found.exit_code == 0
    return found.stdout


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_an_example(path: tuple[str, ...]) -> None:
    """An example calls the command itself, as a line to paste."""
    page = _help(path)
    assert "\n  Examples\n" in page
    assert f"    {' '.join(('trialmatch', *path))} " in page.split("\n  Examples\n")[1]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_fits_80_columns(path: tuple[str, ...]) -> None:
    """What is laid out by hand is not wrapped by click, so a terminal would break it anywhere."""
    assert [line for line in _help(path).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_what_commands_do_is_not_cut(path: tuple[str, ...]) -> None:
    """In a list of commands, each is told in one whole line."""
    assert "..." not in _help(path).replace("FILE...", "").replace("[ARGS]...", "")


def test_the_overview_shows_every_command() -> None:
    """Somebody who reads only this page has seen a call of each."""
    page = _help(())
    for path in COMMANDS:
        if path and path not in {("studies",), ("codes",)}:
            assert f"    trialmatch {' '.join(path)}" in page
