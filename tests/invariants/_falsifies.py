"""The invariants that each fault of the bank must falsify, at least."""

from __future__ import annotations

from gruverify.backends import EVERY_METHOD, OPTIONAL_METHODS, STACK_OPTIONS, WAYS
from gruverify.cell import BLOCKS
from gruverify.faults._faulty import TwoWays
from gruverify.invariants.core._blocks import spelled


def _of_every_method(duty: str) -> tuple[str, ...]:
    methods = (method for method in EVERY_METHOD if method != "sequence")
    others = (f"contract/{duty}-{method.replace('_', '-')}" for method in methods)
    return (f"contract/{duty}", *others)


FALSIFIES: dict[str, tuple[str, ...]] = {
    "small-numbers-flushed-to-zero": ("numerics/carried-to-the-bit",),
    "numbers-clipped-far-out": (
        "numerics/carried-to-the-bit",
        "numerics/carried-cotangent",
        "numerics/every-update-gate",
        "numerics/every-reset-gate",
        "numerics/every-candidate",
        "numerics/every-candidate-slope",
    ),
    "infinities-taken-for-the-largest-numbers": ("numerics/nan",),
    "small-weights-flushed-to-zero": ("numerics/every-candidate",),
    "last-is-a-view-of-the-outputs": ("contract/own-memory-sequence",),
    "one-buffer-for-every-answer": tuple(
        f"contract/own-memory-{m.replace('_', '-')}" for m in EVERY_METHOD
    ),
    "another-last-bit-at-every-call-of-anything": (
        "contract/same-bits",
        "contract/same-gradient-bits",
        "contract/stack-same-bits",
        "contract/stack-same-gradient-bits",
        "contract/same-bits-step",
        "contract/same-bits-step-jacobian",
        "contract/same-bits-step-vjp",
        "contract/same-bits-sequence-jvp",
        "contract/same-bits-sequence-hvp",
        "contract/same-bits-sequence-hvp-reverse",
    ),
    "empty-arguments-are-padded": (
        *_of_every_method("no-members"),
        *(id for id in _of_every_method("no-steps") if "no-steps-step" not in id),
    ),
    "no-steps-lose-the-state": ("contract/no-steps",),
    "empty-batch-has-a-member": ("contract/no-members",),
    "strides-ignored": _of_every_method("layout"),
    "weights-flattened-once": _of_every_method("fresh-weights"),
    "weights-of-a-step-kept-by-cell": ("contract/fresh-weights-step",),
    **{
        f"weights-kept-whatever-{name}-is": ("sequence/step-liveness",)
        for name in ("weight-ih", "weight-hh", "bias-ih", "bias-hh")
    },
    "inputs-of-a-step-read-from-their-base": ("contract/layout-step",),
    "state-of-a-step-written-where-rows-share-memory": ("contract/layout-step",),
    "another-last-bit-in-another-thread": _of_every_method("second-thread"),
    "tangent-of-the-state-ignored": ("agreement/jvp", "agreement/each-tangent"),
    "hessian-of-the-candidate-alone": (
        "second-order/hvp",
        "second-order/two-ways",
        "second-order/symmetric",
    ),
    "direction-taken-by-its-magnitude": (
        "gradient/jvp-homogeneous",
        "gradient/adjoint",
        "second-order/homogeneous",
    ),
    "cotangent-of-the-last-output-overwritten": ("gradient/last-and-outputs",),
    "backward-overwrites-what-it-saved": ("gradient/after-another", "gradient/homogeneous"),
    "mean-over-the-batch": (
        "gradient/sum-over-batch",
        "gradient/scaling-identity",
        "gradient/adjoint",
    ),
    "gradient-added-once-for-every-step": (
        "gradient/truncation-error",
        "gradient/chunks",
        "gradient/truncated",
    ),
    "gradients-clipped": (
        "gradient/sum-over-time",
        "gradient/homogeneous",
        "gradient/outer-product",
        "gradient/rank-one",
        "gradient/taylor",
    ),
    "hessian-not-implemented-but-zero": ("second-order/hvp", "second-order/hvp-reverse"),
    "jacobian-transposed": (
        "agreement/jacobian-state",
        "agreement/vjp-is-transposed-jacobian",
    ),
    "jacobian-twice-as-large": (
        "agreement/jacobian-state",
        "agreement/jacobian-input",
        "agreement/vjp-is-transposed-jacobian",
        "regimes/carry-jacobian",
        "regimes/carry-jacobian-is-the-gate",
    ),
    "jacobian-without-the-carry": (
        "agreement/jacobian-state",
        "regimes/carry-jacobian",
        "regimes/carry-jacobian-is-the-gate",
    ),
    "jacobian-that-never-forgets": (
        "regimes/forget-jacobian",
        "regimes/elman-jacobian",
    ),
    "jacobian-of-the-input-negated": ("agreement/jacobian-input",),
    "recurrent-bias-gradient-without-reset": (
        "gradient/recurrent-bias-is-reset",
        "agreement/gradient-bias_hh-candidate",
        "agreement/step-vjp",
        "regimes/order-recurrent-candidate",
    ),
    "reset-gradient-without-the-slope-of-its-gate": (
        "agreement/each-cotangent",
        "agreement/gradient-weight_ih-reset",
        "agreement/step-vjp",
        "regimes/order-reset",
    ),
    "update-gradient-without-the-slope-of-its-gate": (
        "agreement/gradient-weight_ih-update",
        "agreement/gradient-weight_hh-update",
        "regimes/order-update",
        "regimes/forget-update-gradient",
    ),
    "candidate-gradient-without-the-update-gate": (
        "agreement/step-vjp",
        "regimes/order-candidate",
    ),
    "update-gradient-never-quite-zero": ("regimes/closed-update-gate", "gradient/zero-set"),
    "gradients-of-the-negated-loss": (
        "agreement/one-unit-gradient",
        "agreement/one-gate-reads-the-input",
        "bounds/gradient-sign",
        "agreement/analytic-gradient",
        "agreement/decomposition",
    ),
    "no-gradient-of-the-state": (
        "agreement/each-cotangent",
        "agreement/gradient-state",
        "agreement/decomposition",
        "regimes/carry-gradient",
    ),
    "gradients-of-inputs-reversed-in-time": ("agreement/gradient-inputs", "gradient/causality"),
    "cotangents-of-outputs-ignored": (
        "agreement/gradient-state",
        "agreement/gradient-weight_hh-candidate",
        "agreement/decomposition",
    ),
    "cotangent-of-last-ignored": (
        "agreement/gradient-of-last",
        "agreement/gradient-state",
    ),
    "only-the-last-step-differentiated": (
        "agreement/long-gradient",
        "agreement/gradient-inputs",
        "agreement/gradient-state",
        "agreement/gradient-of-last",
        "agreement/decomposition",
        "agreement/analytic-gradient",
        "regimes/carry-gradient",
    ),
    "cotangent-of-the-step-ignored": (
        "agreement/step-vjp",
        "agreement/vjp-is-transposed-jacobian",
        "agreement/decomposition",
    ),
    "not-a-number": (
        "contract/finite-values",
        "agreement/outputs",
        "bounds/between",
    ),
    "gradients-divided-by-themselves": (
        "contract/finite-gradients",
        "agreement/gradient-inputs",
        "agreement/gradient-state",
    ),
    "another-last-bit-at-every-call": ("contract/same-bits",),
    "gradients-added-up-over-calls": ("contract/same-gradient-bits",),
    "state-advanced-in-place": ("contract/no-mutation",),
    "inputs-scaled-in-place": ("contract/no-mutation",),
    "weights-updated-by-their-gradient": ("contract/no-mutation",),
    "tangent-halved-in-place": (
        "contract/no-mutation-sequence-jvp",
        "contract/no-mutation-sequence-hvp",
        "contract/no-mutation-sequence-hvp-reverse",
    ),
    "inverted-update-gate": (
        "agreement/one-unit",
        "agreement/step",
        "agreement/outputs",
        "agreement/last",
        "agreement/step-vjp",
        "regimes/carry-jacobian",
        "regimes/carry-jacobian-is-the-gate",
        "regimes/carry-copies-state",
        "regimes/carry-gradient",
        "regimes/forget-jacobian",
        "regimes/forget-takes-candidate",
        "regimes/forget-candidate-gradient",
        "regimes/elman-jacobian",
        "regimes/order-candidate",
        "bounds/gradient-sign",
    ),
    "swapped-reset-and-update": (
        "gradient/permuted-units",
        "agreement/step",
        "agreement/jacobian-state",
        "agreement/jacobian-input",
        "regimes/order-reset",
    ),
    "gates-in-another-order": (
        "agreement/step",
        "agreement/outputs",
        "regimes/forget-takes-candidate",
        "regimes/order-update",
    ),
    "reset-on-the-other-side": (
        "agreement/step",
        "agreement/each-step",
        "agreement/jacobian-state",
        "agreement/step-vjp",
        "regimes/order-recurrent-candidate",
    ),
    "candidate-bias-outside-the-reset-product": (
        "agreement/step",
        "agreement/each-step",
        "agreement/last",
        "agreement/gradient-bias_hh-candidate",
    ),
    "biases-ignored": (
        "agreement/step",
        "agreement/outputs",
        "agreement/last",
    ),
    "recurrent-candidate-bias-missing": (
        "agreement/step",
        "agreement/outputs",
    ),
    "recurrent-biases-added-twice": (
        "agreement/step",
        "agreement/outputs",
    ),
    "recurrent-weights-transposed": (
        "gradient/cloned-unit",
        "agreement/step",
        "agreement/jacobian-state",
    ),
    "stale-weights": (
        "agreement/step",
        "agreement/outputs",
    ),
    "hard-sigmoid": (
        "agreement/step",
        "agreement/jacobian-state",
        "regimes/forget-takes-candidate",
    ),
    "tanh-saturating-early": (
        "agreement/step",
        "regimes/forget-takes-candidate",
    ),
    "candidate-not-squashed": (
        "agreement/step",
        "bounds/box",
        "bounds/between",
    ),
    "tanh-by-exponentials": (
        "contract/finite-values",
        "contract/finite-gradients",
    ),
    "last-bit-beyond-one": ("bounds/box",),
    "update-gate-above-one": (
        "agreement/step",
        "bounds/between",
    ),
    "state-in-half-precision": (
        "agreement/step",
        "agreement/outputs",
        "agreement/last",
        "regimes/carry-copies-state",
    ),
    "outputs-reversed-in-time": ("agreement/outputs",),
    "last-is-the-first-output": ("agreement/last",),
    "state-ignored": (
        "agreement/outputs",
        "agreement/last",
    ),
}

