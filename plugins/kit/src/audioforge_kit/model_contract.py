"""What every model adapter must do: `audioforge.model.ModelAdapter` in rules."""

from __future__ import annotations

import math
import operator
from functools import partial
from typing import cast

import attrs
import numpy as np
import torch

from audioforge.errors import CheckpointError, ConfigError, describe
from audioforge.find_adapter import find_adapter, read_config
from audioforge.isolation.copies import copies_for_adapter
from audioforge.model import GREEDY, LoadOptions, ModelAdapter, SamplingParams
from audioforge.plugins.registry import Plugin, Registry
from audioforge.sample import Hypothesis
from audioforge.specs import ModelSpec
from audioforge_kit.adapter_at_work import DRAW, AdapterAtWork, trained_weights
from audioforge_kit.contract import CannotCheck, ContractError, expect, rule
from audioforge_kit.examples import speech_like
from audioforge_kit.hypotheses import expect_same_hypotheses
from audioforge_kit.likelihoods import check_likelihoods
from audioforge_kit.refused_clips import check_refusals
from audioforge_kit.reused_rows import check_rows
from audioforge_kit.trained_adapter import change_weights, check_learning, check_saving

K = 4
UNUSED_SEED = 739_391
WEIGHTS = ((1.0, 0.5, 2.0), (0.0, -1.0, 0.5))
GREEDY_SHORT = attrs.evolve(GREEDY, max_new_tokens=20)
"""Untrained models need not stop by themselves."""

SENSELESS = (
    (GREEDY_SHORT, 2),
    (DRAW, 0),
    (attrs.evolve(DRAW, temperature=-1.0), 1),
    (attrs.evolve(DRAW, top_p=0.0), 1),
    (attrs.evolve(DRAW, top_p=1.5), 1),
    (attrs.evolve(DRAW, top_k=-1), 1),
)
"""Parameters with a k: none of them draws anything."""


