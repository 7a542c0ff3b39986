"""How likely it is that a right implementation leans as far as one that was recorded."""

from __future__ import annotations

#: From which chance on a judged run is said to lean: one right run in a billion may.
RARE = 2.0**-30

#: With how many right runs one that is judged is compared.
DRAWS = 64


def chance(times: float, hypotheses: int) -> float:
    """How often a right run leans so many `times` as far as DRAWS others do, root mean square,
    along one of so many hypotheses.

    What a run leans is a weighted sum of many roundings. Where those are independent and have no
    sign of their own it is as good as normal. σ is known of the others alone, so the law is
    Student's t of ν = DRAWS degrees of freedom, of which beyond t ≥ 1, on both sides, there is

        2 ∫ p(s) ds ≤ 2 ∫ p(s) s/t ds = 2 p(0) ν/((ν-1) t) (1 + t²/ν)^-((ν-1)/2),

    and 2 p(0) < 0.8. Of several hypotheses the chances add up.
    """
    if times < 1:
        return 1.0
    return float(min(1.0, hypotheses * (1 + times * times / DRAWS) ** (-(DRAWS - 1) / 2)))