_BESIDES = {
    "b_xr": ("gradient/bias-gradients-agree",),
    "W_hz": ("regimes/forget-update-gradient",),
    "W_xc": ("regimes/forget-candidate-gradient",),
    "b_xc": ("regimes/forget-candidate-gradient",),
}
for _block in BLOCKS:
    FALSIFIES[f"no-gradient-of-{spelled(_block).replace('_', '-')}"] = (
        f"agreement/gradient-{spelled(_block)}",
        "agreement/step-vjp",
        "agreement/gradient-of-last",
        "agreement/analytic-gradient",
        "bounds/gradient-sign",
        "gradient/liveness",
        *_BESIDES.get(_block, ()),
    )

FALSIFIES |= {
    "upper-layers-read-the-forward-half-alone": (
        "stack/outputs",
        "stack/last",
        "stack/composition",
    ),
    "one-initial-state-for-every-layer": (
        "stack/outputs",
        "stack/last",
        "stack/states-are-their-own",
    ),
    "states-by-direction-and-then-layer": ("stack/outputs", "stack/last"),
    "initial-states-of-a-stack-ignored": (
        "stack/outputs",
        "stack/each-step",
        "stack/one-layer-is-a-sequence",
    ),
    "backward-outputs-not-put-back-in-order": (
        "stack/outputs",
        "stack/reverse-half",
        "stack/mirrored",
    ),
    "both-directions-with-the-forward-weights": (
        "stack/outputs",
        "stack/reverse-half",
        "stack/mirrored",
    ),
    "backward-last-state-taken-at-the-end": ("stack/last", "stack/last-is-an-output"),
    "last-states-after-the-padding": (
        "stack/last",
        "stack/lengths-are-dense",
        "stack/padding-content",
    ),
    "padding-run-through": ("stack/outputs", "stack/lengths-are-dense", "stack/padding-content"),
    "last-output-repeated-at-padding": ("stack/outputs", "stack/padding-outputs"),
    "initial-states-sorted-by-length": ("stack/outputs", "stack/members-in-any-order"),
    "square-batches-read-time-first": ("stack/outputs", "stack/batch-first"),
    "initial-states-ignored-without-a-batch": ("stack/outputs", "stack/no-batch"),
    "missing-states-not-zero": ("stack/no-states",),
    "last-bit-beyond-one-in-a-stack": ("stack/box",),
    "not-a-number-from-a-stack": ("contract/stack-finite-values", "stack/outputs"),
    "another-last-bit-at-every-call-of-a-stack": ("contract/stack-same-bits",),
    "random-numbers-drawn-without-dropout": ("contract/stack-no-random-numbers",),
    "random-generators-seeded-at-every-call": (
        "contract/stack-no-random-numbers",
        *(
            f"contract/no-random-numbers-{method.replace('_', '-')}"
            for method in EVERY_METHOD
            if method != "stack"
        ),
    ),
    "recurrent-gradients-without-a-state-halved": ("gradient/zero-set",),
    "warnings-turned-off-for-the-whole-program": tuple(
        f"contract/settings-{method.replace('_', '-')}" for method in EVERY_METHOD
    ),
    "last-of-one-step-is-a-view-of-the-outputs": ("contract/own-memory-sequence",),
    "no-steps-without-a-state-end-in-ones": ("contract/no-steps",),
    "stack-lengths-raised-to-one-in-place": ("stack/members-without-steps",),
    "missing-states-not-zero-without-a-batch": ("stack/no-batch",),
    "lengths-sorted-in-place": ("contract/stack-no-mutation",),
    "backward-gradients-overwritten-by-forward-ones": tuple(
        f"stack/gradient-{packed}" for packed in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ),
    "gradient-of-inputs-through-one-direction": ("stack/gradient-inputs",),
    "no-gradient-of-upper-states": ("stack/gradient-states",),
    "cotangent-of-the-top-for-every-layer": ("stack/gradient-of-last", "stack/gradient-states"),
    "cotangents-of-all-layers-added": ("stack/gradient-of-last", "stack/gradients-are-their-own"),
    "no-gradient-without-a-loss-on-the-last-state": ("stack/gradient-of-outputs",),
    "gradients-of-inputs-at-padding": ("stack/gradient-inputs", "stack/padding-gradients"),
    "cotangents-at-padding-reach-the-last-state": (
        "stack/gradient-inputs",
        "stack/padding-content-gradients",
    ),
    "square-cotangents-read-time-first": ("stack/gradient-inputs", "stack/batch-first-gradients"),
    "cotangents-of-states-lost-without-a-batch": (
        "stack/gradient-states",
        "stack/no-batch-gradients",
    ),
    "gradients-from-states-that-nobody-zeroed": ("stack/no-states-gradients",),
    "gradients-of-a-stack-divided-by-themselves": ("contract/stack-finite-gradients",),
    "gradients-of-a-stack-added-up-over-calls": ("contract/stack-same-gradient-bits",),
}

