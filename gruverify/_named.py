"""Types of values that go by names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

#: A JSON object, read or to be written.
JsonObject: TypeAlias = dict[str, Any]
#: Arguments of a call, by their keywords.
Keywords: TypeAlias = dict[str, Any]
#: What a target declares itself to be: values by the names of its declarations.
DeclaredValues: TypeAlias = Mapping[str, Any]
