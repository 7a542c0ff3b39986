"""What the bounds still tell at the sizes people use: margins of wrong GRUs, tightness for right
ones, time.

    python tests/campaigns/sizes.py --json reports/sizes.json

puts PyTorch's nn.GRU, and GRUs that are wrong in one way, to `agreement/each-step` and
`agreement/each-cotangent`, at weights as PyTorch initialises them. It prints a table for each
question and, below it, each figure beside its goal; and exits with 1 where a goal is missed.
`--only outputs` asks one question.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gruverify import Case, Cell, Format, Variant
from gruverify.arithmetic import FORMATS, Ball, bfloat16, float16, float32, float64
from gruverify.backends import Backend, resolve, rounding_of
from gruverify.backends._torch import formulas_of
from gruverify.cell import Parameters, unpack
from gruverify.engine._measured import Probe, measured
from gruverify.faults._pulling import BackwardLines, Chain, Pulling
from gruverify.formulas import activations, next_state, pullback, step
from gruverify.invariants import INVARIANTS, Trial
from gruverify.invariants.agreement._each_cotangent import _Allowed
from gruverify.invariants.core._local import Local
from gruverify.invariants.core._shown import shown_cotangents

AFTER = Variant()
HALVES = (bfloat16, float16)
#: Members of a batch that are held step by step: a step is told to be wrong by its worst entry.
MEMBERS = 8


# -- cells as PyTorch initialises them -------------------------------------------------------------


def case_of(fmt: Format, H: int, T: int, B: int = 1, seed: int = 0) -> Case:
    """Weights and biases U(±1/√H), I = H, inputs and cotangents N(0, 1), the state U(-1, 1)."""
    rng = np.random.default_rng([seed, fmt.precision, H, T])

    def uniform(*shape: int, by: float) -> Any:
        return fmt.cast(rng.uniform(-by, by, shape))

    reach = H**-0.5
    packed = {
        "weight_ih": (3 * H, H),
        "weight_hh": (3 * H, H),
        "bias_ih": (3 * H,),
        "bias_hh": (3 * H,),
    }
    cell = Cell(AFTER, **{name: uniform(*shape, by=reach) for name, shape in packed.items()})
    inputs, d_outputs = (fmt.cast(rng.normal(size=(T, B, H))) for _ in range(2))
    return Case(cell, inputs, uniform(B, H, by=1.0), d_outputs, fmt.cast(rng.normal(size=(B, H))))


# -- wrong forwards --------------------------------------------------------------------------------


def other_side(v: Variant, p: Parameters, x: Any, h: Any) -> Any:
    """Resets before the product."""
    return step(replace(v, reset="before"), p, x, h)


def bias_outside(v: Variant, p: Parameters, x: Any, h: Any) -> Any:
    """b_hc is added beside the reset product and not inside."""
    return step(v, replace(p, b_xc=p.b_xc + p.b_hc, b_hc=0 * p.b_hc), x, h)


def late(v: Variant, p: Parameters, x: Any, h: Any) -> Any:
    """b_hc is forgotten."""
    return step(v, replace(p, b_hc=0 * p.b_hc), x, h)


class Stepping:
    """A sequence by a step over tensors in the format, another one in the last `wrong` steps; all
    of them if 0.
    """

    name, variants = "stepping", (AFTER,)

    def __init__(self, wrong_step: Callable[..., Any], wrong: int = 0) -> None:
        self._right, self._wrong, self._count = formulas_of(step), formulas_of(wrong_step), wrong

    def sequence(self, cell: Cell, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Outputs (T, B, H) and last state (B, H)."""
        right = len(inputs) - self._count if self._count else 0
        outputs = np.empty((*inputs.shape[:2], cell.hidden_size), inputs.dtype)
        h = np.zeros_like(outputs[0]) if state is None else state
        for t, x in enumerate(inputs):
            h = outputs[t] = (self._right if t < right else self._wrong).step(cell, x, h)
        return outputs, h.copy()


def margins_by_step(case: Case, backend: Backend) -> Any:
    """The largest error over radius of each step, (T,), of `agreement/each-step`."""
    trial = Trial(case, backend)
    outputs = trial.observed.sequence[0]
    allowed = Local(trial, outputs).states
    error = np.abs(outputs.astype(np.float64) - allowed.mid)
    return (error / allowed.radius).max(axis=(1, 2))


# -- wrong backwards -------------------------------------------------------------------------------


