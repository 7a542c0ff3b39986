"""Reproducers as they are shown: whole where the case is small, else where the case can be had."""

from __future__ import annotations

from pathlib import Path

from gruverify.engine import Witness

#: A longer reproducer is not for reading: a case of 30 units and 30 inputs has some 100,000
#: characters.
LONGEST = 4000


def is_shown(witness: Witness) -> bool:
    """Whether the reproducer is short enough to be printed."""
    # A number takes three characters at least, and millions of them minutes to spell.
    return 3 * _numbers(witness) <= LONGEST and len(witness.snippet) <= LONGEST


def size_of(witness: Witness) -> str:
    """The size of a case that is too large to be printed, in words."""
    sizes = ", ".join(f"{letter}={size}" for letter, size in witness.case.sizes.items())
    return f"{sizes}: {_numbers(witness):,} numbers"


def _numbers(witness: Witness) -> int:
    """How many numbers its case has."""
    return sum(array.size for array in witness.case.arrays().values())


def reproducer(witness: Witness, file: Path) -> str:
    """Python that raises the failure: with the case in it or, of a large one, from the witness's
    file.
    """
    if is_shown(witness):
        return witness.snippet
    return (
        f"# Too large to print ({size_of(witness)}): the file holds it.\n"
        "from pathlib import Path\n"
        "from gruverify.engine import assert_holds, load_witness\n\n"
        f"witness = load_witness(Path({str(file)!r}))\n"
        "assert_holds(witness.invariant, witness.target, witness.case)\n"
    )


def read_from_result(witness: Witness, number: int) -> str:
    """Python that raises the failure of the witness of that number in the result.json of a
    report.
    """
    return (
        f"# Too large to print ({size_of(witness)}). The report's result.json holds it;\n"
        "# `gruverify check` saves it as a file, too, which `gruverify replay FILE` runs again.\n"
        "import json\n"
        "from pathlib import Path\n"
        "from gruverify.engine import assert_holds, decode_witness\n\n"
        "witness = "
        f'decode_witness(json.loads(Path("result.json").read_text())["witnesses"][{number}])\n'
        "assert_holds(witness.invariant, witness.target, witness.case)\n"
    )
