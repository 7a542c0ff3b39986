#!/bin/sh
# torch 2.13.0: a scripted module that holds nn.GRU answers with weights that it no longer has.
#
# torch.jit.script copies nn.GRU's flat list of weights, and the scripted forward reads that list alone. After
# load_state_dict(assign=True) the scripted module has the new weights in its state_dict and answers with the old ones.
# Scripted after torch.func.functional_call it answers with the weights of that call, which it never had itself.
# An eager nn.GRU with the same state_dict, and a scripted nn.GRUCell, answer with the weights that they show.
#
# Seen: eager 0, scripted cell 0, scripted GRU after assign > 0.01, scripted GRU after functional_call > 0.01.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import torch
from torch import nn
from torch.func import functional_call

print("torch", torch.__version__)
assert torch.__version__.split("+")[0] == "2.13.0"
torch.manual_seed(0)
xs, h0 = torch.randn(4, 2, 3), torch.randn(1, 2, 5)


class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 5)

    def forward(self, xs: torch.Tensor, h0: torch.Tensor):
        return self.gru(xs, h0)[0]


def others(module):
    return {name: torch.randn_like(p) for name, p in module.named_parameters()}


def off(module, *given):
    """How far a module's answer is from that of an eager one with the same state_dict."""
    eager = (Holder if len(given[1].shape) == 3 else lambda: nn.GRUCell(3, 5))()
    eager.load_state_dict(module.state_dict())
    return (module(*given) - eager(*given)).abs().max().item()


eager = Holder()
eager(xs, h0)
eager.load_state_dict(others(eager), assign=True)

cell = torch.jit.script(nn.GRUCell(3, 5))
cell.load_state_dict(others(cell), assign=True)

assigned = torch.jit.script(Holder())
assigned.load_state_dict(others(assigned), assign=True)

called = Holder()
functional_call(called, others(called), (xs, h0))
called = torch.jit.script(called)

found = {
    "eager GRU, assign=True": off(eager, xs, h0),
    "scripted cell, assign=True": off(cell, xs[0], h0[0]),
    "scripted GRU, assign=True": off(assigned, xs, h0),
    "scripted GRU after functional_call": off(called, xs, h0),
}
for what, error in found.items():
    print(f"{what:36} {error:.3g}")
right, wrong = list(found.values())[:2], list(found.values())[2:]
assert max(right) == 0 and min(wrong) > 0.01, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
