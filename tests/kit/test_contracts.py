"""The contract tests find what is wrong: plugins that are right but for one thing."""

import importlib
from itertools import count

import pytest

from audioforge.plugins.api_version import API_VERSION
from audioforge_kit import CannotCheck, contract_checks
from audioforge_kit.scaffold.project import write_project

METADATA = """Metadata-Version: 2.4
Name: audioforge-{name}
Version: 0.1.0
Summary: A plugin with a fault.
License-Expression: Apache-2.0
Requires-Python: >=3.11
Requires-Dist: audioforge<0.2,>=0.1
"""

STARTS_PROCESSES = {"is_light", "works_in_a_worker"}
"""Rules that take a second to check; they are left out where they are not at stake."""

numbers = count()


@pytest.fixture
def broken_rules(tmp_path, monkeypatch):
    """`broken_rules(kind, file, old, new)` are the rules that a new plugin breaks when changed."""

    def check(kind, file, old, new, leave_out=STARTS_PROCESSES):
        name = f"fault-{next(numbers)}"
        folder = write_project(name, kind, tmp_path)
        package = f"audioforge_{name.replace('-', '_')}"
        info = folder / "src" / f"{package}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA.format(name=name))
        (info / "entry_points.txt").write_text(f"[audioforge]\n{name} = {package}.plugin\n")
        path = info / "METADATA" if file == "METADATA" else folder / "src" / package / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)
        monkeypatch.setenv("PYTHONPATH", str(folder / "src"))
        monkeypatch.syspath_prepend(folder / "src")
        importlib.invalidate_caches()
        checks = contract_checks(f"audioforge-{name}")
        return {c.rule.name for c in checks if c.rule.name not in leave_out and fails(c)}

    return check


def fails(check):
    try:
        check()
    except CannotCheck:
        return False
    except AssertionError as error:
        return bool(str(error).strip() and check.rule.mend)  # one that says nothing does not count
    return False


@pytest.mark.parametrize(
    "kind", ["aggregator", "selection", "tracker", "executor", "exporter", "augmentation"]
)
def test_a_new_plugin_breaks_no_rule(broken_rules, kind):
    leave_out = () if kind == "aggregator" else STARTS_PROCESSES
    assert broken_rules(kind, "plugin.py", "", "", leave_out) == set()


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
    assert expected <= broken_rules("verifier", file, old, new, STARTS_PROCESSES - expected)


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("            return None", "            return 0.0", {"abstains_when_nothing_judges"}),
        (
            "sum(weight for _, weight in judged)",
            "sum(weights.values())",
            {"abstaining_takes_no_part"},
        ),
        ("min(1.0, total", "(2 * total", {"is_a_reward"}),
        (
            "return min(1.0, total",
            "return judged[0][0] or min(1.0, total",
            {"order_does_not_matter"},
        ),
        (
            "return min(1.0, total",
            "self._calls = getattr(self, '_calls', 0) + 1\n"
            "        return min(1.0, 1 / self._calls * total",
            {"is_deterministic"},
        ),
        (
            "        if not judged:",
            "        weights.clear()\n        if not judged:",
            {"is_a_reward"},
        ),
        ("(RewardAggregator):", "(RewardAggregator):\n    requires = 'wer'\n", {"requires_ids"}),
        (
            "        if not judged:",
            "        sum(scores[name].reward for name in scores)\n        if not judged:",
            {"abstaining_takes_no_part", "abstains_when_nothing_judges"},
        ),
        ("return min(1.0, total", "return 0.5 or min(1.0, total", {"judges_something"}),
        (
            "        if not judged:",
            "        for score in scores.values():\n            score.metrics['seen'] = 1.0\n"
            "        if not judged:",
            {"is_a_reward"},
        ),
        ("(RewardAggregator):", ":\n    requires = ()\n", {"is_an_aggregator"}),
        (
            "validator=[ge(0), le(1)]",
            "validator=lambda i, a, v: None if 0 <= v <= 1 else {}[v]",
            {"refuses_bad_options"},
        ),
    ],
)
def test_aggregators(broken_rules, old, new, expected):
    assert expected <= broken_rules("aggregator", "aggregator.py", old, new)


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id=file,", "id=str(self._folder / file),", {"can_lie_anywhere"}),
        ("id=file,", "id='same',", {"ids_are_unique"}),
        ("id=file,", "id=f'{self._folder.name}/{file}',", {"can_lie_anywhere"}),
        ("speaker=speaker or None,", "speaker=3,", {"says_what_is_right"}),
        (
            "reference=text,",
            "reference=f\"{text} {__import__('random').random()}\",",
            {"is_stable"},
        ),
        ("reference=text,", "", {"says_what_is_right"}),
        (
            "except (OSError, UnicodeDecodeError) as error:",
            "except UnicodeDecodeError as error:",
            {"says_when_it_is_not_there"},
        ),
        (
            "        self._language = language",
            "        self._language = language\n        (self._folder / INDEX).read_text()",
            {"says_when_it_is_not_there"},
        ),
        ("audio=self._folder / file,", "audio=Path(file),", {"sound_can_be_decoded"}),
        ("return AudioSample(", "return dict(", {"yields_samples"}),
        ("(Dataset):", ":", {"is_a_dataset"}),
        (
            "        self._language = language",
            "        self._language = language.lower() if language else None\n"
            "        assert language is None or language.isalpha()",
            {"refuses_bad_options"},
        ),
    ],
)
def test_datasets(broken_rules, old, new, expected):
    assert expected <= broken_rules("dataset", "dataset.py", old, new)


