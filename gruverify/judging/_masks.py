"""Steps of a record that are not the formulas' alone: states that are kept, and steps that start
from zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Ball, NDArray, blend
from gruverify.judging._order import reordered

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Masks:
    """What becomes of the states of some steps: h_t = m∘h' + (1-m)∘(the step from h'), where h' is
    h_{t-1}, or 0 where a step starts over.

    keep: the share m, (T, B, 1), or (T, B, D·H): 1 where a step is masked, the mask of zoneout, or
    the share that stands for it in evaluation; restart: the steps (T, B, 1) that start from zeros;
    zero_outputs: whether 0 is returned of a step that is masked. None: there are no such steps.
    """

    keep: Floats | None = None
    restart: Floats | None = None
    zero_outputs: bool = False

    def __bool__(self) -> bool:
        return self.keep is not None or self.restart is not None

    def of(self, direction: int, hidden_size: int, index: NDArray) -> Masks:
        """Those of a direction, in its own order of time: `index` (T, B) says which row stands
        where.
        """
        keep, restart = self.keep, self.restart
        if keep is not None and keep.shape[-1] > hidden_size:
            keep = keep[..., direction * hidden_size : (direction + 1) * hidden_size]
        if keep is not None:
            keep = reordered(keep, index)
        if restart is not None:
            restart = reordered(restart, index)
        return replace(self, keep=keep, restart=restart)

    @property
    def whole(self) -> Mask | None:
        """The steps (T, B) that keep all of the state: whatever the step computes is ignored."""
        if self.keep is None:
            return None
        return np.asarray((self.keep == 1).all(-1))

    @property
    def starts(self) -> Mask:
        """The steps (T, B) that start from zeros, or (1, 1) where none does."""
        if self.restart is None:
            return np.zeros((1, 1), bool)
        return np.asarray(self.restart[..., 0] == 1)

    def rows(self, some: slice | NDArray) -> Floats | None:
        """What some of the T·B rows keep, (rows, 1 or H)."""
        if self.keep is None:
            return None
        return self.keep.reshape(-1, self.keep.shape[-1])[some]

    def mistaken(self) -> Iterator[tuple[str, Masks]]:
        """What an implementation may do instead, in words."""
        if self.keep is not None:
            none = replace(self, keep=None, zero_outputs=False)
            yield "the mask is ignored: every step is computed, and nothing is kept", none
            yield "the mask is inverted", replace(self, keep=1 - self.keep)
        if self.whole is not None and self.whole.any():
            turned = replace(self, zero_outputs=not self.zero_outputs)
            if self.zero_outputs:
                yield "the outputs of masked steps are the state, and not 0", turned
            else:
                yield "the outputs of masked steps are 0, and not the state", turned
        if self.restart is not None:
            late = np.concatenate([np.zeros_like(self.restart[:1]), self.restart[:-1]])
            yield "no step starts from zeros: each goes on", replace(self, restart=None)
            yield "steps start from zeros one step too late", replace(self, restart=late)


#: Of a run whose steps are the formulas' alone.
NO_MASKS = Masks()


def kept(keep: Floats, before: Ball, after: Ball) -> Ball:
    """m∘h' + (1-m)∘h from the states before and after a step, (rows, H). What keeps all or nothing
    computes nothing: its bits are those of the one or the other.
    """
    m = np.broadcast_to(keep, after.mid.shape)
    mixed = blend(Ball.exact(after.mode, m), before, after)
    mid, radius = mixed.mid, mixed.radius
    for share, state in ((1, before), (0, after)):
        mid = np.where(m == share, state.mid, mid)
        radius = np.where(m == share, state.radius, radius)
    return Ball(after.mode, mid, radius)
