"""The contract tests find what is wrong in verifiers that are right but for one thing."""

import pytest


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("verifier.py", "return Score(None)", "return Score(0.0, False)", {"abstains"}),
        (
            "verifier.py",
            "max(0.0, 1.0 - error)",
            "1.0 - error",
            {"scores_are_scores"},
        ),
        ("verifier.py", '"words_off": off}', '"off": off}', {"declares_its_metrics"}),
        ("verifier.py", '"words_off": off}', '"words_off": math.nan}', {"scores_are_scores"}),
        (
            "verifier.py",
            'metrics = ("words",',
            'metrics = ("never", "words",',
            {"declares_its_metrics"},
        ),
        (
            "verifier.py",
            '("words_off",), "reference_words"',
            '("edits",), "reference_words"',
            {"corpus_metrics_are_sums_of_metrics"},
        ),
        (
            "verifier.py",
            "error = off / max(1, reference_words)",
            "self._calls = getattr(self, '_calls', 0) + 1\n        error = 0.01 * self._calls",
            {"is_deterministic", "order_does_not_matter", "batch_equals_single"},
        ),
        (
            "verifier.py",
            "self._score(sample.reference, hypothesis.text)\n",
            "self._score(sample.reference, hypothesis.text and hypothesis.text * len(samples))\n",
            {"batch_equals_single"},
        ),
        (
            "verifier.py",
            "self._tolerance = tolerance",
            "self._tolerance, self._log = tolerance, lambda: None",
            {"works_in_a_worker"},
        ),
        (
            "verifier.py",
            "max(0.0, 1.0 - error)",
            "max(0.0, 1.0 - error) / (1 if __import__('multiprocessing').parent_process() is None"
            " else 2)",
            {"works_in_a_worker"},
        ),
        ("verifier.py", 'tasks = ("asr",)', 'tasks = ("asr", "tts")', {"tasks_agree"}),
        (
            "verifier.py",
            "validator=[ge(0), lt(math.inf)]",
            "validator=lambda i, a, v: None if 0 <= v < 2 else {}[v]",
            {"refuses_bad_options"},
        ),
        (
            "verifier.py",
            "len(text.split())",
            "len(text.encode('ascii').split())",
            {"takes_any_text"},
        ),
        (
            "verifier.py",
            "        return [\n            self._score",
            "        first = samples[0]\n        return [\n            self._score",
            {"takes_nothing"},
        ),
        (
            "verifier.py",
            "        return [\n            self._score",
            "        for s in samples:\n            if s.audio is not None:\n"
            "                s.audio[:] = 0\n        return [\n            self._score",
            {"leaves_its_input_alone"},
        ),
        (
            "verifier.py",
            "return Score(max(0.0, 1.0 - error)",
            "return Score(0.5",
            {"judges_something"},
        ),
        ("verifier.py", "(Verifier):", ":", {"is_a_verifier"}),
        (
            "verifier.py",
            "    def setup(",
            "    def close(self):\n        self._file.close()\n\n    def setup(",
            {"can_be_closed"},
        ),
        ("example.py", "return VerifierExample(", "return dict(", {"is_a_verifier"}),
        (
            "verifier.py",
            "len(text.split())",
            "len(text.split()) if text else exit(0)",
            {"takes_any_text"},
        ),
        (
            "verifier.py",
            "        return [\n            self._score",
            "        [len(s.audio) for s in samples if s.reference]\n"
            "        return [\n            self._score",
            {"takes_sound_as_it_comes"},
        ),
        (
            "verifier.py",
            "        return [\n            self._score",
            "        1 / max(0, len(hypotheses) - 1) if samples else None\n"
            "        return [\n            self._score",
            {"takes_a_lone_hypothesis"},
        ),
        (
            "verifier.py",
            '    tasks = ("asr",)',
            '    tasks = ("asr",)\n    needs_reference = False',
            {"abstains"},
        ),
        ("verifier.py", "return Score(None)", "return Score(None, passed=False)", {"abstains"}),
        ("verifier.py", 'tasks = ("asr",)', 'tasks = ("asr",)\n    scope = "x"', {"is_a_verifier"}),
        (
            "verifier.py",
            "        words, reference_words =",
            "        self._known = getattr(self, '_known', {})\n"
            "        reference = self._known.setdefault(text, reference)\n"
            "        words, reference_words =",
            {"is_deterministic"},
        ),
    ],
)
def test_verifiers(broken_rules, file, old, new, expected):
    assert expected <= broken_rules("verifier", file, old, new, expected)
