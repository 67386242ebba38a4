"""Compute any statistic of Equipoise by its name, from JSON on standard input.

`equipoise stats` lists the names. `equipoise stats NAME --about` tells what one computes, from
which source, and its arguments. `equipoise stats NAME --json < input.json` computes it: the input
is an object with the arguments, or a list of such objects for a list of results. The simulator and
the analysis call the same functions. Exit code 0; 2: the input cannot be read or computed.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from typing import NoReturn

MAXIMUM_CHARACTERS = 50_000_000
"""The longest input that is read."""


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise stats`."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="what to compute; without: a list")
    parser.add_argument("--about", action="store_true", help="tell what NAME computes, and exit")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--page", action="store_true", help="print the reference page, and exit")


def run(arguments: argparse.Namespace) -> int:
    """0 when the value was computed or the list printed."""
    from equipoise.cli.stats_catalogue import function

    if arguments.page:
        print(page(), end="")
    elif arguments.name is None:
        print("\n".join(_listed()))
    elif arguments.about:
        print(_about(arguments.name))
    else:
        result = _computed(arguments.name, function(arguments.name), _input())
        print(json.dumps(result, indent=2) if arguments.json else "\n".join(_in_words(result)))
    return 0


def page() -> str:
    """The reference page of all names, as Markdown: what each returns, and its arguments."""
    from equipoise.cli.stats_catalogue import BY_MODULE, function
    from equipoise.cli.stats_input import arguments_of

    parts = [_HEAD]
    for module, names in BY_MODULE.items():
        parts.append(f"\n## {module}\n")
        for name in names:
            found = function(name)
            parts += [
                f"\n### `{name}`\n",
                f"\n{_first_line(found)}\n",
                f"\n{arguments_of(found)}\n",
            ]
    return "".join(parts)


_HEAD = (
    "# Statistics by name\n\n"
    "Every name that `equipoise stats NAME --json < input.json` computes, with its arguments. "
    "This page is the output of `equipoise stats --page`; `equipoise stats NAME --about` tells "
    "more of one, its source too.\n\n"
    "Input is a JSON object with the arguments, or a list of such objects. Counts are integers, "
    "arrays are lists (a table: a list of rows), times have any unit, groups are numbers or text. "
    "Output is what the function returns: figures in full, `null` for what the data cannot "
    'determine, `"Infinity"` for a limit that has no bound.\n'
)


def _listed() -> list[str]:
    from equipoise.cli.stats_catalogue import BY_MODULE, function

    lines = []
    for module, names in BY_MODULE.items():
        lines.append(f"{module}:")
        lines += [f"  {name:<36} {_first_line(function(name))}" for name in names]
    return lines


def _about(name: str) -> str:
    from equipoise.cli.stats_catalogue import function
    from equipoise.cli.stats_input import arguments_of

    found = function(name)
    return f"{name}({arguments_of(found)})\n\n{inspect.getdoc(found) or ''}"


def _first_line(function: object) -> str:
    return (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")


def _input() -> object:
    """The JSON on standard input. BadInput names the line that is none."""
    from equipoise.errors import BadInput

    try:
        text = sys.stdin.read(MAXIMUM_CHARACTERS + 1)
    except UnicodeDecodeError as error:
        found = f"byte 0x{error.object[error.start]:02x}"
        raise BadInput("must be UTF-8 text", where="standard input", found=found) from error
    if len(text) > MAXIMUM_CHARACTERS:
        raise BadInput(f"must have at most {MAXIMUM_CHARACTERS} characters", where="standard input")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"standard input line {error.lineno}"
        raise BadInput(f"must be JSON: {error.msg}", where=where) from error
    except RecursionError as error:
        raise BadInput("must not be nested so deeply", where="standard input") from error


def _no_constant(found: str) -> NoReturn:
    from equipoise.errors import BadInput

    raise BadInput("must be a finite number", where="standard input", found=found)


def _computed(name: str, function: object, given: object) -> object:
    from equipoise.cli.stats_input import called

    assert callable(function)
    if isinstance(given, list):
        return [
            called(name, function, each, f"input {number}") for number, each in enumerate(given, 1)
        ]
    return called(name, function, given, "input")


def _in_words(result: object, indent: str = "") -> list[str]:
    if isinstance(result, dict):
        lines = []
        for name, value in result.items():
            if isinstance(value, dict) or (isinstance(value, list) and _nested(value)):
                lines += [f"{indent}{name}:", *_in_words(value, indent + "  ")]
            else:
                lines.append(f"{indent}{name}: {_figure(value)}")
        return lines
    if isinstance(result, list) and _nested(result):
        return [line for each in result for line in [*_in_words(each, indent + "  "), ""]][:-1]
    return [f"{indent}{_figure(result)}"]


def _nested(values: list[object]) -> bool:
    return any(isinstance(each, dict | list) for each in values)


def _figure(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_figure(each) for each in value)
    return "not determined" if value is None else str(value)
