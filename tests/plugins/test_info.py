"""`audioforge plugins info` on the command line."""

import json
import re

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.plugins.description import attribute_help


def audioforge(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_info_of_a_verifier():
    result = audioforge("plugins", "info", "wer")
    assert result.exit_code == 0
    assert result.output == (
        "verifier wer\n"
        "Word error rate of the transcript; reward 1 − WER.\n"
        "\n"
        "full name          audioforge-verifiers/wer\n"
        "from               audioforge-verifiers 0.1.0\n"
        "plugin API         4\n"
        "licence            Apache-2.0\n"
        "factory            audioforge_verifiers.error_rate:WordErrorRate\n"
        "tasks              asr\n"
        "metrics            wer, mer, hits, substitutions, deletions, insertions, reference_words, "
        "reference_units\n"
        "corpus metrics     wer (lower is better), mer (lower is better)\n"
        "needs a reference  yes\n"
        "scope              hypothesis\n"
        "\n"
        "options\n"
        "option     type          default  help\n"
        "threshold  float | None  None     Error rate up to which a transcript passes; None for "
        "the run's `wer_threshold`.\n"
        "\n"
        "example\n"
        "  audioforge verify predictions.jsonl --verifier wer\n"
    )


def test_info_tells_which_metric_decides_nothing():
    told = audioforge("plugins", "info", "pace").output
    assert "unlikely_pace_rate (lower is better), mean_pace (decides nothing)\n" in told


def test_every_own_option_is_explained():
    rows = json.loads(audioforge("plugins", "list", "--json").stdout)
    explained = 0
    for row in rows:
        for kind in ("verifiers", "aggregators", "datasets", "models"):
            for name in row["provides"][kind]:
                full_name = f"{row['distribution']}/{name}"
                result = audioforge("plugins", "info", full_name, "--json")
                assert result.exit_code == 0, result.output
                [found] = json.loads(result.stdout)
                assert found["example"].startswith("audioforge ")
                for option in found["options"]:
                    assert option["help"], f"{full_name}: {option['option']}"
                    assert option["type"]
                    explained += 1
    assert explained > 20


def test_info_of_a_distribution():
    result = audioforge("plugins", "info", "Audioforge_Demo")
    assert result.output.startswith("plugin audioforge-demo\nThe offline demo of AudioForge:")
    assert "entry points  demo = audioforge_demo.plugin\n" in result.output
    assert re.search(r"^dataset +demo +Spoken digits", result.output, re.MULTILINE)
    assert re.search(r"^command +demo +audioforge_demo.command:demo", result.output, re.MULTILINE)


def test_info_of_what_cannot_be_imported(with_plugins):
    with_plugins("acme-good")
    result = audioforge("plugins", "info", "absent-module")
    assert result.exit_code == 1
    assert "acme-good/absent-module" in result.output
    assert "cannot be imported" in result.output
    result = audioforge("plugins", "info", "politeness")
    assert re.search(r"^word +str +\(required\)", result.output, re.MULTILINE)
    assert "--verifier politeness:word=…" in result.output


def test_a_required_option_is_in_the_example_of_an_aggregator():
    assert "--aggregator gated:require=…" in audioforge("plugins", "info", "gated").output


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("Options.", {}),
        ("X.\n\n    Attributes:\n        a: One.\n        b: Two\n            lines.\n", None),
        ("X.\n\nAttributes:\n    a (int): One.\n    b: Two lines.\n\nRaises:\n    c: x", None),
    ],
)
def test_help_comes_from_the_docstring(docstring, expected):
    wanted = {"a": "One.", "b": "Two lines."} if expected is None else expected
    assert attribute_help(docstring) == wanted