class ModelContract(AdapterAtWork):
    """The rules of a model adapter."""

    @rule("Let `load` return an instance of the class, with its weights in float32.")
    def loads(self) -> None:
        """The checkpoint of its example can be loaded, with weights in float32."""
        adapter = self._adapter
        expect(isinstance(adapter, ModelAdapter), f"load returned {type(adapter).__name__}")
        odd = {p.dtype for p in adapter.module.parameters()} - {torch.float32}
        expect(not odd, f"weights are {', '.join(map(str, odd))}")
        expect(adapter.sampling_rate > 0, f"the sampling rate is {adapter.sampling_rate}")
        expect(adapter.min_seconds >= 0, f"min_seconds is {adapter.min_seconds}")
        longest = adapter.max_seconds
        expect(longest is None or longest > adapter.min_seconds, f"max_seconds is {longest}")

    @rule("Name in `serves` the model_type and architectures of the example's config.json.")
    def serves_its_checkpoint(self) -> None:
        """The adapter is chosen for its example by what config.json says."""
        spec = cast("ModelSpec", self.spec)
        tasks = {serves.task for serves in spec.serves}
        expect(
            set(self._adapter.tasks) == tasks,
            f"tasks are {self._adapter.tasks}, the specification serves {sorted(tasks)}",
        )
        alone = Plugin(self.provided.distribution, "", "")
        alone.provides["models"] = [spec]
        config = read_config(str(self._example.checkpoint))
        find_adapter(Registry([alone]), "the example", self._example.task, config)

    @rule("Return a list of k hypotheses for each clip, with the index of each.")
    def samples_k_hypotheses(self) -> None:
        """Sampling gives k hypotheses a clip, numbered from 0, of the kind of the task."""
        for own in self._sample(self._clips, K):
            expect(len(own) == K, f"{len(own)} hypotheses for k = {K}")
            for index, hypothesis in enumerate(own):
                expect(hypothesis.index == index, f"index {hypothesis.index} in place {index}")
                self._check_kind(hypothesis)

    @rule("Sum the log-probabilities at temperature 1 over the tokens, and count these.")
    def says_log_probabilities(self) -> None:
        """A hypothesis has a finite log-probability and a number of tokens, or says neither."""
        for hypothesis in [h for own in self._sample(self._clips, K) for h in own]:
            if hypothesis.logprob is None:
                continue
            expect(math.isfinite(hypothesis.logprob), f"logprob is {hypothesis.logprob}")
            discrete = hypothesis.audio is None
            expect(not discrete or hypothesis.logprob <= 1e-4, f"logprob {hypothesis.logprob} > 0")
            tokens = hypothesis.tokens
            expect(tokens is not None and tokens >= 0, f"tokens is {tokens} beside a logprob")

    @rule(
        "Let the logprob of a label be minus its loss: both are of the model at temperature 1.",
        when=lambda task: task.has_classes,
    )
    def log_probability_is_minus_the_loss(self) -> None:
        """For a label, which is one token, the log-probability is minus the loss."""
        if not self._task.has_classes:
            raise CannotCheck("the tokens of a text or sound may be others when it is learnt")
        for clip, own in zip(self._clips, self._sample(self._clips, K), strict=True):
            for hypothesis in own:
                loss = float(self._loss(self._adapter, [clip], [hypothesis], [1.0]).detach())
                stated = hypothesis.logprob
                same = stated is not None and math.isclose(-loss, stated, abs_tol=1e-3)
                expect(same, f"logprob {stated}, loss {loss:.6g}, for {hypothesis.label!r}")

    @rule(
        "With several `languages`, return from language_logprobs how likely a clip is in each of "
        "them, whatever else is in the batch.",
    )
    def hears_languages(self) -> None:
        """A model of several languages tells how likely a clip is in each of them."""
        languages = self._adapter.languages
        if len(languages) < 2:  # none to tell apart
            return
        expect(len(set(languages)) == len(languages), f"languages are {languages}")
        together = self._hear(self._clips)
        shape = (len(self._clips), len(languages))
        expect(tuple(together.shape) == shape, f"{tuple(together.shape)} instead of {shape}")
        total = together.double().exp().sum(-1)
        expect(torch.allclose(total, torch.ones_like(total), atol=1e-4), f"they add up to {total}")
        alone = torch.cat([self._hear([clip]) for clip in self._clips])
        expect(torch.allclose(alone, together, atol=1e-3), "alone a clip is heard otherwise")

    @rule(
        "Draw from the top_k most probable tokens, or the most probable that make up top_p.",
        when=lambda task: not task.generates_speech,
    )
    def draws_from_the_most_probable(self) -> None:
        """With top_k = 1, or a tiny top_p, nothing is left to chance."""
        if self._task.generates_speech:
            raise CannotCheck("sound need not be made of tokens")
        for narrow in (attrs.evolve(DRAW, top_k=1), attrs.evolve(DRAW, top_p=1e-6)):
            others = self._sample(self._clips, K, attrs.evolve(narrow, seed=7))
            for own, other in zip(self._sample(self._clips, K, narrow), others, strict=True):
                drawn = sorted({hypothesis.content for hypothesis in [*own, *other]})
                how = f"top_k = {narrow.top_k}, top_p = {narrow.top_p:g}"
                expect(len(drawn) == 1, f"{how} draws {drawn[:2]} for one clip")

    @rule("Take None as the model's own limit on tokens.")
    def takes_the_defaults(self) -> None:
        """The model draws with the default parameters, in which nothing limits the tokens."""
        self._sample(self._clips[:1], 2, SamplingParams())

    @rule("Begin `sample` with params.check(k).")
    def refuses_senseless_parameters(self) -> None:
        """Parameters that make no sense together are a ConfigError."""
        for params, k in SENSELESS:
            try:
                self._sample(self._clips[:1], k, params)
            except ConfigError:
                continue
            except Exception as error:
                raise ContractError(f"{describe(error)} instead of a ConfigError") from error
            raise ContractError(f"k = {k} was drawn with {params}")

    @rule("Change no waveform that you are given, and draw nothing from torch's generator.")
    def leaves_things_alone(self) -> None:
        """Preparing and drawing change neither the waveforms nor the state of torch's generator."""
        clips = [
            attrs.evolve(c, waveform=speech_like(c.seconds, "unseen", c.sampling_rate))
            for c in self._clips
        ]
        before = [clip.waveform.copy() for clip in clips]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(UNUSED_SEED)
            state = torch.get_rng_state()
            self._sample(clips, K)
            untouched = torch.equal(state, torch.get_rng_state())
        same = all(map(np.array_equal, before, (clip.waveform for clip in clips)))
        expect(same, "a waveform has other values afterwards")
        expect(untouched, "torch's generator has another state")

    @rule(
        "Return the classes as `labels`, and make a new head for LoadOptions.new_labels.",
        when=lambda task: task.has_classes,
    )
    def has_labels(self) -> None:
        """A classifier tells its classes, and gets a head for others."""
        if not self._task.has_classes:
            raise CannotCheck("it is no classifier")
        labels = self._adapter.labels
        expect(labels, f"labels is {labels!r}")
        drawn = {h.label for own in self._sample(self._clips, K) for h in own}
        expect(drawn <= set(labels or ()), f"it draws {drawn - set(labels or ())}")
        new = ("one of ours", "another")
        options = LoadOptions(new_labels=new)
        adapter = self._load(options=options)
        expect(adapter.labels == new, f"with new_labels={new} its labels are {adapter.labels}")
        drawn = {h.label for own in self._sample(self._clips, K, adapter=adapter) for h in own}
        expect(drawn <= set(new), f"with new_labels={new} it draws {drawn - set(new)}")

    @rule(
        "Expect no voice to speak with: its waveform then has no frames.",
        when=lambda task: task.generates_speech,
    )
    def speaks_without_a_voice(self) -> None:
        """Text to speech takes a clip of no frames, where no voice is given."""
        if not self._task.generates_speech:
            raise CannotCheck("it does not speak")
        silent = [attrs.evolve(c, waveform=np.zeros(0, np.float32)) for c in self._clips]
        self._sample(silent, 2)

    @rule("Name in `clip_problem` each clip that `prepare` raises AudioError for.")
    def names_what_it_refuses(self) -> None:
        """A clip that cannot be prepared is named beforehand, so that it can be skipped."""
        check_refusals(self._adapter, self._clips)

    @rule("Key the noise by (seed, cycle, sample id, index, step) with audioforge.keyed_random.")
    def noise_is_keyed(self) -> None:
        """The same seed draws the same; the first of k are those of a smaller k."""
        first = self._sample(self._clips, K)
        expect_same_hypotheses(self._sample(self._clips, K), first, "a second draw")
        expect_same_hypotheses(
            self._sample(self._clips, K - 2), [own[: K - 2] for own in first], "a smaller k"
        )

    @rule("Key the noise by seed and cycle too, not by the sample alone.")
    def seeds_differ(self) -> None:
        """Another seed, and another cycle, draw something else."""
        drawn: dict[tuple[int, int], list[str]] = {}
        for seed, cycle in ((1, 1), (2, 1), (1, 2)):
            params = attrs.evolve(DRAW, seed=seed, cycle=cycle)
            own = [h.content for x in self._sample(self._clips, 4 * K, params) for h in x]
            same = [f"seed {s}, cycle {c}" for (s, c), other in drawn.items() if other == own]
            expect(not same, f"seed {seed}, cycle {cycle} draws what {', '.join(same)} did")
            drawn[seed, cycle] = own

    @rule("Key the noise by the sample's id and the hypothesis' index, not by their places.")
    def ids_and_indices_differ(self) -> None:
        """Another id draws something else, and so does another index."""
        renamed = [
            attrs.evolve(c, sample=attrs.evolve(c.sample, id=f"{c.sample.id} renamed"))
            for c in self._clips
        ]
        drawn, others = (
            [[h.content for h in own] for own in self._sample(clips, 4 * K)]
            for clips in (self._clips, renamed)
        )
        expect(drawn != others, "other ids draw the same")
        expect(any(len(set(own)) > 1 for own in drawn), "all hypotheses of a clip are the same")

    @rule("Key the noise by the sample's id, and mask what pads a batch.")
    def batch_equals_single(self) -> None:
        """A clip has the same hypotheses alone, in a batch, and in another order."""
        for params, k in ((DRAW, K), (GREEDY_SHORT, 1)):
            together = self._sample(self._clips, k, params)
            alone = [self._sample([clip], k, params)[0] for clip in self._clips]
            expect_same_hypotheses(alone, together, "alone")
            backwards = self._sample(self._clips[::-1], k, params)[::-1]
            expect_same_hypotheses(backwards, together, "in reverse order")

    @rule("Take the most probable token at temperature 0; use no noise.")
    def greedy_is_deterministic(self) -> None:
        """Greedy decoding gives the same whatever the seed."""
        first = self._sample(self._clips, 1, GREEDY_SHORT)
        params = attrs.evolve(GREEDY_SHORT, seed=101, cycle=7)
        expect_same_hypotheses(self._sample(self._clips, 1, params), first, "with another seed")

    @rule(
        "Leave a batch as it was in `sample`: it may be decoded greedily after k were drawn of it."
    )
    def samples_a_batch_again(self) -> None:
        """A batch that was sampled before is decoded greedily as a new one is."""
        with torch.inference_mode():
            batch = self._adapter.prepare(copies_for_adapter(self._clips))
            self._adapter.sample(batch, K, DRAW)
            again = self._adapter.sample(batch, 1, GREEDY_SHORT)
        first = self._sample(self._clips, 1, GREEDY_SHORT)
        expect_same_hypotheses(again, first, "of a batch that was sampled before")

    @rule("Let `part` be as a batch of these clips by themselves, or None.")
    def parts_a_batch(self) -> None:
        """Of a part of a batch the same is drawn as of its clips."""
        rows = range(1, len(self._clips))
        with torch.inference_mode():
            batch = self._adapter.prepare(copies_for_adapter(self._clips))
            self._adapter.sample(batch, 1, GREEDY_SHORT)
            part = self._adapter.part(batch, rows)
            drawn = None if part is None else self._adapter.sample(part, K, DRAW)
        if drawn is not None:
            expect_same_hypotheses(drawn, self._sample(self._clips[1:], K), "of a part")

    @rule("Return the sum over utterances of weight × mean negative log-likelihood of the tokens.")
    def loss_is_a_weighted_sum(self) -> None:
        """The loss is a finite scalar, and adds up over clips and weights."""
        adapter, clips, targets = self._adapter, self._clips, self._targets
        alone = [
            float(self._loss(adapter, [clip], [target], [1.0]).detach())
            for clip, target in zip(clips, targets, strict=True)
        ]
        for given in WEIGHTS:
            weights = [given[i % len(given)] for i in range(len(clips))]
            whole = self._loss(adapter, clips, targets, weights)
            expect(whole.ndim == 0, f"the loss has the shape {tuple(whole.shape)}")
            total = float(whole.detach())
            expect(math.isfinite(total), f"the loss is {total}")
            parts = sum(weight * loss for weight, loss in zip(weights, alone, strict=True))
            same = math.isclose(total, parts, rel_tol=1e-3, abs_tol=1e-4)
            expect(same, f"the loss of the batch is {total:.6g}, of its clips {parts:.6g}")

    @rule(
        "Let logprobs be what each target has by itself, and its mean over tokens minus the loss."
    )
    def tells_how_likely_targets_are(self) -> None:
        """What logprobs says, if it is there, is what the loss says; also of several targets."""
        check_likelihoods(self._adapter, self._clips, self._targets)

    @rule("Leave `module.training` as it was when `sample` and `loss` return.")
    def leaves_the_training_mode(self) -> None:
        """Drawing and computing a loss leave the network training, or not, as it was."""
        adapter, clips, targets = self._adapter, self._clips[:1], self._targets[:1]
        try:
            for training in (True, False):
                adapter.module.train(training)
                self._sample(clips, 2)
                expect(adapter.module.training == training, f"sample ends {_mode(not training)}")
                self._loss(adapter, clips, targets, [1.0])
                expect(adapter.module.training == training, f"loss ends {_mode(not training)}")
        finally:
            adapter.module.eval()

    @rule("Say in target_problem why a target cannot be learnt; None when it can.")
    def its_targets_can_be_learnt(self) -> None:
        """Nothing stands against learning the targets of its example."""
        for clip, target in zip(self._clips, self._targets, strict=True):
            problem = self._adapter.target_problem(clip.sample, target)
            expect(problem is None, f"target_problem says: {problem}")
        if self._task.output == "text":  # where nobody speaks, an empty transcript is right
            silent = Hypothesis(text="")
            if self._adapter.target_problem(self._clips[0].sample, silent) is None:
                loss = float(self._loss(self._adapter, self._clips[:1], [silent], [1.0]).detach())
                expect(math.isfinite(loss), f"the loss of an empty transcript is {loss}")
        if self._task.has_classes:
            stranger = Hypothesis(label="a class that nobody knows")
            problem = self._adapter.target_problem(self._clips[0].sample, stranger)
            expect(problem, "target_problem has nothing against a class that it has not")

    @rule("Let make_trainable choose parameters, and the loss have a gradient for them.")
    def learns(self) -> None:
        """On one batch the loss falls under AdamW, and gradients reach whichever weights train."""
        for trainable, adapter, trained in self._trainable():
            loss = partial(
                self._loss, adapter, self._clips, self._targets, [1.0] * len(self._clips)
            )
            rate = self._example.learning_rate
            check_learning(adapter, trained, loss, rate, f"trainable={trainable}")

    @rule(
        "Compute rows from the waveform alone, without chance, by no weight that is trained; let "
        "`assemble` make of them what `prepare` makes of the clips. Or return None from `reuse`."
    )
    def reuses_what_it_may(self) -> None:
        """What is kept of clips is theirs alone, and says and teaches what the clips do."""
        for trainable, adapter, _ in self._trainable():
            check_rows(adapter, self._clips, self._targets, f"trainable={trainable}")

    @rule(
        "Write config.json and safetensors, with low-rank updates merged, and load the same from "
        "them. Raise ConfigError for a `trainable` that the model has not."
    )
    def survives_saving(self) -> None:
        """What is saved after training, of whichever weights, loads again and says the same."""
        for trainable, adapter, trained in self._trainable():
            change_weights(trained)
            adapter.module.eval()
            before = self._sample(self._clips, K, adapter=adapter)
            what, folder = f"trainable={trainable}: after", self.folder / f"saved-{trainable}"
            check_saving(adapter, folder)
            loaded = self._sample(self._clips, K, adapter=self._load(str(folder)))
            expect_same_hypotheses(loaded, before, f"{what} loading")
            still = self._sample(self._clips, K, adapter=adapter)
            expect_same_hypotheses(still, before, f"{what} saving, the adapter")
            weights = trained_weights(adapter)
            same = len(weights) == len(trained) and all(map(operator.is_, weights, trained))
            expect(same, f"{what} saving, other parameters are trained than before")

    @rule("Raise CheckpointError, with what to do, for a folder that is no checkpoint.")
    def says_when_it_is_not_there(self) -> None:
        """A folder that is not there, and one that is empty, are a CheckpointError."""
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        for folder in (self.folder / "not-there", empty):
            try:
                self._load(str(folder))
            except CheckpointError as error:
                expect(str(error).strip(), "its message is empty")
            except Exception as error:
                raise ContractError(f"{describe(error)} instead of a CheckpointError") from error
            else:
                raise ContractError(f"{folder.name}: it was loaded")


def _mode(training: bool) -> str:
    return "in training mode" if training else "in evaluation mode"
