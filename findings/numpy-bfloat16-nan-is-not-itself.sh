#!/bin/sh
# numpy 2.4.6, ml_dtypes 0.6.0: assert_array_equal of a bfloat16 array with a NaN fails on the array itself.
#
# assert_array_equal, assert_equal and assert_array_almost_equal say that a NaN is equal to a NaN in the same place, and keep
# to it for float16, float32 and float64. For the bfloat16 of ml_dtypes they do not; assert_allclose does. A test of
# NaN that passes in three formats fails in the fourth, though nothing is wrong.
#
# Seen: bfloat16 fails in assert_array_equal and assert_array_almost_equal and passes in assert_allclose; the others pass.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ml_dtypes==0.6.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import ml_dtypes
import numpy as np
from numpy import testing

print("numpy", np.__version__, "ml_dtypes", ml_dtypes.__version__)
assert (np.__version__, ml_dtypes.__version__) == ("2.4.6", "0.6.0")
checks = testing.assert_array_equal, testing.assert_array_almost_equal, testing.assert_allclose
found = {}
for kind in (ml_dtypes.bfloat16, np.float16, np.float32):
    array, passed = np.array([1, np.nan], kind), []
    for check in checks:
        try:
            check(array, array.copy())
        except AssertionError:
            passed.append(False)
        else:
            passed.append(True)
    found[kind.__name__] = passed
    print(f"{kind.__name__:9}", *(f"{c.__name__}: {p}" for c, p in zip(checks, passed)))
assert found == {
    "bfloat16": [False, False, True],
    "float16": [True] * 3,
    "float32": [True] * 3,
}, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
