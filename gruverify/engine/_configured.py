"""Values of [tool.gruverify] that are names: of formats and of invariants."""

from __future__ import annotations

from collections.abc import Mapping

from gruverify._config import Table
from gruverify.arithmetic import formats_named
from gruverify.engine._selection import BadSelection, require_known


def require_known_names(tables: Mapping[str, Table]) -> None:
    """Raise BadConfiguration if a key names a format or an invariant that there is not; the message
    names file, key and what is near.

    tables: by key, the table that its value is from.
    """
    for key, table in tables.items():
        try:
            if key == "formats":
                formats_named(",".join(table.values[key]))
            if key in ("only", "skip"):
                for pattern in table.values[key]:
                    require_known(pattern)
        except (BadSelection, ValueError) as unknown:
            raise table.wrong(key, str(unknown)) from None