REFUSES = """        if any(clip.sample.reference == '' for clip in clips):
            from audioforge.errors import AudioError
            raise AudioError('it has no text')
        stacked = np.stack("""


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(params.seed, params.cycle, identity", "(params.seed, identity", {"seeds_differ"}),
        (
            "[uniform] = keyed_random.uniforms(1, *key)",
            "uniform = np.random.random()",
            {"noise_is_keyed", "batch_equals_single"},
        ),
        (
            "chosen = int(logprobs.argmax())",
            "chosen = params.seed % len(logprobs)",
            {"greedy_is_deterministic"},
        ),
        ("logprob=float(logprobs[chosen])", "logprob=0.5", {"says_log_probabilities"}),
        ("            index, label=", "            index + 1, label=", {"samples_k_hypotheses"}),
        ("for index in range(k)]", "for index in range(k + 1)]", {"samples_k_hypotheses"}),
        (".sum()\n\n    def target", ".mean()\n\n    def target", {"loss_is_a_weighted_sum"}),
        (
            "self._network(batch.features)\n        each",
            "self._network(batch.features).detach()\n        each",
            {"learns"},
        ),
        (
            "features(clip.waveform) for clip in clips])",
            "features(clip.waveform) for clip in clips])\n"
            "        stacked = stacked - stacked.mean(axis=0)",
            {"batch_equals_single"},
        ),
        (
            'save_file(state, folder / "model.safetensors")',
            'save_file(state, folder / "model.safetensors")\n'
            '        torch.save(state, folder / "extra.pt")',
            {"survives_saving"},
        ),
        (
            "self._network.state_dict().items()}",
            "network(len(self._labels)).state_dict().items()}",
            {"survives_saving"},
        ),
        ("raise CheckpointError(", "raise RuntimeError(", {"says_when_it_is_not_there"}),
        ('"model_type": "', '"model_type": "un', {"serves_its_checkpoint"}),
        (
            "return None if target.label in self._labels else",
            "return",
            {"its_targets_can_be_learnt"},
        ),
        ("adapter._give_new_head(options.new_labels, options.seed)", "pass", {"has_labels"}),
        (
            "probabilities(logprobs, params))",
            "np.exp(logprobs))",
            {"draws_from_the_most_probable"},
        ),
        (
            "logprob=float(logprobs[chosen])",
            "logprob=-1.25",
            {"log_probability_is_minus_the_loss"},
        ),
        (
            "        stacked = np.stack(",
            "        torch.manual_seed(0)\n        clips[0].waveform[:] = 0\n"
            "        stacked = np.stack(",
            {"leaves_things_alone"},
        ),
        ("raise ConfigError([", "raise ValueError([", {"survives_saving"}),
        ("params.check(k)", "k, params.max_new_tokens + 1", {"takes_the_defaults"}),
        ("params.check(k)", "pass", {"refuses_senseless_parameters"}),
        (
            "params.check(k)",
            "params.check(k)\n        batch.features.neg_()",
            {"samples_a_batch_again"},
        ),
        (
            "params.check(k)",
            "params.check(k)\n        self._network.eval()",
            {"leaves_the_training_mode"},
        ),
        (
            "        wanted = torch.tensor(",
            "        self._network.train()\n        wanted = torch.tensor(",
            {"leaves_the_training_mode"},
        ),
        ("params.cycle, identity, index)", "params.cycle, index)", {"ids_and_indices_differ"}),
        ("params.cycle, identity, index)", "params.cycle, identity)", {"ids_and_indices_differ"}),
        ("torch.tensor(weights,", "torch.tensor([*map(abs, weights)],", {"loss_is_a_weighted_sum"}),
        (
            "self._network[-1].requires_grad_(True)",
            "self._network[0].requires_grad_(False)",
            {"learns", "survives_saving"},
        ),
        (
            "        save_file(",
            "        for layer in self._network:\n"
            "            for name, weight in [*layer.named_parameters()]:\n"
            "                setattr(layer, name, torch.nn.Parameter(weight.detach().clone()))\n"
            "        save_file(",
            {"survives_saving"},
        ),
        (
            '    tasks = ("classification",)',
            '    tasks, languages = ("classification",), ("en", "fr")\n\n'
            "    def language_logprobs(self, batch):\n"
            "        return torch.zeros(len(batch), 2)\n",
            {"hears_languages"},
        ),
        (
            "network(len(self._labels)).to(device)",
            "network(len(self._labels)).to(device).double()",
            {"loads"},
        ),
        ("        stacked = np.stack(", REFUSES, {"names_what_it_refuses"}),
        (
            "    def sample(self, batch",
            "    def clip_problem(self, clip):\n"
            "        return 'it is odd'\n\n"
            "    def sample(self, batch",
            {"names_what_it_refuses"},
        ),
    ],
)
def test_models(broken_rules, old, new, expected):
    assert expected <= broken_rules("model", "model.py", old, new)


