"""`thalweg cache`: what compiled code lies on disk, and how to be rid of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from thalweg.cli import output

app = typer.Typer(rich_markup_mode=None, help="Compiled code that is kept on disk.")

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON (see docs/command.md).")]


@app.callback(invoke_without_command=True)
def command(context: typer.Context) -> int:
    if context.invoked_subcommand is None:
        print(context.get_help())
    return 0


@app.command()
def info(as_json: Json = False) -> int:
    """Where the compiled code lies, and how much of it there is."""
    from thalweg.execution.native import cache

    found = cache.info()
    if as_json:
        print(output.json_text({"command": "cache info", **found._asdict()}))
    elif found.path is None:
        print("no compiled code is kept: THALWEG_CACHE_DIR is empty, or there is no home folder")
    else:
        rows: dict[str, Any] = {
            "folder": found.path,
            "entries": found.entries,
            "size": f"{megabytes(found.bytes)} of {megabytes(found.limit)}",
        }
        print("\n".join(f"{name:9}{value}" for name, value in rows.items()))
    return 0


@app.command()
def clear(as_json: Json = False) -> int:
    """Delete all compiled code; it is made again when it is needed."""
    from thalweg.execution.native import cache

    gone = cache.clear()
    if as_json:
        print(output.json_text({"command": "cache clear", **gone._asdict()}))
    else:
        print(f"deleted {gone.entries} entr{'y' if gone.entries == 1 else 'ies'}, {megabytes(gone.bytes)}")
    return 0


def megabytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
