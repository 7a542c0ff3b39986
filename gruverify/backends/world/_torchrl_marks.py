"""A GRU of TorchRL whose members skip steps, or start some from zeros."""

from __future__ import annotations

import torch
from tensordict import TensorDict
from torch.func import functional_call
from torchrl.modules import GRU, GRUModule, set_recurrent_mode

from gruverify.backends._autograd import Tensors


def masked(
    weights: Tensors, inputs: torch.Tensor, state: torch.Tensor | None, keep: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """GRU, whose mask is True at steps that are taken."""
    given = inputs.swapaxes(0, 1), None if state is None else state[None]
    mask = {"mask": ~keep.swapaxes(0, 1)}
    outputs, last = functional_call(_empty(weights), dict(weights), given, mask)
    return outputs.swapaxes(0, 1), last[0]


def restarted(
    weights: Tensors, inputs: torch.Tensor, state: torch.Tensor | None, restart: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """GRUModule in recurrent mode, with the default recurrent_backend."""
    return _run("pad", weights, inputs, state, restart)


def scanned(
    weights: Tensors, inputs: torch.Tensor, state: torch.Tensor | None, restart: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by a scan along time."""
    return _run("scan", weights, inputs, state, restart)


def _run(
    backend: str,
    weights: Tensors,
    inputs: torch.Tensor,
    state: torch.Tensor | None,
    restart: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where is_init is set the module starts from the state that a rollout stored with the step,
    which is 0 there.
    """
    steps = {"x": inputs.swapaxes(0, 1), "is_init": restart.swapaxes(0, 1)[..., None]}
    if state is not None:
        T, (B, H) = len(inputs), state.shape
        first = torch.where(restart[0, :, None], 0, state)
        steps["h"] = torch.cat([first[:, None, None], state.new_zeros(B, T - 1, 1, H)], 1)
    named = {f"gru.{name}": weight for name, weight in weights.items()}
    module = GRUModule(
        gru=_empty(weights),
        in_keys=["x", "h"],
        out_keys=["y", ("next", "h")],
        recurrent_backend=backend,
    )
    with set_recurrent_mode(True):
        found = functional_call(module, named, (TensorDict(steps, steps["x"].shape[:2]),))
    return found["y"].swapaxes(0, 1), found["next", "h"][:, -1, 0]


def _empty(weights: Tensors) -> GRU:
    """A layer without weights of its own: it is called with these."""
    w = weights["weight_ih_l0"]
    bias = "bias_ih_l0" in weights
    return GRU(w.shape[1], len(w) // 3, bias=bias, dtype=w.dtype, device="meta")
