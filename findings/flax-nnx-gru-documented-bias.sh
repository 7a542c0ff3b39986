#!/bin/sh
# flax 0.12.8: nnx.GRUCell has not the bias b_hn that its documentation writes.
#
# The docstring's candidate is tanh(W_in x + b_in + r * (W_hn h + b_hn)), that of flax.linen.GRUCell, which has it. The layer
# of the recurrent weights in nnx.GRUCell has no bias at all. Weights of linen or of PyTorch with such a bias have no place in
# it: r * b_hn cannot be folded into b_in.
#
# Seen: the docstring names b_hn; the cell's parameters are dense_i.kernel, dense_i.bias and dense_h.kernel; linen's cell has
# hn.bias.
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

print("flax", flax.__version__)
assert flax.__version__ == "0.12.8"
cell = nnx.GRUCell(3, 5, rngs=nnx.Rngs(0))
names = {".".join(map(str, path)) for path, _ in nnx.to_flat_state(nnx.state(cell, nnx.Param))}
written = "b_{hn}" in nnx.GRUCell.__doc__
print("the documentation writes b_{hn}:", written)
print("nnx has", sorted(names))
old = linen.GRUCell(5).init(jax.random.key(0), jnp.zeros((2, 5)), jnp.zeros((2, 3)))["params"]
print("linen has", sorted(f"{layer}.{part}" for layer, parts in old.items() for part in parts))
assert written and names == {"dense_i.kernel", "dense_i.bias", "dense_h.kernel"}, "the behaviour has changed"
assert "bias" in old["hn"]
print("as recorded")
PROGRAM
JAX_PLATFORMS=cpu "$folder/venv/bin/python" -W ignore "$folder/program.py"
