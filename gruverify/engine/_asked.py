"""Which invariants a run puts to a backend, and why not the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gruverify.arithmetic import Format
from gruverify.backends import (
    Backend,
    Declarations,
    Sizes,
    declarations_of,
    declared_variants,
)
from gruverify.cell import Variant
from gruverify.engine._judge import applicable
from gruverify.engine._selection import Selection
from gruverify.engine._sizes import is_long_alone
from gruverify.engine._tally import Tally
from gruverify.invariants import INVARIANTS, Invariant, why_not_shown

_OF_STEPS = ("step", "step_jacobian", "step_vjp")


def selected_invariants(chosen: Selection) -> list[Invariant]:
    """The invariants that the selection is about."""
    return [invariant for invariant in INVARIANTS.values() if chosen.wants(invariant.id)]


@dataclass(frozen=True)
class Claims:
    """What a backend declares, read once: it is the same for every invariant."""

    declared: Declarations
    variants: tuple[Variant, ...]


def claims_of(backend: Backend) -> Claims:
    """What the backend declares."""
    return Claims(declarations_of(backend), declared_variants(backend))


def why_not(
    invariant: Invariant,
    backend: Backend,
    fmt: Format,
    profile: str,
    chosen: Selection,
    claims: Claims,
) -> Tally | None:
    """The tally of an invariant that is not asked, which says why; None if it is."""
    # First, so that what the user said is the reason shown, whatever else there may be.
    if entry := chosen.skips_it(invariant.id, fmt.name):
        return Tally(mark="skip", reason=entry.reason or entry.place)
    why = applicable(invariant, backend, claims.declared)
    if not why and invariant.deep and profile != "deep":
        why = "only the deep profile checks it"
    if not why and not any(invariant.applies(variant) for variant in claims.variants):
        why = "the backend claims no variant that it speaks of"
    if why:
        return Tally(reason=why)
    return None


def asked_at(
    sizes: Sizes, invariants: Iterable[Invariant], declared: Declarations
) -> list[Invariant]:
    """Those of the invariants that the survey of sizes asks of a case of these sizes, by letter."""
    asked = [invariant for invariant in invariants if sizes["T"] in invariant.lengths]
    if is_long_alone(sizes):
        asked = [invariant for invariant in asked if not _is_of_one_step(invariant)]
    if why_not_shown(declared, sizes["I"]):
        return asked
    # Where each gate's cotangent is shown, that says more than the whole gradient, in less time.
    return [invariant for invariant in asked if invariant.id != "agreement/long-gradient"]


def _is_of_one_step(invariant: Invariant) -> bool:
    return bool(invariant.needs) and all(method in _OF_STEPS for method in invariant.needs)


def outlook(
    backend: Backend, formats: Sequence[Format], profile: str, chosen: Selection
) -> dict[str, dict[str, Tally]]:
    """What a run would ask: invariant, then format, to an empty tally, which has the status and
    reason of what is not checked and the mark of what is expected to fail.
    """
    found, claims = dict[str, dict[str, Tally]](), claims_of(backend)
    for invariant in selected_invariants(chosen):
        found[invariant.id] = {
            fmt.name: _prospect(invariant, backend, fmt, profile, chosen, claims) for fmt in formats
        }
    return found


def _prospect(
    invariant: Invariant,
    backend: Backend,
    fmt: Format,
    profile: str,
    chosen: Selection,
    claims: Claims,
) -> Tally:
    not_asked = why_not(invariant, backend, fmt, profile, chosen, claims)
    expected = chosen.xfails_it(invariant.id, fmt.name)
    return not_asked or (
        Tally(mark="xfail", reason=expected.reason or expected.place) if expected else Tally()
    )
