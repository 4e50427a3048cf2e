"""Presidio's recognisers behind lines of JSON, run by a Python that has `presidio-analyzer`; nothing here imports ours.

    {"find": "email", "texts": [...]}                →  for each text, [start, end, score] of what was found
    {"look_over": ["email", ...], "texts": [...]}    →  seconds of processor time

The recognisers are called by themselves, without the engine around them, so no language model is needed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

RECOGNISERS = {
    "email": "EmailRecognizer",
    "iban": "IbanRecognizer",
    "card": "CreditCardRecognizer",
    "ssn": "UsSsnRecognizer",
    "ip": "IpRecognizer",
    "phone": "PhoneRecognizer",
}

Find = Callable[[str], list[Any]]


def main() -> None:
    finds = _finds()
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    _answer(answers, {"version": version("presidio-analyzer"), "kinds": list(RECOGNISERS)})
    for line in sys.stdin:
        asked = json.loads(line)
        if "find" in asked:
            find = finds[asked["find"]]
            _answer(answers, [[[one.start, one.end, one.score] for one in find(text)] for text in asked["texts"]])
        else:
            _answer(answers, _seconds([finds[kind] for kind in asked["look_over"]], asked["texts"]))


def _finds() -> dict[str, Find]:
    _keep_off_the_network()
    recognisers = import_module("presidio_analyzer.predefined_recognizers")
    return {kind: _find(getattr(recognisers, name)()) for kind, name in RECOGNISERS.items()}


def _keep_off_the_network() -> None:
    """The list of public suffixes that came with the package, in place of one that is fetched at the first address."""
    tldextract: Any = import_module("tldextract")
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def _find(recogniser: Any) -> Find:  # noqa: ANN401 (a library that is not in our environment)
    entities = recogniser.supported_entities
    return lambda text: list(recogniser.analyze(text, entities, None) or ())


def _seconds(finds: Sequence[Find], texts: Sequence[str]) -> float:
    begun = time.process_time()
    for text in texts:
        for find in finds:
            find(text)
    return time.process_time() - begun


def _answer(stream: Any, answer: object) -> None:  # noqa: ANN401
    stream.write(json.dumps(answer) + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
