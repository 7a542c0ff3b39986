#!/bin/sh
# numpy 2.4.6: assert_array_almost_equal_nulp does not take inf for equal to inf.
#
# It compares numbers up to a number of units in the last place. For two infinities, or arrays that are the same and hold
# one, it fails, with "Arrays are not equal to 1 ULP (max is 0)": its own message says that they are 0 apart. The
# difference inf - inf is NaN, which is not below the limit. assert_array_max_ulp, beside it, and assert_allclose take the
# same arrays for equal; and assert_array_max_ulp takes inf for 1 unit from the largest float16, an overflow for a
# rounding.
#
# Seen: the first fails with that message, the others pass.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import numpy as np
from numpy import testing

print("numpy", np.__version__)
assert np.__version__ == "2.4.6"


def outcome(check, *given, **options):
    try:
        check(*given, **options)
    except AssertionError as failed:
        return " ".join(str(failed).split())
    return "passes"


array = np.array([0.25, np.inf], np.float32)
largest = np.finfo(np.float16).max
found = {
    "nulp": outcome(testing.assert_array_almost_equal_nulp, array, array.copy()),
    "max_ulp": outcome(testing.assert_array_max_ulp, array, array.copy(), maxulp=1),
    "allclose": outcome(testing.assert_allclose, array, array.copy()),
    "overflow": outcome(testing.assert_array_max_ulp, np.float16(np.inf), largest, maxulp=1),
}
for name, told in found.items():
    print(f"{name}: {told}")
assert found == {
    "nulp": "Arrays are not equal to 1 ULP (max is 0)",
    "max_ulp": "passes",
    "allclose": "passes",
    "overflow": "passes",
}, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