_GRADIENTS = (
    "agreement/gradient-inputs",
    "agreement/gradient-state",
    "agreement/gradient-weight_hh-candidate",
)
FALSIFIES |= {
    "sigmoid-by-a-table-where-it-is-small": (
        "numerics/every-update-gate",
        "numerics/every-reset-gate",
    ),
    "small-reset-gates-flushed-to-zero": ("numerics/every-reset-gate",),
    "tanh-of-small-numbers-flushed-to-zero": ("numerics/every-candidate",),
    "tanh-with-a-flat-tail": ("numerics/every-candidate",),
    "slope-of-a-small-update-gate-lost": ("numerics/every-update-gate-slope",),
    "slope-of-a-small-reset-gate-lost": ("numerics/every-reset-gate-slope",),
    "slope-of-a-saturated-candidate-lost": ("numerics/every-candidate-slope",),
    "cotangents-clamped-at-a-thousand": _GRADIENTS,
    "cotangents-clamped-at-the-end-of-half-precision": _GRADIENTS,
    "cotangents-clipped-by-their-norm": _GRADIENTS,
    "small-cotangents-flushed-to-zero": _GRADIENTS,
    "cotangents-that-are-no-numbers-taken-for-zero": ("numerics/nan-cotangent",),
    "padding-multiplied-by-zero": ("stack/padding-extremes",),
    "cotangents-of-padding-multiplied-by-zero": ("stack/padding-extremes-gradients",),
    "members-without-steps-end-in-zeros": ("stack/members-without-steps",),
    "mask-ignored": ("masks/kept",),
    "mask-applied-to-outputs-alone": ("masks/each-step", "masks/padding-is-length"),
    "mask-one-step-late": ("masks/kept", "masks/each-step", "masks/content"),
    "mask-of-another-member": ("masks/kept", "masks/each-step"),
    "masked-state-zeroed": ("masks/kept",),
    "last-state-without-mask": ("masks/kept", "masks/padding-is-length"),
    "mask-multiplied": ("masks/content", "masks/both-content"),
    "masked-outputs-zero-undeclared": ("masks/kept",),
    "fast-path-without-masks-loses-the-state": ("masks/nothing-skipped", "masks/nothing-restarted"),
    "skipped-steps-start-nothing-anew": ("masks/both-kept", "masks/both-content"),
    "new-starts-are-never-skipped": ("masks/both-kept",),
    "marks-exchanged": ("masks/both-each-step", "masks/both-kept", "masks/both-is-each"),
    "new-starts-wait-for-a-step": ("masks/both-kept",),
    "gradient-passes-a-skipped-restart": ("masks/both-gradient", "masks/both-cut-gradient"),
    "masks-used-up": tuple(
        f"contract/no-mutation-{method.replace('_', '-')}"
        for method in (*OPTIONAL_METHODS, *STACK_OPTIONS)
    ),
    "stack-mask-in-the-first-layer-alone": ("masks/stack", "masks/stack-kept"),
    "stack-mask-late-by-a-step-in-each-layer": ("masks/stack", "masks/stack-padding-is-lengths"),
    "backward-mask-not-reversed": (
        "masks/stack",
        "masks/stack-content",
        "masks/stack-padding-is-lengths",
    ),
    "backward-mask-ignored": ("masks/stack", "masks/stack-kept"),
    "last-states-of-a-stack-without-mask": ("masks/stack", "masks/stack-kept"),
    "stack-mask-multiplied": ("masks/stack-content",),
    "fast-path-of-a-stack-loses-the-states": ("masks/stack-nothing-skipped",),
    "skipped-steps-teach-a-stack": ("masks/stack-gradient", "masks/stack-gradient-passes"),
    "skipped-inputs-of-a-stack-have-gradients": ("masks/stack-gradient-of-skipped",),
    "skipped-steps-change-gradients-of-states": ("masks/stack-gradient-passes",),
    "hard-sigmoid-of-another-library": ("agreement/kinks", "agreement/one-unit-gradient"),
    "activations-ignored": ("agreement/kinks", "agreement/step"),
    "alpha-ignored": ("agreement/kinks", "agreement/step"),
    "gradients-of-the-usual-functions": ("agreement/each-cotangent", "agreement/long-gradient"),
    "clip-ignored": ("agreement/kinks", "agreement/step"),
    "clip-of-the-output": ("agreement/kinks", "agreement/each-step"),
    "clip-before-the-bias": ("agreement/kinks", "agreement/step"),
    "zoneout-ignored": ("masks/zoneout-kept",),
    "zoneout-inverted": ("masks/zoneout-each-step", "masks/zoneout-kept", "masks/no-zoneout"),
    "zoneout-by-the-mask-of-the-first-step": ("masks/zoneout-each-step", "masks/zoneout-kept"),
    "zoneout-by-the-mask-of-the-first-member": ("masks/zoneout-kept",),
    "zoneout-as-dropout": ("masks/zoneout-kept",),
    "zoneout-of-the-outputs-alone": ("masks/zoneout-each-step",),
    "zoneout-stops-gradients": ("masks/zoneout-gradient", "masks/zoneout-gradient-passes"),
    "zoneout-gradients-take-both-ways": (
        "masks/zoneout-gradient",
        "masks/zoneout-gradient-passes",
    ),
    "zoneout-gradients-of-the-sequence": ("masks/zoneout-gradient",),
    "zoneout-shares-exchanged": ("masks/zoneout-shares", "masks/zoneout-shares-gradient"),
    "zoneout-shares-taken-for-masks": ("masks/zoneout-shares", "masks/zoneout-shares-gradient"),
    "zoneout-shares-exchanged-in-gradients": ("masks/zoneout-shares-gradient",),
    "gradient-stops-at-skipped-steps": ("masks/gradient", "masks/gradient-passes"),
    "skipped-steps-teach": ("masks/gradient", "masks/gradient-content"),
    "skipped-inputs-have-gradients": ("masks/gradient-of-skipped",),
    "restart-ignored": ("masks/restart-each-step", "masks/restart-forgets"),
    "restart-one-step-late": ("masks/restart-each-step", "masks/restart-forgets"),
    "restart-from-the-initial-state": ("masks/restart-each-step", "masks/restart-forgets"),
    "gradient-passes-a-restart": ("masks/restart-gradient", "masks/restart-cuts-gradient"),
    "no-gradient-of-members-without-steps": ("stack/members-without-steps-gradients",),
}

for _method in (method.replace("_", "-") for method in EVERY_METHOD if hasattr(TwoWays, method)):
    for _kind in ("in-double-precision", "as-lists", "with-another-axis", "as-a-bare-tuple"):
        FALSIFIES[f"{_method}-{_kind}"] = (f"contract/shape-{_method}",)

for _id in ("module-with-a-list-of-old-weights", "copy-with-the-gradients-of-its-original"):
    FALSIFIES[_id] = tuple(f"contract/weights-{way}" for way in WAYS)