def test_a_model_may_refuse_what_it_names(broken_rules):
    refuses = """    def clip_problem(self, clip):
        return "it has no text" if clip.sample.reference == "" else None

    prepare_any = prepare

    def prepare(self, clips):
        from audioforge.errors import AudioError
        if any(self.clip_problem(clip) for clip in clips):
            raise AudioError("it has no text")
        return self.prepare_any(clips)

    def sample(self, batch"""
    broken = broken_rules("model", "model.py", "    def sample(self, batch", refuses)
    assert "names_what_it_refuses" not in broken


ROWS = """    def reuse(self):
        from audioforge.model import Reuse
        return Reuse({})

    def reusable(self, clip):
        return {"features": torch.from_numpy(features(clip.waveform))}

    def assemble(self, samples, rows):
        return Batch(tuple(s.id for s in samples), torch.stack([r["features"] for r in rows]))

    def sample(self, batch"""


@pytest.mark.sweep(3)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", set()),
        (
            "torch.from_numpy(features(clip.waveform))",
            "self._network[0](torch.from_numpy(features(clip.waveform)))[:1] * "
            "torch.ones(2 * BANDS)",
            {"reuses_what_it_may"},
        ),
        ("clip.waveform)", "clip.waveform) + len(clip.sample.id)", {"reuses_what_it_may"}),
        (
            "torch.from_numpy(features(clip.waveform))",
            "torch.dropout(torch.from_numpy(features(clip.waveform)), 0.5, self._network.training)",
            {"reuses_what_it_may"},
        ),
        ("for r in rows]", "for r in rows[::-1]]", {"reuses_what_it_may"}),
        (
            "return Reuse({})",
            "return Reuse({}, self._network.state_dict())",
            {"reuses_what_it_may"},
        ),
    ],
)
def test_reused_rows(broken_rules, old, new, expected):
    rows = ROWS.replace(old, new)
    assert broken_rules("model", "model.py", "    def sample(self, batch", rows) == expected


BEST = "return Kept(rollout.sample, best, advantage) if advantage > self._margin else None"


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(Selection):", ":", {"is_a_selection"}),
        ("ClassVar[int] = 2", "ClassVar[int] = 0", {"is_a_selection"}),
        (BEST, "return None", {"keeps_something"}),
        ("best, advantage)", "best, -advantage)", {"says_weights_and_divisor"}),
        ("best, advantage)", "best, math.nan)", {"says_weights_and_divisor"}),
        ("Selected(kept)", "Selected(kept, 'steps')", {"says_weights_and_divisor"}),
        (
            "Kept(rollout.sample, best",
            "Kept(__import__('attrs').evolve(rollout.sample), best",
            {"keeps_what_was_sampled"},
        ),
        (
            "Kept(rollout.sample, best",
            "Kept(rollout.sample, __import__('attrs').evolve(best, text='other')",
            {"keeps_what_was_sampled"},
        ),
        ("Selected(kept)", "Selected(kept[:1])", {"order_does_not_matter"}),
        (
            "return Selected(kept)",
            "self._at = getattr(self, '_at', -1) + 1\n        return Selected(kept[self._at:])",
            {"holds_nothing"},
        ),
        (
            "advantage > self._margin",
            "advantage > __import__('random').random()",
            {"is_deterministic"},
        ),
        ("kept = [", "list(rollouts)\n        kept = [", {"reads_its_input_once"}),
        (
            "judged = [",
            "rollout.hypotheses.sort(key=lambda h: h.reward or 0)\n        judged = [",
            {"leaves_its_input_alone"},
        ),
        ("if not judged:", "if judged is None:", {"takes_unjudged_rollouts"}),
        ("Selected(kept)", "Selected([kept[0], *kept[1:]])", {"takes_an_empty_cycle"}),
    ],
)
def test_selections(broken_rules, old, new, expected):
    assert expected <= broken_rules("selection", "selection.py", old, new)


