"""The contract tests find what is wrong in models that are right but for one thing."""

import pytest

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
