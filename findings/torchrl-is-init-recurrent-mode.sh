#!/bin/sh
# torchrl 0.14.1: where is_init is set, GRUModule starts from zeros step by step, and from the stored state in recurrent mode.
#
# is_init marks a first step. Called with one step, the module sets the state to 0 there. Called with several, in recurrent
# mode, it takes the state that is stored with the step, by "pad" (the default) and by "scan": meant for slices of a replay
# buffer, which go on in mid-episode. The documentation of GRUModule says nothing of either. So a policy whose stored
# first states are not 0, as those of TensorDictPrimer(random=True), acts by one function and is trained as another.
#
# Seen, of one step with is_init and a stored state of 1/2: step by step the outputs of a state of 0, in recurrent mode
# others, in both backends alike. With a stored state of 0 all agree.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchrl==0.14.1 torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
from importlib.metadata import version

import torch
from tensordict import TensorDict
from torchrl.modules import GRUModule, set_recurrent_mode

print("torchrl", version("torchrl"), "torch", torch.__version__)
assert version("torchrl") == "0.14.1"
torch.manual_seed(0)
names = {"in_keys": ["x", "h"], "out_keys": ["y", ("next", "h")]}
modules = {
    "pad": GRUModule(2, 3, **names),
    "scan": GRUModule(2, 3, recurrent_backend="scan", **names),
}
modules["scan"].load_state_dict(modules["pad"].state_dict())
given = {"x": torch.ones(1, 1, 2), "h": torch.full((1, 1, 1, 3), 0.5), "is_init": torch.ones(1, 1, 1, dtype=bool)}
steps = TensorDict(given, [1, 1])
zeros = steps.clone().set("h", torch.zeros(1, 1, 1, 3))


def step(module, given):
    return module(given[:, 0].clone())["y"].detach().flatten()


def run(module, given):
    with set_recurrent_mode(True):
        return module(given.clone())["y"].detach().flatten()


expected = step(modules["pad"], zeros)
for name, module in modules.items():
    one, several = step(module, steps), run(module, steps)
    shown = [found.numpy().round(4) for found in (one, several, expected)]
    print("{}: a step {}, in recurrent mode {}, of a state of 0 {}".format(name, *shown))
    assert torch.allclose(one, expected), "the behaviour has changed"
    assert torch.allclose(run(module, zeros), expected)
    assert not torch.allclose(several, expected), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
