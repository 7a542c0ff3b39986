#!/bin/sh
# jax 0.10.2 on the CPU: under jit the gradient of a bfloat16 bias is 8 times too small for a batch of 65536.
#
# The gradient of a bias is a sum over the batch. Compiled, XLA adds it up in bfloat16, which stops at 8192 ones here:
# 8192 + 32 is 8192. The same function without jit, and jnp.sum, give 65536; so does jit where the cotangent is an
# argument and no constant. A mean over the outputs has a bias gradient of 1/32 where it is 1/4.
#
# Seen: without jit 65536 and 0.25; with jit 8192 and 0.03125.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import jax
import jax.numpy as jnp

print("jax", jax.__version__, jax.default_backend())
assert jax.__version__ == "0.10.2" and jax.default_backend() == "cpu"
inputs = jnp.ones((65536, 4), jnp.bfloat16)
bias = jnp.zeros(4, jnp.bfloat16)


def total(bias, inputs):
    return jnp.sum((inputs + bias).astype(jnp.float32))


def mean(bias, inputs):
    return jnp.mean((inputs + bias).astype(jnp.float32))


found = {}
for loss in (total, mean):
    gradient = jax.grad(loss)
    found[loss.__name__] = float(gradient(bias, inputs)[0]), float(jax.jit(gradient)(bias, inputs)[0])
    print(f"{loss.__name__:6} without jit %g, with jit %g" % found[loss.__name__])
assert found == {"total": (65536, 8192), "mean": (0.25, 0.03125)}, "the behaviour has changed"
print("as recorded")
PROGRAM
JAX_PLATFORMS=cpu TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/program.py"
