"""GRUs of other libraries and runtimes, by name; each is imported once it is asked for."""

from __future__ import annotations

from gruverify.backends._target import Target
from gruverify.backends.world._frameworks import FRAMEWORKS
from gruverify.backends.world._jax_targets import JAX_TARGETS
from gruverify.backends.world._onnx_runtimes import RUNTIMES

#: What they were verified with is what is installed for them.
WORLD: tuple[Target, ...] = (*JAX_TARGETS, *FRAMEWORKS, *RUNTIMES)
