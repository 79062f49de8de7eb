"""Writes docs/cli.md from the commands themselves: python -m app.cli_reference > docs/cli.md. A test compares the two."""

import re
from collections.abc import Iterator
from typing import Any

_HEAD = """# The commands

Made from the commands themselves by `python -m app.cli_reference > docs/cli.md`; a test holds the two together.

Results go to stdout, messages and progress to stderr. `--json` and `--csv` are for scripts:

* They are UTF-8 without a byte-order mark in every locale, and contain all rows. Only `--limit` shortens a list; stderr says so.
* A path that is not valid UTF-8 is written as `bytes:` and the path. Each invalid byte becomes `%` and two hex digits, and `%`
  becomes `%25`: `bytes:/videos/caf%E9.mp4`. Every option that takes a path accepts this form; so does the column `path` of a
  label file.
  Sentences, such as the reason why a video is broken, show such a byte as `%E9`. If a path of yours really begins with `bytes:/`,
  write `./bytes:/`.
* JSON escapes control characters (`\\u001b`). A CSV cell is empty if the value is unknown, `true` or `false`, or JSON for a list:
  `["/videos", "/more"]`. Cells are exact: a value that a spreadsheet would take for a formula is not changed.

Tables and messages are for people. They use the terminal's encoding; characters that it cannot show are escaped.

Write times as vret prints them: `12.5`, `0:35.00` or `1:04:07.25`, with a decimal point. Ranges are `10-60` or `0:10-1:00`.

Exit code 2 means wrong usage: an unknown option, options that exclude each other, an impossible value.
Exit code 1 means that the command failed, for instance because a file, library or encoder does not exist.
"""


def reference() -> str:
    """The whole reference as Markdown."""
    from typer.main import get_command

    from app.main import cli

    root = get_command(cli)
    parts = [_HEAD, f"{_plain(root.help)}\n"]
    parts += [_section(name, command) for name, command in commands(root, "vret") if name != "vret"]
    return "\n".join(parts)


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command below this one with its full name, in the order in which they were declared."""
    yield name, command
    for child_name, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{name} {child_name}")


def _section(name: str, command: Any) -> str:
    lines = [f"## `{name}`\n", f"{_plain(command.help)}\n"]
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    if rows:
        lines += ["| option | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(parameter: Any) -> str:
    is_option = any(name.startswith("-") for name in parameter.opts)
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.name]
    spelled = ", ".join(f"`{name}`" for name in names)
    default = parameter.default
    shown = "" if default in (None, False, True) or callable(default) else f" (default: {default})"
    return f"| {spelled} | {' '.join(parameter.help.split())}{shown} |".replace("|default", "\\|default")


def _plain(text: str | None) -> str:
    """Help text as Markdown; examples as code."""
    text = "\n".join(line.strip() for line in (text or "").strip().splitlines())
    return re.sub(r"^Example: (vret .*)$", r"Example: `\1`", text, flags=re.MULTILINE)


if __name__ == "__main__":
    print(reference(), end="")
