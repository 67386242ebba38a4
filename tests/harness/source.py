"""What the source says about itself: its length, its names, whether it reads a clock."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 60
_CLOCK_ATTRIBUTES = {"now", "today", "utcnow"}
_CLOCK_MODULES = {"time"}
_NAMELESS = re.compile(r"utils?|helpers?|misc|common")


def long_functions(source: str) -> Iterator[tuple[str, int]]:
    """Name and length of each function longer than allowed, docstring included.

    >>> list(long_functions("def short():\\n    return 1\\n"))
    []
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.name, lines


def clock_readings(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of everything in `source` that can tell what time it is.

    >>> list(clock_readings("import datetime as dt\\nd = dt.date.today()\\n"))
    [(2, 'dt.date.today')]
    >>> list(clock_readings("from time import monotonic"))
    [(1, 'from time import monotonic')]
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in _CLOCK_ATTRIBUTES:
            if ast.unparse(node.value) != "self":  # an item of that name is not a clock
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Import):
            if _CLOCK_MODULES & {alias.name for alias in node.names}:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module in _CLOCK_MODULES:
            yield node.lineno, ast.unparse(node)


def is_nameless(path: Path) -> bool:
    """Whether a folder or module is called after nothing in particular.

    >>> is_nameless(Path("record/utils.py")), is_nameless(Path("record/log.py"))
    (True, False)
    """
    return any(_NAMELESS.fullmatch(part) for part in path.with_suffix("").parts)