MADE = "self._path.parent.mkdir(exist_ok=True)"
WRITTEN = "writerows(rows)"


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(Tracker):", ":", {"is_a_tracker"}),
        ("if self._path is None:", "if not values['loss']:", {"hears_a_run"}),
        (
            '"""Do nothing: the table is closed after every step."""',
            "self._path.read_text().splitlines()[1]",
            {"needs_no_utterances"},
        ),
        (MADE, f"{MADE}\n        self._path.touch(exist_ok=False)", {"goes_on_with_a_resumed_run"}),
        ("rows = [(", "values.pop('loss', 0)\n        rows = [(", {"leaves_its_input_alone"}),
        (WRITTEN, f"{WRITTEN}\n        print(step)", {"prints_nothing"}),
        (WRITTEN, f"{WRITTEN}\n        __import__('os').write(1, b'a row')", {"prints_nothing"}),
        (MADE, f"{MADE}\n        __import__('os').chdir('..')", {"leaves_the_process_alone"}),
        (
            MADE,
            f"{MADE}\n        t = __import__('threading')\n        t.Timer(4, print).start()",
            {"lets_the_process_end"},
        ),
        ('run.folder / "trackers"', 'run.folder.parent / "them"', {"writes_into_the_run_folder"}),
        (
            MADE,
            f"{MADE}\n        (run.folder / 'config.yaml').write_text('')",
            {"writes_into_the_run_folder"},
        ),
        (
            MADE,
            f"{MADE}\n        __import__('sqlite3').connect(run.folder.parent / 'x.db').close()",
            {"writes_into_the_run_folder"},
        ),
    ],
)
def test_trackers(broken_rules, old, new, expected):
    assert expected <= broken_rules("tracker", "tracker.py", old, new)


SHARED = "super().share(job, batches)"
EVOLVED = "__import__('attrs').evolve(job, "
IS_ROLLOUT = "'cycle' in dir(job)"
LET_GO = '"""Create the executor; `join` is what takes processes and devices."""'


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(ProcessesExecutor):", ":", {"is_an_executor"}),
        (
            LET_GO,
            "self.close = lambda: self._processes.device",
            {"can_be_closed"},
        ),
        (SHARED, "super().share(job, batches[1:])", {"trains"}),
        (
            SHARED,
            f"super().share({EVOLVED}cycle=3) if {IS_ROLLOUT} else job, batches)",
            {"samples_the_same"},
        ),
        (
            SHARED,
            f"super().share(job if {IS_ROLLOUT} else "
            f"{EVOLVED}adapter=type(job.adapter)()), batches)",
            {"measures_the_same"},
        ),
        (
            LET_GO,
            "self.together = lambda job: __import__('attrs').evolve(job, "
            "selected=type(job.selected)(job.selected.items[1:])).do()",
            {"learns_the_same"},
        ),
        (LET_GO, "print('joined')", {"prints_nothing"}),
        (
            "time.sleep(self._pause)",
            "__import__('os').chdir('..')",
            {"leaves_the_process_alone"},
        ),
    ],
)
def test_executors(broken_rules, old, new, expected):
    assert expected <= broken_rules("executor", "executor.py", old, new)


COPIED = 'shutil.copyfile(checkpoint / "config.json", folder / "config.json")'


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("(Exporter):", ":", {"is_an_exporter"}),
        ("files = sorted", "return\n        files = sorted", {"writes_files"}),
        (
            COPIED,
            '(folder / "config.json").symlink_to(checkpoint / "config.json")',
            {"writes_files"},
        ),
        (
            COPIED,
            '(folder / "when").write_text(str(__import__("time").time_ns()))',
            {"is_deterministic"},
        ),
        (COPIED, '(checkpoint / "exported").touch()', {"leaves_the_checkpoint_alone"}),
        (
            COPIED,
            '(folder / "from").write_text(str(checkpoint))',
            {"reads_a_checkpoint_anywhere"},
        ),
        (
            'raise CheckpointError(f"{checkpoint}: has no weights',
            'raise ValueError(f"{checkpoint}: has no weights',
            {"refuses_what_is_no_checkpoint"},
        ),
        (
            "if not files:",
            "if not files:\n            return\n        if files is None:",
            {"refuses_what_is_no_checkpoint"},
        ),
        (COPIED, '(folder.parent / "log").write_text("")', {"writes_only_there"}),
        (COPIED, "print(folder)", {"prints_nothing"}),
        (COPIED, 'np.seterr(all="raise")', {"leaves_the_process_alone"}),
    ],
)
def test_exporters(broken_rules, old, new, expected):
    assert expected <= broken_rules("exporter", "exporter.py", old, new)


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
    assert broken_rules("aggregator", file, old, new, leave_out=()) == expected
