#!/bin/sh
# torch 2.13.0: a copy.deepcopy of a scripted GRU sends its gradients to the original.
#
# The copy's parameters are clones that are still in the graph of the original's: after a backward pass through the copy
# alone, the original's parameters have a .grad and the copy's have none, for nn.GRUCell and for a module that holds
# nn.GRU. A deepcopy of the eager module has gradients of its own.
#
# Seen: eager: copy 4, original 0. Scripted: copy 0, original 4.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import copy

import torch
from torch import nn

print("torch", torch.__version__)
assert torch.__version__.split("+")[0] == "2.13.0"
torch.manual_seed(0)


class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 5)

    def forward(self, xs: torch.Tensor, h0: torch.Tensor):
        return self.gru(xs, h0)[0]


def with_gradients(module):
    return sum(p.grad is not None for p in module.parameters())


def trained(module, *given):
    """How many parameters of a copy, and of the original, have a gradient after a backward pass through the copy."""
    twin = copy.deepcopy(module)
    twin(*given).sum().backward()
    return with_gradients(twin), with_gradients(module)


for name, module, given in (
    ("nn.GRUCell", nn.GRUCell(3, 5), (torch.randn(2, 3), torch.randn(2, 5))),
    ("nn.GRU", Holder(), (torch.randn(4, 2, 3), torch.randn(1, 2, 5))),
):
    eager, scripted = trained(module, *given), trained(torch.jit.script(module), *given)
    print(f"{name:10} eager: copy {eager[0]}, original {eager[1]}. scripted: copy {scripted[0]}, original {scripted[1]}.")
    assert eager == (4, 0) and scripted == (0, 4), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