def _reset_of_the_other_side(v: Variant, p: Parameters, a: Any, g: Any) -> Any:
    """α_r by the formula of a reset before the product."""

    def reset(a: Any) -> Any:
        α_c = g * BackwardLines().candidate(a)
        through = (α_c @ p.W_hc) * a.h * a.r * (1 - a.r)
        return through / np.where(α_c == 0, 1, α_c)

    return BackwardLines(reset=reset)(v, p, a, g)


def _without(name: str, by: float) -> Callable[..., Any]:
    """The pullback with a weight scaled on the way back alone."""
    return lambda v, p, a, g: pullback(
        v, replace(p, **{name: (by * getattr(p, name)).astype(g.dtype)}), a, g
    )


def _no_bias(v: Variant, p: Parameters, a: Any, g: Any) -> Any:
    """∂h/∂a_r with W_hc h' for W_hc h' + b_hc."""
    return BackwardLines(reset=lambda a: (a.h @ p.W_hc.T) * a.r * (1 - a.r))(v, p, a, g)


def _missing(terms: Sequence[Parameters]) -> Parameters:
    """The last step's part of dL/dW_h left out."""
    first = replace(
        terms[0], W_hr=0 * terms[0].W_hr, W_hz=0 * terms[0].W_hz, W_hc=0 * terms[0].W_hc
    )
    total = first
    for term in terms[1:]:
        total = total + term
    return total


def _no_slope_at_first() -> Backend:
    """1 for 1-c² at the first step."""
    at = [0]

    def seen(t: int, steps: Any) -> Any:
        at[0] = t
        return steps[t]

    def pull(v: Variant, p: Parameters, a: Any, g: Any) -> Any:
        return (BackwardLines() if at[0] else BackwardLines(candidate=lambda a: a.take))(v, p, a, g)

    return Pulling(pull, Chain(seen=seen), variants=(AFTER,))


