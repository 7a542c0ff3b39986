"""A case put to a backend: what the backend returned, and what the mathematics allows. Each is
found out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic import NDArray, Rounding
from gruverify.backends import Backend, Declarations, rounding_in
from gruverify.cell import Case
from gruverify.invariants.core._exact import Exact
from gruverify.invariants.core._observed import Observed

#: From a case to one that stands in a known relation to it, or that meets a condition by
#: construction.
Change: TypeAlias = Callable[[Case], Case]


class Trial:
    """A case, a backend, and both sides of every comparison between them."""

    def __init__(
        self,
        case: Case,
        backend: Backend,
        like: Exact | None = None,
        mode: Rounding | None = None,
        declared: Declarations | None = None,
    ) -> None:
        """`like` is as in Exact; `mode` is the backend's rounding in the case's format, and
        `declared` what it declares, if they are known already.
        """
        self.case = case
        self.backend = backend
        self.observed = Observed(case, backend, declared)
        known = mode or rounding_in(case.format, self.declared)
        self.exact = Exact(case, known, like, self.declared.state_gradient, self.declared.functions)
        self._changed: dict[Change, Trial] = {}
        #: The changes that leave the case as it is. Kept among the others, the trial would hold
        #: itself, and with it all that it found, until garbage is collected.
        self._without_effect = set[Change]()
        self._twin: Trial | None = None
        #: What invariants found of the case and others need again.
        self.shared: dict[Any, Any] = {}

    @property
    def declared(self) -> Declarations:
        """What the backend declares itself to be."""
        return self.observed.declared

    def on(self, change: Change) -> Trial:
        """The trial of the changed case, put to the same backend; invariants that make the same
        change share it.

        A condition that an invariant needs is brought about so, from whatever case was drawn: none
        is ever rejected.
        """
        if change in self._without_effect:
            return self
        if change not in self._changed:
            if self._twin is None:
                twin = None
            else:
                # The twin's case is the same object, and so is what the mathematics allows for it.
                twin = self._twin.on(change)
            case = change(self.case) if twin is None else twin.case
            if case is self.case:
                self._without_effect.add(change)
                return self
            self._changed[change] = self._other(case, twin)
        return self._changed[change]

    def derived(self) -> Iterator[tuple[Change, Trial]]:
        """The changes that were made to the case so far, and the trials of the cases they made."""
        yield from self._changed.items()

    def forget_changes(self) -> None:
        """Let go of the trials of changed cases. Where weights are large, each takes much
        memory.
        """
        if self._twin is not None:
            self._twin.forget_changes()
        self._changed.clear()

    def forget(self) -> None:
        """Let go of all that was found of the case but of the first answers to it."""
        self.forget_changes()
        self.observed.forget_further_answers()
        self.shared.clear()
        if self._twin is None:
            self.exact = self.exact.anew()
        else:
            self._twin.forget()
            self.exact = self._twin.exact

    def _other(self, case: Case, twin: Trial | None) -> Trial:
        if case.format is self.case.format:
            mode = self.exact.mode
        else:
            mode = None
        if twin is not None:
            return twin.with_backend(self.backend, self.declared)
        return Trial(case, self.backend, self.exact, mode, self.declared)

    @property
    def declared_slack(self) -> NDArray:
        """What the next state (B, H) may miss where σ and tanh have values that the format holds.

        Nothing, unless the backend declares that it is less accurate than every library, or that
        what is below the smallest normal number may be 0.
        """
        mode, radius = self.exact.mode, self.exact.next_state.radius
        if not mode.holds_exact_values:
            return radius
        if mode.subnormals:
            return np.zeros(radius.shape)
        # A flushed number is off by less than the smallest normal one, whatever else rounds.
        return np.minimum(radius, mode.format.min_normal)

    def with_backend(self, backend: Backend, declared: Declarations | None = None) -> Trial:
        """The same case put to another backend; what the mathematics allows is found out once, if
        both declare the same accuracy. declared: what it declares, if that is known already.
        """
        other = Trial(self.case, backend, declared=declared)
        mine, theirs = self.exact, other.exact
        if (theirs.mode, theirs.functions) == (mine.mode, mine.functions):
            other.exact, other._twin, other.shared = self.exact, self, self.shared
        return other

    def asked_again(self) -> Trial:
        """The same case on the same backend again: only what that returns is found out anew."""
        return self.with_backend(self.backend, self.declared)
