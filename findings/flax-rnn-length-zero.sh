#!/bin/sh
# flax 0.12.8, jax 0.10.2: a member of length 0 ends in its state after all the padding.
#
# RNN takes the last state of each member from the states after every step, at seq_lengths - 1. For a length of 0 that
# is -1, the last of them: the state after all steps that were said to be padding. flax.linen.RNN and flax.nnx.RNN do
# the same. Nothing was read of that member, so its last state should be the initial one, as for every other length the
# state does not depend on what stands behind it.
#
# Seen: linen and nnx, off the initial state by more than 0.1, and by another number for other padding; a member of
# length 1 in the same batch does not depend on it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flax==0.12.8 jax==0.10.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import flax
import jax
import jax.numpy as jnp
from flax import linen, nnx

print("flax", flax.__version__, "jax", jax.__version__)
assert (flax.__version__, jax.__version__) == ("0.12.8", "0.10.2")
xs = jax.random.normal(jax.random.key(0), (2, 3, 4))  # two members, three steps
h0 = jax.random.normal(jax.random.key(1), (2, 5))
lengths = jnp.array([0, 1])
other = xs.at[:, 1:].set(7.0).at[0, 0].set(7.0)  # other padding

old = linen.RNN(linen.GRUCell(5), return_carry=True)
variables = old.init(jax.random.key(2), xs)
new = nnx.RNN(nnx.GRUCell(4, 5, rngs=nnx.Rngs(0)), return_carry=True, rngs=nnx.Rngs(0))
runs = {
    "linen": lambda x: old.apply(variables, x, initial_carry=h0, seq_lengths=lengths)[0],
    "nnx": lambda x: new(x, initial_carry=h0, seq_lengths=lengths)[0],
}
for name, run in runs.items():
    last, with_other = run(xs), run(other)
    off = float(jnp.abs(last[0] - h0[0]).max())
    moved = [float(jnp.abs(last[member] - with_other[member]).max()) for member in (0, 1)]
    print(f"{name:6} length 0: off the initial state by {off:.3g}; other padding moves it by {moved[0]:.3g}")
    print(f"{name:6} length 1: other padding moves it by {moved[1]:.3g}")
    assert off > 0.1 and moved[0] > 0.1 and moved[1] == 0, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
