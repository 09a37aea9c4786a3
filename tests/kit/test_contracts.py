"""The contract tests find what is wrong: plugins that are right but for one thing.

Faults of one kind of plugin stand in a file of their own.
"""

import pytest

from audioforge.plugins.api_version import API_VERSION

SLOW = {"is_light", "works_in_a_worker"}


@pytest.mark.parametrize(
    "kind", ["aggregator", "selection", "tracker", "executor", "exporter", "augmentation"]
)
def test_a_new_plugin_breaks_no_rule(broken_rules, kind):
    asked_for = SLOW if kind == "aggregator" else set()
    assert broken_rules(kind, "plugin.py", "", "", asked_for) == set()


LOUDER = "return (waveform * gain).astype(np.float32)"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(Augmentation):", ":", {"is_an_augmentation"}),
        ("np.float32)\n", "np.float64)\n", {"returns_sound"}),
        ("(waveform * gain)", "(waveform * gain)[:-1]", {"returns_sound"}),
        (LOUDER, "return waveform", {"changes_something"}),
        ("draw.uniform(", "np.random.uniform(", {"is_deterministic"}),
        (
            LOUDER,
            "waveform *= np.float32(gain)\n        return waveform",
            {"leaves_its_input_alone"},
        ),
        ("if loudest * gain > 1:", "if gain > 0:", {"takes_any_sound"}),
        (LOUDER, "print(gain)\n        " + LOUDER, {"prints_nothing"}),
        (LOUDER, "open(np.__file__, 'a').close()\n        " + LOUDER, {"writes_nothing"}),
        (LOUDER, 'np.seterr(all="raise")\n        ' + LOUDER, {"leaves_the_process_alone"}),
        (
            "def augment(",
            "sounds = lambda self: ['a.wav']\n\n    def augment(",
            {"names_its_sound"},
        ),
    ],
)
def test_augmentations(broken_rules, old, new, expected):
    assert expected <= broken_rules("augmentation", "augmentation.py", old, new)


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("plugin.py", f"AUDIOFORGE_API = {API_VERSION}\n", "", {"states_its_api_version"}),
        ("plugin.py", "AUDIOFORGE_API", "import scipy\nAUDIOFORGE_API", {"is_light"}),
        ("plugin.py", 'name="fault', 'name="Fault', {"loads", "provides_something"}),
        ("plugin.py", "return [", "return [][:0] and [", {"provides_something"}),
        ("METADATA", "License-Expression: Apache-2.0\n", "", {"says_what_it_is"}),
        ("METADATA", "Requires-Dist: audioforge<0.2,>=0.1", "", {"requires_audioforge"}),
        ("METADATA", "audioforge<0.2,>=0.1", "audioforge>=0.1", {"requires_audioforge"}),
        ("METADATA", "audioforge<0.2,>=0.1", "audioforge-verifiers<1", {"requires_audioforge"}),
    ],
)
def test_plugins(broken_rules, file, old, new, expected):
    assert broken_rules("aggregator", file, old, new, asked_for=SLOW) == expected
