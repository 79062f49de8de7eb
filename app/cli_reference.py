"""Writes docs/cli.md from the commands themselves: python -m app.cli_reference > docs/cli.md. A test compares the two."""

import re
from collections.abc import Iterator
from typing import Any

_HEAD = """# The commands

Made from the commands themselves by `python -m app.cli_reference > docs/cli.md`; a test holds the two together.

Results go to stdout, talk and progress to stderr. `--json` and `--csv` are for scripts:

* They are UTF-8 without a byte-order mark, whatever the locale, and whole: only `--limit` cuts a list, and then stderr says so.
* A path that is not UTF-8 is written as `bytes:` and the path, with `%` and two digits for each byte that is none, `%25` for `%`:
  `bytes:/videos/caf%E9.mp4`. Every option that takes a path, `--like` too, and the column `path` of a label file take it like that.
  In sentences, such as the reason why a video is broken, such a byte is `%E9`, too. A path of your own folder that begins with
  `bytes:/` is to be given as `./bytes:/`.
* JSON escapes what cannot be printed (`\\u001b`). A CSV cell is empty for what is unknown, `true` or `false`, or JSON for a list:
  `["/videos", "/more"]`. Cells are exact: nothing is put before one that a spreadsheet would take for a formula.

Tables and talk are for people: there what cannot be printed is spelled out, in the terminal's encoding, and never ends a run.

Seconds of a video are taken as they are shown, `12.5`, `0:35.00` or `1:04:07.25`, with a point; ranges as `10-60` or `0:10-1:00`.

Exit code 2 says that a command can never be right: an unknown option, options that do not go together, a value that makes no sense.
What depends on what is there, such as a file, a library or an encoder that does not exist, is 1.
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
