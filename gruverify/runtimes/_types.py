"""In which types a file stores its GRUs, beside everything else: whether a "quantised" or "float16"
model really is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gruverify.arithmetic import Format
from gruverify.models import OnnxFile

_NARROW = ("int8", "uint8", "int4", "uint4", "float8")
_HALVES = ("float16", "bfloat16")


def about_types(found: OnnxFile) -> Iterator[str]:
    """What is worth knowing, a line each."""
    yield from _stored(found)
    own = frozenset[str]().union(*(node.stored for node in found.nodes))
    for kinds, called in ((_NARROW, "quantised"), (_HALVES, "of half precision")):
        there = [kind for kind in kinds if kind in found.stored]
        # Quantisers leave GRUs as they are without a word: the file is smaller, and its GRUs are
        # not.
        if there and own and not own & set(kinds):
            yield (
                f"parts of the file are {called} ({', '.join(there)}); its GRUs are not: their "
                f"weights are {', '.join(sorted(own))}"
            )


def about_whole(stored: Mapping[str, int], named: Format) -> Iterator[str]:
    """The same of a model that is judged as a whole, against weights in a format."""
    for kinds, called in ((_NARROW, "quantised"), (_HALVES, "of half precision")):
        there = [kind for kind in kinds if kind in stored and kind != named.name]
        if there:
            yield (
                f"parts of the file are {called} ({', '.join(there)}), and the weights that it is "
                f"held against are {named.name}"
            )


def _stored(found: OnnxFile) -> Iterator[str]:
    for node in found.nodes:
        if node.gru is None:
            continue
        computed = node.gru.stack.format.name
        if node.stored - {computed}:
            kinds = ", ".join(sorted(node.stored - {computed}))
            yield f"{node.name}: weights are stored in {kinds}, and it computes in {computed}"
