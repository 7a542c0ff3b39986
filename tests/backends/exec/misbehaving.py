"""A program for the tests: a GRU step of zeros that breaks the protocol as its argument says, from
the second request on. It imports little, so that it starts fast.
"""

import base64
import json
import os
import sys
import time

HOW = sys.argv[1] if len(sys.argv) > 1 else ""
GREETING = {
    "protocol": 1,
    "name": "zeros",
    "version": "1.2",
    "methods": ["step"],
    "formats": ["float32"],
}


def say(message: object) -> None:
    write((message if isinstance(message, str) else json.dumps(message)) + "\n")


def write(text: str) -> None:
    os.write(1, text.encode("utf-8", "surrogateescape"))


def good(request: dict) -> dict:  # type: ignore[type-arg]
    shape = request["arrays"]["h"]["shape"]
    data = base64.b64encode(bytes(4 * shape[0] * shape[1])).decode()
    h = {"dtype": "float32", "shape": shape, "data": data}
    return {"id": request["id"], "arrays": {"h": h}}


def changed(answer: dict, **h: object) -> dict:  # type: ignore[type-arg]
    answer["arrays"]["h"] |= h
    return answer


def hang(*_: object) -> None:
    time.sleep(600)


def twice(answer: dict) -> None:  # type: ignore[type-arg]
    write(2 * (json.dumps(answer) + "\n"))


def exhaust(answer: dict) -> None:  # type: ignore[type-arg]
    try:
        answer["much"] = bytearray(1 << 27)
    except MemoryError:
        os.write(2, b"no memory\n")
        sys.exit(3)
    say({"id": answer["id"], "error": "there was memory"})


def endless(_: object) -> None:
    while True:
        write(1000 * "x")


def closing(answer: object) -> None:
    os.close(1)
    hang()


def deaf(answer: object) -> None:
    say(answer)
    os.close(0)
    hang()


def crying(answer: object) -> None:
    os.write(2, b"oh dear\n")
    say(answer)


ANSWERS = {
    "": say,
    "garbage": lambda answer: say("h = 0"),
    "latin-1": lambda answer: write("{\udcff}\n"),
    "deep": lambda answer: say("[" * 100_000),
    "list": lambda answer: say([answer]),
    "unquoted": lambda answer: say("{id: 2}"),
    "deep-object": lambda answer: say('{"id":' + "[" * 100_000),
    "late": hang,
    "wrong-id": lambda answer: say(answer | {"id": answer["id"] - 1}),
    "id-text": lambda answer: say(answer | {"id": str(answer["id"])}),
    "id-bool": lambda answer: say(answer | {"id": True}),
    "no-id": lambda answer: say({"arrays": answer["arrays"]}),
    "twice": twice,
    "no-form": lambda answer: say({"id": answer["id"]}),
    "two-forms": lambda answer: say(answer | {"error": "both"}),
    "form": lambda answer: say(answer | {"arrays": []}),
    "text": lambda answer: say({"id": answer["id"], "refused": None}),
    "no-h": lambda answer: say(answer | {"arrays": {"y": answer["arrays"]["h"]}}),
    "null-h": lambda answer: say(answer | {"arrays": {"h": None}}),
    "nan": lambda answer: say(answer | {"loss": float("nan")}),
    "bare": lambda answer: say(answer | {"arrays": {"h": [[0.0]]}}),
    "dtype": lambda answer: say(changed(answer, dtype="float64")),
    "shape": lambda answer: say(changed(answer, shape=answer["arrays"]["h"]["shape"][::-1])),
    "base64": lambda answer: say(changed(answer, data="?")),
    "short": lambda answer: say(changed(answer, data="AAAAAA==")),
    "dies": lambda answer: sys.exit(7),
    "aborts": lambda answer: os.abort(),
    "half": lambda answer: (write("{"), sys.exit(0)),
    "closes": closing,
    "deaf": deaf,
    "endless": endless,
    "memory": exhaust,
    "refuses": lambda answer: say({"id": answer["id"], "refused": "odd batches"}),
    "fails": lambda answer: say({"id": answer["id"], "error": "not today"}),
    "cries": crying,
}


def greet() -> None:
    changes = {
        "old": {"protocol": 0},
        "unknown-key": {"method": ["step"]},
        "method": {"methods": ["steps"]},
        "no-method": {"methods": []},
        "format": {"formats": ["float8"]},
        "name": {"name": " "},
        "version": {"version": 1},
        "variant": {"variants": [{"gates": 3}]},
        "reset": {"variants": [{"reset": "never"}]},
        "declaration": {"declarations": {"kapa": 8}},
        "declared": {"declarations": {"kappa": "much"}},
        "declarations": {"declarations": []},
        "lengthy": {"declarations": {"min_length": 3}},
    }
    if HOW == "no-greeting":
        hang()
    elif HOW == "gone":
        sys.exit(3)
    elif HOW == "shouts":
        say("Welcome to zeros 1.2")
    elif HOW == "not-one":
        say({"name": "zeros"})
    elif HOW == "nameless":
        say({key: value for key, value in GREETING.items() if key != "name"})
    elif HOW == "eager":  # in one go: nobody can ask anything in between
        say(json.dumps(GREETING) + "\n" + json.dumps({"id": 1}))
    elif HOW == "another":
        say(GREETING | {"version": str(os.getpid())})
    else:
        say(GREETING | changes.get(HOW, {}))


def main() -> None:
    greet()
    for number, line in enumerate(sys.stdin):
        answer = good(json.loads(line))
        if HOW == "another" and number:
            sys.exit(0)
        ANSWERS[HOW if number and HOW in ANSWERS else ""](answer)
        if HOW == "leaves" and number:
            sys.exit(0)
    if HOW == "stays":
        hang()


main()
