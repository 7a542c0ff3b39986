#!/bin/sh
# opacus 1.6.0: pruning a weight of DPGRU has no effect: it goes on with the whole one.
#
# DPGRU shows its weights by nn.GRU's names, and computes with parameters of the cells inside it, which those names stand
# for. torch.nn.utils.prune puts the masked weight at the name: the layer shows it, and its outputs stay those of the weight
# without the mask. nn.GRU computes with what it shows.
#
# Seen: with every recurrent weight pruned the attribute is all zeros; nn.GRU's outputs change, those of DPGRU do not, bit by bit.
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
from torch.nn.utils import prune

print("opacus", opacus.__version__, "torch", torch.__version__)
assert opacus.__version__ == "1.6.0"
torch.manual_seed(0)
inputs = torch.randn(4, 2, 3)
weights = nn.GRU(3, 5).state_dict()
moved = {}
for kind in (nn.GRU, DPGRU):
    layer = kind(3, 5)
    layer.load_state_dict(weights)
    before = layer(inputs)[0]
    prune.random_unstructured(layer, "weight_hh_l0", amount=1.0)
    assert not layer.weight_hh_l0.any()
    moved[kind.__name__] = float((layer(inputs)[0] - before).abs().max())
    print(f"{kind.__name__}: all recurrent weights are shown as 0; outputs move by {moved[kind.__name__]:.3g}")
assert moved["GRU"] > 0.01 and moved["DPGRU"] == 0, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
