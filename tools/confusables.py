"""Makes `switchboard/confusables.txt` from Unicode's `confusables.txt` (UTS #39 §4).

    python tools/confusables.py CONFUSABLES.TXT > switchboard/confusables.txt

Left out is what can never be asked for: marks, which a key does not have, what NFKC turns into
something else before, and sources of more than one character.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

NOTICE = """\
# Characters that look like another, or like several: `what they look like<TAB>all of them`.
# From confusables.txt {version} of UTS #39 by tools/confusables.py.
#
# UNICODE LICENSE V3. COPYRIGHT AND PERMISSION NOTICE. Copyright © 1991-2026 Unicode, Inc.
#
# Permission is hereby granted, free of charge, to any person obtaining a copy of data files and
# any associated documentation (the "Data Files") or software and any associated documentation
# (the "Software") to deal in the Data Files or Software without restriction, including without
# limitation the rights to use, copy, modify, merge, publish, distribute, and/or sell copies of
# the Data Files or Software, and to permit persons to whom the Data Files or Software are
# furnished to do so, provided that either (a) this copyright and permission notice appear with
# all copies of the Data Files or Software, or (b) this copyright and permission notice appear in
# associated Documentation.
#
# THE DATA FILES AND SOFTWARE ARE PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
# IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
# PARTICULAR PURPOSE AND NONINFRINGEMENT OF THIRD PARTY RIGHTS. IN NO EVENT SHALL THE COPYRIGHT
# HOLDER OR HOLDERS INCLUDED IN THIS NOTICE BE LIABLE FOR ANY CLAIM, OR ANY SPECIAL INDIRECT OR
# CONSEQUENTIAL DAMAGES, OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS,
# WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN
# CONNECTION WITH THE USE OR PERFORMANCE OF THE DATA FILES OR SOFTWARE. Except as contained in
# this notice, the name of a copyright holder shall not be used in advertising or otherwise to
# promote the sale, use or other dealings in these Data Files or Software without prior written
# authorization of the copyright holder."""


def _text(points: str) -> str:
    return "".join(chr(int(point, 16)) for point in points.split())


def main(path: Path) -> None:
    """Prints the table."""
    version = ""
    alike: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text("utf-8-sig").splitlines():
        if line.startswith("# Version:"):
            version = line.partition(":")[2].strip()
        data = line.partition("#")[0].split(";")
        if len(data) != 3:
            continue
        source, target = _text(data[0]), _text(data[1])
        target = "".join(
            c for c in unicodedata.normalize("NFD", target) if unicodedata.category(c)[0] != "M"
        )
        if (
            len(source) == 1
            and target not in ("", source)
            and not any(map(str.isspace, source + target))
            and unicodedata.category(source)[0] in "LNPS"
            and unicodedata.normalize("NFKC", source) == source
        ):
            alike[target].append(source)
    print(NOTICE.format(version=version))
    for target, sources in sorted(alike.items()):
        print(f"{target}\t{''.join(sorted(sources))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
