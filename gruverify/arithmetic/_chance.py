"""How likely it is that a right implementation leans as far as one that was recorded."""

from __future__ import annotations

#: From which chance on a judged run is said to lean: one right run in a billion may.
RARE = 2.0**-30

#: Of fewer degrees of freedom no chance is told.
_FEWEST = 5

#: With how many right runs one that is judged is compared.
DRAWS = 64


def chance(times: float, hypotheses: int, numbers: float) -> float:
    """How often a right run leans so many `times` as far as DRAWS others do, root mean square,
    along one of so many hypotheses, each of which shows in so many numbers.

    What a run leans is a weighted sum of roundings. Where those are many, independent and without a
    sign of their own it is as good as normal. σ is known of the others alone, so the law is
    Student's t of ν = DRAWS degrees of freedom; of fewer where fewer numbers show it, for a sum of
    few is not normal. Beyond t ≥ 1, on both sides, there is of it

        2 ∫ p(s) ds ≤ 2 ∫ p(s) s/t ds = 2 p(0) ν/((ν-1) t) (1 + t²/ν)^-((ν-1)/2),

    and 2 p(0) < 0.8, so that the first factor is at most 1 from ν = 5 on. Of several hypotheses the
    chances add up.
    """
    ν = min(float(DRAWS), numbers)
    if times < 1 or ν < _FEWEST:
        return 1.0
    return float(min(1.0, hypotheses * (1 + times * times / ν) ** (-(ν - 1) / 2)))