def backward_faults() -> dict[str, Backend]:
    """The right forward pass, and a backward pass that is wrong in one way each."""
    of = partial(Pulling, variants=(AFTER,))
    return {
        "side": of(_reset_of_the_other_side),
        "no b_hc": of(_no_bias),
        "no W_hr": of(_without("W_hr", 0.0)),
        "1 %": of(_without("W_hz", 1.01)),
        "cut": of(chain=Chain(handed=lambda t, T, g: 0 * g if t == T // 2 else g)),
        "missing": of(chain=Chain(summed=_missing)),
        "no tanh'": _no_slope_at_first(),
    }


def worst(id: str, case: Case, backend: Backend) -> float:
    """The largest margin of an invariant on a case."""
    return max(residual.margin for residual in INVARIANTS[id].check(Trial(case, backend)))


# -- questions -------------------------------------------------------------------------------------

#: A figure, whether it should be at least or at most the goal, and the goal.
Goal = tuple[str, float, str, float]


def outputs() -> Iterator[Goal]:
    """The wrong side, the bias outside and the bias forgotten late, at the least step; and the
    right GRU.
    """
    print("format     H    T  right  radius/error     side     bias     late   seconds")
    sizes = [(fmt, H, 256) for fmt in (float32, float64, *HALVES) for H in (8, 64, 256)]
    for fmt, H, T in [*sizes, *((fmt, 1024, 16) for fmt in (float32, *HALVES))]:
        case = case_of(fmt, H, T, MEMBERS)
        right, ratio, seconds = _right_outputs(case)
        side = float(margins_by_step(case, Stepping(other_side)).min())
        bias = float(margins_by_step(case, Stepping(bias_outside)).min())
        forgotten = float(margins_by_step(case, Stepping(late, 2))[-2:].max())
        print(
            f"{fmt.name:9}{H:5}{T:5}{right:7.3f}{ratio:14.3g}{side:9.3g}{bias:9.3g}{forgotten:9.3g}{seconds:10.2f}"
        )
        where = f"{fmt.name}, H = {H}, T = {T}"
        least_side = {
            bfloat16: 8 if H == 1024 else 4,
            float16: 30,
            float32: 150 if H == 1024 else 1000,
        }
        least_bias = {bfloat16: 2.5, float16: 10, float32: 40}
        yield f"{where}: nn.GRU", right, "≤", 1
        if H == 256 or (fmt, H) == (float32, 64):
            most = {float32: 400 if H == 64 else 2000, float64: 3000}
            yield f"{where}: median radius over error", ratio, "≤", most.get(fmt, 35)
        if fmt is not float64:
            yield f"{where}: reset on the wrong side, least step", side, "≥", least_side[fmt]
            yield f"{where}: b_hc outside the reset, least step", bias, "≥", least_bias[fmt]
        if H == 256 and fmt is not float64:
            least_late = {bfloat16: 9, float16: 60, float32: 500}
            yield f"{where}: b_hc forgotten in the last two steps", forgotten, "≥", least_late[fmt]


def _right_outputs(case: Case) -> tuple[float, float, float]:
    """Of nn.GRU: the largest error over radius, the median radius over error, CPU seconds of the
    invariant alone.
    """
    trial = Trial(case, resolve("torch"))
    found = trial.observed.sequence[0]
    start = time.process_time()
    allowed = Local(trial, found).states
    seconds = time.process_time() - start
    error = np.abs(
        found - extended_states(case, found)
        if case.format is float64
        else found.astype(float) - allowed.mid
    )
    return float((error / allowed.radius).max()), _median_ratio(allowed.radius, error), seconds


def extended_states(case: Case, outputs: Any) -> Any:
    """Each step from the state returned before it, in extended precision, (T, B, H)."""
    p = case.cell.parameters(_wide)
    before = np.concatenate([case.state[None], outputs[:-1]])
    steps = [
        next_state(AFTER, activations(AFTER, p, _wide(x), _wide(h)))
        for x, h in zip(case.inputs, before, strict=True)
    ]
    return np.stack(steps)


def _wide(array: Any) -> Any:
    return np.asarray(array, np.longdouble)


def _median_ratio(radius: Any, error: Any) -> float:
    """The median of radius over error, where there is an error."""
    some = error > 0
    return float(np.median(radius[some] / error[some])) if some.any() else float("inf")


def gradients() -> Iterator[Goal]:
    """How tightly a right gradient is held, by parts."""
    print("format     H    T  right  dL/dh_0      db     dW_h   seconds (backend, bounds)")
    for fmt, H, T in [(f, H, 64) for f in (float32, *HALVES) for H in (64, 256)]:
        case = case_of(fmt, H, T)
        right, ratios, seconds = _right_gradients(case)
        print(
            f"{fmt.name:9}{H:5}{T:5}{right:7.3f}{ratios['state']:9.3g}{ratios['bias']:9.3g}{ratios['weight']:9.3g}"
            f"{seconds[0]:9.2f}{seconds[1]:9.2f}"
        )
        where = f"{fmt.name}, H = {H}, T = {T}: median radius over error of"
        yield f"{fmt.name}, H = {H}, T = {T}: nn.GRU's gradients", right, "≤", 1
        if fmt is float32:
            yield f"{where} db", ratios["bias"], "≤", 400
            yield f"{where} dW_h", ratios["weight"], "≤", 400
        yield (
            f"{where} dL/dh_0",
            ratios["state"],
            "≤",
            {float32: 2e3 if H == 64 else 1e4}.get(fmt, 120),
        )


def _right_gradients(case: Case) -> tuple[float, dict[str, float], tuple[float, float]]:
    """Of nn.GRU: the largest error over radius, median radius over error of each part, CPU
    seconds.
    """
    trial = Trial(case, resolve("torch"))
    start = time.process_time()
    seen = shown_cotangents(trial)
    called = time.process_time()
    allowed = _Allowed(seen)
    seconds = called - start, time.process_time() - called
    blocks = unpack(dict(seen.gradients.items()), case.cell.hidden_size)
    pairs: dict[str, list[tuple[Any, Ball]]] = {"state": [(seen.gradients.state, allowed.state)]}
    for part, names in (("bias", "b_xr b_xz b_xc b_hr b_hz b_hc"), ("weight", "W_hr W_hz W_hc")):
        pairs[part] = [
            (getattr(blocks, name), getattr(allowed.parameters, name)) for name in names.split()
        ]
    right, ratios = 0.0, {}
    for part, found in pairs.items():
        radius = np.concatenate([ball.radius.ravel() for _, ball in found])
        error = np.concatenate(
            [np.abs(a.astype(np.float64) - ball.mid).ravel() for a, ball in found]
        )
        right, ratios[part] = (
            max(right, float((error / radius).max())),
            _median_ratio(radius, error),
        )
    return right, ratios, seconds


def backwards() -> Iterator[Goal]:
    """Backward passes that are wrong in one way; at H = 1,024 the medians of five cells."""
    faults = backward_faults()
    print("format     H    T   right" + "".join(f"{name:>10}" for name in faults))
    sizes = [
        (float32, 256, 32),
        *((fmt, H, 32) for fmt in HALVES for H in (8, 256)),
        *((fmt, 1024, 8) for fmt in HALVES),
    ]
    for fmt, H, T in sizes:
        # Of one step in eight the closest entry is a matter of the cell: the median of some.
        cases = [case_of(fmt, H, T, seed=seed) for seed in range(5 if H == 1024 else 1)]
        right = max(worst("agreement/each-cotangent", case, resolve("torch")) for case in cases)
        found = {
            name: float(
                np.median([worst("agreement/each-cotangent", case, backend) for case in cases])
            )
            for name, backend in faults.items()
        }
        print(
            f"{fmt.name:9}{H:5}{T:5}{right:8.3f}"
            + "".join(f"{margin:10.3g}" for margin in found.values())
        )
        yield f"{fmt.name}, H = {H}, T = {T}: nn.GRU's gradients", right, "≤", 1
        least = (
            dict.fromkeys(faults, 10.0) | {"no W_hr": 150.0}
            if fmt is float32
            else _least_of_halves(fmt)
        )
        for name, goal in least.items():
            yield f"{fmt.name}, H = {H}, T = {T}: {name}", found[name], "≥", goal


def _least_of_halves(fmt: Format) -> dict[str, float]:
    return dict.fromkeys(("side", "no b_hc"), 60.0 if fmt is bfloat16 else 80.0)


def reset_sides() -> Iterator[Goal]:
    """Where each format tells the reset sides apart: each step, and the ball of the whole run
    beside it.
    """
    print(
        "margin at the last step of a GRU that resets on the wrong side: each step | the ball of "
        "the whole run"
    )
    lengths = (1, 4, 16, 64, 512)
    print("format      H" + "".join(f"{f'T={T}':>18}" for T in lengths))
    for fmt in (float32, *HALVES):
        for H in (4, 16, 64, 256, 1024):
            row = [_both_margins(fmt, H, T) for T in lengths if H * T <= 1024 * 64]
            print(
                f"{fmt.name:9}{H:5}" + "".join(f"{each:9.3g} |{whole:7.2g}" for each, whole in row),
                flush=True,
            )
            for T, (each, _) in zip(lengths, row, strict=False):
                yield f"{fmt.name}, H = {H}, T = {T}: reset sides told apart", each, ">", 1


def _both_margins(fmt: Format, H: int, T: int) -> tuple[float, float]:
    case, backend = case_of(fmt, H, T), Stepping(other_side)
    each = float(margins_by_step(case, backend)[-1])
    trial = Trial(case, backend)
    whole = trial.exact.run.states[-1]
    error = np.abs(trial.observed.sequence[0][-1].astype(np.float64) - whole.mid)
    return each, float((error / whole.radius).max())


def small_gates() -> Iterator[Goal]:
    """σ wrong by some units, and z = 0 for what is small, at c = 0 and h' = 1, in float32."""
    print("z = σ(a) at c = 0, h' = 1 in float32, wrong by: margin of agreement/step")
    wrong = [
        (-9.3, "9 u", 9, 2),
        (-24.2, "29 u", 29, 7),
        (-75.6, "62 u", 62, 15),
        (-17.9, "all of it", None, 1e6),
    ]
    for a, how, units, least in wrong:
        weights, biases = np.zeros((3, 1), np.float32), np.zeros(3, np.float32)
        cell = Cell(AFTER, weights, weights, biases + np.array([0, a, 0], np.float32), biases)
        ones = np.ones((1, 1, 1), np.float32)
        case = Case(cell, 0 * ones, ones[0], ones, ones[0])
        margin = worst("agreement/step", case, resolve(partial(_with_gate, units)))
        print(f"{a:8} {how:10} {margin:12.3g}")
        yield f"σ({a}) wrong by {how}", margin, ">", least


def _with_gate(units: float | None, cell: Cell, x: Any, h: Any) -> Any:
    """A step whose update gate is wrong by so many u; 0 for None."""
    p = cell.parameters(np.asarray)
    exact = 1 / (1 + np.exp(-(p.b_xz + p.b_hz).astype(np.float64)))
    z = (exact * (0 if units is None else 1 + units * 2.0**-24)).astype(np.float32)
    return (h * z).astype(np.float32)


def kappas() -> Iterator[Goal]:
    """Errors of σ and tanh, through the step, in units of roundoff: all numbers in 16 bits, 65,536
    points else.
    """
    print("target          format        σ   tanh   tanh, relative to 1")
    for name in ("torch", "numpy", "torch-formulas"):
        backend = resolve(name)
        for fmt in FORMATS:
            found, declared = measured(backend, fmt), rounding_of(backend, fmt)
            print(
                f"{name:15} {fmt.name:9}{found.sigma:6.2f} {found.tanh:6.2f} "
                f"{found.tanh_of_one:6.2f}"
            )
            yield f"κ of σ, {name}, {fmt.name}", found.sigma, "≤", declared.kappa_sigma
            yield f"κ of tanh, {name}, {fmt.name}", found.tanh, "≤", declared.kappa_tanh


def every_sigma() -> Iterator[Goal]:
    """Errors of σ at every float32 of [-92, -1/4], through the step, in units of roundoff."""
    first, last = (int(np.float32(each).view(np.int32)) for each in (0.25, 92.0))
    print("target          numbers      σ   at")
    for name in ("torch", "numpy"):
        backend = resolve(name)
        probe, flushes, worst_of, at = Probe(backend, float32), float32.sigmoid_flushes, 0.0, 0.0
        for start in range(first, last + 1, _CHUNK):
            bits = np.arange(start, min(start + _CHUNK, last + 1), dtype=np.int32)
            points = -bits.view(np.float32)
            exact = 1 / (1 + np.exp(-points.astype(np.float64)))
            # Below -88.72 exp overflows, and docs/tolerances.md grants all of σ.
            off = np.abs(probe.sigma_at(points) - exact) - float32.min_subnormal
            flushed = points.astype(np.float64) < flushes
            errors = np.where(flushed, 0, off / (float32.unit_roundoff * exact))
            place = int(errors.argmax())
            if errors[place] > worst_of:
                worst_of, at = float(errors[place]), float(points[place])
        print(f"{name:15} {last + 1 - first:,} {worst_of:6.2f}   {at}")
        most = rounding_of(backend, float32).kappa_sigma
        yield f"κ of σ at every float32, {name}", worst_of, "≤", most


def times() -> Iterator[Goal]:
    """CPU seconds of the invariants at H = 256."""
    for id, T, B, most in (
        ("agreement/each-step", 256, 2, 0.5),
        ("agreement/each-cotangent", 64, 1, 1.5),
    ):
        case, backend = case_of(float32, 256, T, B), resolve("torch")
        trial = Trial(case, backend)
        _ = trial.observed.sequence, shown_cotangents(trial).gates
        start = time.process_time()
        list(INVARIANTS[id].check(trial))
        spent = time.process_time() - start
        print(
            f"{id}, float32, H = 256, T = {T}, B = {B}: {spent:.2f} CPU seconds beside the "
            "backend's own"
        )
        yield f"{id}: CPU seconds", spent, "≤", most


#: Numbers looked at together.
_CHUNK = 2**20

QUESTIONS: dict[str, Callable[[], Iterator[Goal]]] = {
    "outputs": outputs,
    "gradients": gradients,
    "backwards": backwards,
    "reset-sides": reset_sides,
    "small-gates": small_gates,
    "kappas": kappas,
    "every-sigma": every_sigma,
    "times": times,
}


def met(goal: Goal) -> bool:
    """Whether a figure is as it should be."""
    _, figure, how, limit = goal
    return {"≤": figure <= limit, "≥": figure >= limit, ">": figure > limit}[how]


def main() -> int:
    """Asks them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=QUESTIONS,
        help="this question alone (every-sigma only so); may be repeated",
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    goals = list[Goal]()
    with np.errstate(all="ignore"):
        for name in options.only or [name for name in QUESTIONS if name != "every-sigma"]:
            print(f"\n{name}: {QUESTIONS[name].__doc__}")
            goals += QUESTIONS[name]()
    missed = [goal for goal in goals if not met(goal)]
    print(f"\n{len(goals) - len(missed)} of {len(goals)} goals reached")
    for what, figure, how, limit in missed:
        print(f"missed: {what}: {figure:.3g}, should be {how} {limit:g}")
    if options.json:
        options.json.write_text(
            json.dumps([list(goal) for goal in goals], ensure_ascii=False, indent=1)
        )
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
