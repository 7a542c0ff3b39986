"""The page of a diagnosis."""

from __future__ import annotations

from typing import Any

from gruverify.diagnosis import LARGE, PARTS_IN_WORDS
from gruverify.reporting._reader import Document
from gruverify.reporting.page._diagnosis_figures import (
    formats_figure,
    lag_figure,
    map_figure,
    spectrum_figure,
    terms_figure,
)
from gruverify.reporting.page._render import raw, render

#: The most units that the table has.
_MOST_UNITS = 64
_SHARES = ("carry", "forget", "elman", "between")


def diagnosis_page(document: Document) -> str:
    """The page of a diagnosis, from its document alone.

    Raises:
        ReportUnavailable: a package of the extra `report` is missing.
    """
    several = len(document["layers"]) > 1
    layers = [_layer(layer, i, several) for i, layer in enumerate(document["layers"])]
    return render("diagnosis.html", d=document, layers=layers)


def _layer(layer: dict[str, Any], number: int, several: bool) -> dict[str, Any]:
    maps, T = layer["maps"], len(layer["by_lag"]["update_terms"])
    parts = layer["memory"]["parts"]
    return {
        **layer,
        "id": f"layer-{number}",
        "name": f"layer {layer['layer']}, {layer['direction']}" if several else "",
        "figures": {
            "z": raw(map_figure(maps, "z", T, f"z-{number}")),
            "r": raw(map_figure(maps, "r", T, f"r-{number}")),
            "lags": raw(lag_figure(layer["by_lag"], f"lags-{number}")),
            "terms": raw(terms_figure(layer["by_lag"]["update_terms"], f"terms-{number}")),
            "spectrum": raw(spectrum_figure(layer["spectrum"], f"spectrum-{number}")),
            "formats": raw(formats_figure(layer["formats"], LARGE, f"formats-{number}"))
            if layer["formats"]
            else "",
        },
        "parts": {name: _steps(parts[part]) for part, name in PARTS_IN_WORDS.items()},
        "rows": [_unit(layer["units"], i) for i in maps["units"][:_MOST_UNITS]],
        "count": len(maps["units"]),
    }


def _steps(length: dict[str, Any]) -> str:
    number = f"{length['steps']:.3g}"
    if length["at_least"]:
        return f"≥ {number}"
    return number


def _unit(units: dict[str, list[Any]], i: int) -> dict[str, str]:
    return {
        "unit": str(i),
        "memory": _steps({"steps": units["memory"][i], "at_least": units["memory_at_least"][i]}),
        "by z": f"{units['carried'][i]:.3g}",
        "z": f"{units['z_mean'][i]:.2f} ± {units['z_spread'][i]:.2f}",
        "r": f"{units['r_mean'][i]:.2f} ± {units['r_spread'][i]:.2f}",
        **{share: f"{units[share][i]:.0%}" for share in _SHARES},
        "longest carry": str(units["longest_carry"][i]),
        "saturated z": f"{units['z_saturated'][i]:.0%}",
    }
