#!/bin/sh
# opacus 1.6.0: for a packed sequence in float64, DPGRU returns the last states in float32.
#
# DPGRU is made to stand in for nn.GRU. In float64 its outputs are float64 for a tensor and for a PackedSequence; the last
# states are float64 for a tensor, and float32 for a PackedSequence, rounded to it. nn.GRU with the same weights returns
# float64 for both.
#
# Seen: outputs float64, last states float32 and off by about 1e-8, where nn.GRU and DPGRU agree to 1e-15 in the outputs.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opacus==1.6.0 torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import opacus
import torch
from opacus.layers import DPGRU
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

print("opacus", opacus.__version__, "torch", torch.__version__)
assert opacus.__version__ == "1.6.0"
torch.manual_seed(0)
private = DPGRU(3, 5).double()
plain = nn.GRU(3, 5).double()
plain.load_state_dict(private.state_dict())
inputs = torch.randn(4, 2, 3, dtype=torch.float64)
packed = pack_padded_sequence(inputs, torch.tensor([2, 4]), enforce_sorted=False)

dtypes = {}
for name, given in (("tensor", inputs), ("packed", packed)):
    (outputs, last), (right, right_last) = private(given), plain(given)
    if name == "packed":
        outputs, right = outputs.data, right.data
    dtypes[name] = outputs.dtype, last.dtype
    off, off_last = (float((a - b).abs().max()) for a, b in ((outputs, right), (last, right_last)))
    print(f"{name}: outputs {outputs.dtype}, off by {off:.1g}; last states {last.dtype}, off by {off_last:.1g}")
    assert off < 1e-14 and right_last.dtype == torch.float64
    assert (off_last > 1e-10) == (name == "packed"), "the behaviour has changed"
assert dtypes == {"tensor": (torch.float64,) * 2, "packed": (torch.float64, torch.float32)}, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
