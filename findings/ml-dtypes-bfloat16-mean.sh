#!/bin/sh
# ml_dtypes 0.6.0, numpy 2.4.6: the mean of 65,536 ones in bfloat16 is 0.0039.
#
# NumPy sums its own formats in pairs, so that the error stays small, and means of float16 in float32. Of the bfloat16 that
# ml_dtypes brings, and of its float8 types, it sums one after the other, each sum rounded: at 256 another 1 changes
# nothing. A loss, or the gradient of a bias, over a batch of more than 256 is wrong by any factor, without a warning.
#
# Seen: sum 256 and mean 0.00390625 of 65,536 ones in bfloat16; 65536 and 1 in float32; the mean in float16 is 1.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ml_dtypes==0.6.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import ml_dtypes
import numpy as np

print("ml_dtypes", ml_dtypes.__version__, "numpy", np.__version__)
assert (ml_dtypes.__version__, np.__version__) == ("0.6.0", "2.4.6")
found = {}
for kind in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.float16, np.float32):
    ones = np.ones(65536, kind)
    with np.errstate(over="ignore"):
        found[kind.__name__] = float(ones.sum()), float(ones.mean())
    print(f"{kind.__name__:14} sum %g, mean %g" % found[kind.__name__])
assert found["bfloat16"] == (256, 0.00390625) and found["float8_e4m3fn"][0] == 16, "the behaviour has changed"
assert found["float16"][1] == 1 and found["float32"] == (65536, 1)
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
