"""Begin the record of a live trial: its study, and who administers accounts.

Into a new file, with its keys beside it; or into a new schema of PostgreSQL, which its owner makes
and the application's role then writes to. The study file is checked first, and stands whole in the
record. What follows is done in the application: accounts, roles, hospitals, the version that goes
live at each, the allocation scheme.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.record.keys import KeyStore
    from equipoise.record.log import Log


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise open`."""
    parser.add_argument("study", metavar="STUDY", help="a bundled study, a study file, its folder")
    parser.add_argument(
        "--record", required=True, help="the .sqlite3 file to make, or postgresql://... as owner"
    )
    parser.add_argument("--administrator", required=True, metavar="PERSON",
                        help="who is granted the role of administrator")  # fmt: skip
    parser.add_argument("--organisation", required=True, metavar="NAME", help="of that person")
    parser.add_argument("--trial", metavar="NAME", help="of the record (else that of the study)")
    in_postgres = parser.add_argument_group("in PostgreSQL")
    in_postgres.add_argument(
        "--as", dest="application", metavar="ADDRESS", help="of the role that may read and append"
    )
    in_postgres.add_argument("--schema", default="equipoise", help="the schema to make (equipoise)")
    in_postgres.add_argument("--keys", type=Path, metavar="FILE", help="the file of keys to make")


def run(arguments: argparse.Namespace) -> int:
    """0 when the record has begun."""
    from equipoise.conduct.opening import open_trial
    from equipoise.oversight.events import TrialOpened
    from equipoise.record.anchors import anchor_lines
    from equipoise.study.load import load_study, study_sha256
    from equipoise.workflow.anchor import anchored

    study = load_study(arguments.study)
    log, keys = _made(arguments, arguments.trial or study.id)
    try:
        open_trial(
            log, study, administrator=arguments.administrator,
            organisation=arguments.organisation, opened=TrialOpened(mode="live", study=study.id),
        )  # fmt: skip
        line = anchor_lines([anchored(log, keys, purpose="the record has begun")])
    finally:
        log.close()
        keys.close()
    print(f"{log.trial}: version {study.version} of {study.id}, sha256 {study_sha256(study)}")
    print(f"{arguments.administrator} is administrator; next: equipoise account")
    print("Keep this line where the record is not:")
    print(line, end="")
    return 0


def _made(arguments: argparse.Namespace, trial: str) -> tuple[Log, KeyStore]:
    """The new, empty record and its keys."""
    from equipoise.errors import BadInput
    from equipoise.record.stores import created, created_in_postgres, is_address

    if not is_address(arguments.record):
        return created(Path(arguments.record), trial)
    if not arguments.application or not arguments.keys:
        raise BadInput(
            "--as and --keys for a record in PostgreSQL: the role of the application, and a file "
            "of keys apart from the database", where="equipoise open",
        )  # fmt: skip
    return created_in_postgres(
        arguments.record, arguments.application, schema=arguments.schema, trial=trial,
        keys=arguments.keys,
    )  # fmt: skip
