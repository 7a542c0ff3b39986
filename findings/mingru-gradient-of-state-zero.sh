#!/bin/sh
# minGRU-pytorch 0.2.1: the gradient of an initial state that is 0 is NaN, and a negative one makes the whole run NaN.
#
# Over several steps minGRU computes in logarithms, the initial state's too: log(0) is minus infinity, whose values are
# right and whose gradient is NaN. One step at a time it computes plainly: there 0 and negative states have the values and
# gradients that they should have. So the two ways to run it, which are meant to be the same, differ.
#
# Seen: from 0 over four steps the values agree and the gradient is NaN where it is finite step by step; from -0.5 the
# values are NaN, too.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet minGRU-pytorch==0.2.1 torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
from importlib.metadata import version

import torch
from minGRU_pytorch.minGRU import minGRU

print("minGRU-pytorch", version("minGRU-pytorch"), "torch", torch.__version__)
assert version("minGRU-pytorch") == "0.2.1"
torch.manual_seed(0)
gru, inputs = minGRU(3), torch.randn(1, 4, 3)


def at_once(h):
    return gru(inputs, h)


def step_by_step(h):
    outputs = []
    for t in range(inputs.shape[1]):
        output, h = gru(inputs[:, t : t + 1], h, return_next_prev_hidden=True)
        outputs.append(output)
    return torch.cat(outputs, 1)


def nan(tensor):
    return bool(tensor.isnan().any())


found = {}
for start in (0.5, 0.0, -0.5):
    seen = []
    for run in (at_once, step_by_step):
        h = torch.full((1, 1, 3), start, requires_grad=True)
        outputs = run(h)
        seen += [nan(outputs), nan(torch.autograd.grad(outputs.sum(), h)[0])]
    found[start] = seen
    print(f"from {start:4}: at once NaN values {seen[0]}, NaN gradient {seen[1]}; step by step {seen[2]}, {seen[3]}")
expected = {0.5: [False] * 4, 0.0: [False, True, False, False], -0.5: [True, True, False, False]}
assert found == expected, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
