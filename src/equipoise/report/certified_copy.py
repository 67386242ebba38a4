"""The certified copy of a hospital's own record as a PDF that can be read in thirty years.

PDF/UA-1: tagged, with embedded fonts. The text is a pure function of what it is given: no clock, no
font of the machine, no file but the template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import typst


def certified_copy_pdf(content: Mapping[str, Any]) -> bytes:
    """The PDF of a certified copy; the same bytes each time it is made of the same `content`.

    `content` is plain JSON: `language`, `words` (the copy's own), `trial`, `title`, `site`, `name`,
    `as_of`, `head`, `recorded`, `anchor`, `zone`, `synthetic`, and `subjects`, each with `number`,
    `signatures`, `entries` (each with `items`, and of every item the `old` values) and `oversight`.
    """
    made = typst.compile(
        _template(),
        format="pdf",
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(content, ensure_ascii=False, sort_keys=True)},
        timestamp=0,
    )
    if not isinstance(made, bytes):
        raise TypeError("a PDF is one file")
    return made


@cache
def _template() -> bytes:
    return (files("equipoise.report") / "certified_copy.typ").read_bytes()
