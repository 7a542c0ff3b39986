#!/bin/sh
# torch 2.13.0: remove_parametrizations on a deepcopy of a parametrized GRU takes the weight from the original too.
#
# A parametrized module has a class of its own, which a copy.deepcopy shares. remove_parametrizations deletes the weight's
# property from that class: the copy works on, and the original, which nobody touched, has lost its attribute and cannot
# run. The same happens to nn.GRU.
#
# Seen: before: the original runs. After: AttributeError, no attribute 'weight_hh'.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import copy

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

print("torch", torch.__version__)
assert torch.__version__.split("+")[0] == "2.13.0"
torch.manual_seed(0)

for original, weight, given in (
    (nn.GRUCell(3, 5), "weight_hh", (torch.randn(2, 3),)),
    (nn.GRU(3, 5), "weight_hh_l0", (torch.randn(4, 2, 3),)),
):
    parametrizations.weight_norm(original, weight)
    twin = copy.deepcopy(original)
    original(*given)
    parametrize.remove_parametrizations(twin, weight)
    twin(*given)
    try:
        getattr(original, weight)
    except AttributeError as lost:
        print(f"the original's {weight}: {lost}")
    else:
        raise SystemExit("the behaviour has changed: the original has its weight")
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
