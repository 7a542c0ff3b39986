#!/bin/sh
# ml_dtypes 0.6.0, torch 2.13.0: float64 to bfloat16 rounds twice, and so to the wrong neighbour.
#
# Between 1 and the next bfloat16, 1 + 2^-7, lies the middle 1 + 2^-8. A float64 just above the middle is nearer to the
# upper one. Both convert through float32, where the number becomes the middle itself, and that goes to the even one, 1. The
# same happens to float16 in PyTorch; NumPy's own conversion to float16 is right. A float64 label or reference that is
# rounded this way is off by one unit from the correctly rounded one.
#
# Seen: 1 where 1.0078125 is nearest (bfloat16), 1 where 1.0009765625 is (float16, PyTorch).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ml_dtypes==0.6.0 torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
from fractions import Fraction

import ml_dtypes
import numpy as np
import torch

print("ml_dtypes", ml_dtypes.__version__, "torch", torch.__version__, "numpy", np.__version__)
assert ml_dtypes.__version__ == "0.6.0" and torch.__version__.split("+")[0] == "2.13.0"
tiny = 2.0**-40
low, high = 1 + 2.0**-8 + tiny, 1 + 2.0**-11 + tiny
found = {
    "bfloat16, ml_dtypes": (low, float(np.array(low).astype(ml_dtypes.bfloat16)), 1 + 2.0**-7),
    "bfloat16, torch": (low, torch.tensor(low, dtype=torch.float64).to(torch.bfloat16).item(), 1 + 2.0**-7),
    "float16, torch": (high, torch.tensor(high, dtype=torch.float64).to(torch.float16).item(), 1 + 2.0**-10),
    "float16, numpy": (high, float(np.array(high).astype(np.float16)), 1 + 2.0**-10),
}
for name, (number, rounded, nearest) in found.items():
    print(f"{name}: {number!r} becomes {rounded!r}; {nearest!r} is nearer")
    assert abs(Fraction(nearest) - Fraction(number)) < abs(1 - Fraction(number))
    assert rounded == (nearest if "numpy" in name else 1), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
