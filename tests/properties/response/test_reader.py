"""Whatever a file holds, it is read whole or refused with its place: nothing else is raised."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.exchange.sdtm_tumour import read_tumour
from equipoise.response.rules import RULES
from tests.interface.response.test_sdtm_reading import TR, TU
from tests.properties.response.courses import PLAN

_FIELDS = st.sampled_from(
    [
        "", "S1", "S2", "1", "2", "3", "2.0", "-1", "1e9", "NaN", "600", "601", "20.005", "T01",
        "T02", "NT01", "NEW01", "LDIAM", "LPERP", "DIAMETER", "TUMSTATE", "ABSENT", "PRESENT", "NE",
        "TARGET", "NON-TARGET", "NEW", "TUMIDENT", "LYMPH NODE", "mm", "cm", "NOT DONE", "2024-02",
        "2024-02-30", "2024-03-01", "READER 1", "INVESTIGATOR", '"', "é", "\0", "4",
    ]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, text: str) -> bytes:
    """A file with some fields replaced, lines doubled or dropped, or bytes cut and overwritten."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(draw(st.integers(0, 4))):
        row = draw(st.integers(0, len(rows) - 1))
        field = draw(st.integers(0, len(rows[row]) - 1))
        rows[row][field] = draw(_FIELDS)
    if draw(st.booleans()):
        rows.insert(draw(st.integers(1, len(rows))), list(draw(st.sampled_from(rows))))
    if draw(st.booleans()):
        del rows[draw(st.integers(0, len(rows) - 1))]
    content = "\n".join(map(",".join, rows)).encode() + b"\n"
    if draw(st.integers(0, 4)) == 0:
        place = draw(st.integers(0, len(content)))
        content = content[:place] + draw(st.binary(max_size=4)) + content[place + 4 :]
    return content


@settings(max_examples=300)
@given(damaged(TU), damaged(TR))
def test_a_damaged_file_is_read_or_refused(tu: bytes, tr: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "tu.csv"), Path(folder, "tr.csv")
        for path, content in zip(paths, (tu, tr), strict=True):
            path.write_bytes(content)
        try:
            read = read_tumour(*paths)
        except BadInput as error:
            assert "tu.csv" in str(error) or "tr.csv" in str(error)
            return
    for row in read.rows.values():
        assert row.used or row.told, row.place
    derived = dict(read.tables)
    for rule in RULES[:3]:
        derived[rule.produces] = rule.rule(derived, PLAN)
    sources = derived["target_sum"]["sources"].explode().to_list()
    assert set(sources) <= set(read.rows)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tu, tr = Path(folder, "tu.csv"), Path(folder, "tr.csv")
        tu.write_text(TU, encoding="utf-8")
        tr.write_bytes(TR.splitlines()[0].encode() + b"\n" + content)
        try:
            read_tumour(tu, tr)
        except BadInput as error:
            assert "tr.csv line" in str(error)
