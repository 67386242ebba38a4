"""What a bill of materials says: how many packages, that each has a version, and no GPL among them.

python tests/harness/bill.py out/sbom.json
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

COPYLEFT = re.compile(r"(?<![LA])GPL|GNU General Public License|AGPL|Affero", re.IGNORECASE)


def licences(component: dict[str, Any]) -> list[str]:
    """The licences that a package names."""
    found = []
    for each in component.get("licenses", ()):
        inside = each.get("license", {})
        found.append(each.get("expression") or inside.get("id") or inside.get("name") or "")
    return found


def problems(bill: dict[str, Any]) -> list[str]:
    """What is wrong with a bill: a package without version, one under the GPL alone.

    >>> problems({"components": [{"name": "a", "licenses": [{"license": {"id": "GPL-3.0"}}]}]})
    ['a has no version', "a is under ['GPL-3.0']"]
    >>> problems({"components": [{"name": "b", "version": "1", "licenses": [
    ...     {"license": {"id": "LGPL-3.0-only"}}]}]})
    []
    """
    found = []
    for each in bill.get("components", ()):
        if not each.get("version"):
            found.append(f"{each['name']} has no version")
        named = licences(each)
        if named and all(COPYLEFT.search(one) for one in named):
            found.append(f"{each['name']} is under {named}")
    return found


def main(path: str) -> int:
    """Print the verdict; 1 when something is wrong."""
    bill = json.loads(Path(path).read_text(encoding="utf-8"))
    wrong = problems(bill)
    print("\n".join([*wrong, f"{len(bill['components'])} packages, {len(wrong)} problems"]))
    return 1 if wrong or len(bill["components"]) < 10 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
