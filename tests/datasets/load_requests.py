"""Load datasets in a process of its own, whose environment names the hub.

Reads a JSON list of requests from the command line; prints a JSON list with, for each, the samples
that came or the error.
"""

from __future__ import annotations

import json
import sys

from audioforge.audio import load_clip
from audioforge.dataset import DatasetRequest
from audioforge.errors import AudioForgeError
from audioforge.find_dataset import open_dataset
from audioforge.plugins import discover
from audioforge.sample import AudioSample


def outcome(settings: dict) -> dict:
    request = DatasetRequest(**settings)
    try:
        items = list(open_dataset(discover(), request.location, request).load())
    except AudioForgeError as error:
        return {"error": str(error)}
    return {"items": [row(item) for item in items]}


def row(item: object) -> dict:
    if not isinstance(item, AudioSample):
        return {"problem": str(item)}
    return {
        "id": item.id,
        "reference": item.reference,
        "labels": list(item.labels),
        "speaker": item.speaker,
        "seconds": load_clip(item, 16_000).seconds,
    }


if __name__ == "__main__":
    results = [outcome(settings) for settings in json.loads(sys.argv[1])]
    print(json.dumps(results))
