"""What every verifier must do: `audioforge.verifier.Verifier` in rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import attrs
import numpy as np

from audioforge.isolation.copies import copies_for_verifier
from audioforge.model import Task
from audioforge.sample import Score
from audioforge.tasks import speech_task
from audioforge.verifier import Verifier
from audioforge_kit.contract import Contract, expect, rule
from audioforge_kit.examples import Case, VerifierExample
from audioforge_kit.scores import check_score, expect_equal_scores, shown
from audioforge_kit.verifier_cases import (
    arrays_of,
    contract_context,
    crossed,
    empty_cases,
    general_cases,
    in_files,
    odd_cases,
    of_other_kinds,
    pairs_of,
    with_new_sound,
    without_metadata,
    without_reference,
)
from audioforge_kit.worker import scores_in_worker


class VerifierContract(Contract):
    """The rules of a verifier."""

    kind = "verifier"
    example_class = VerifierExample

    @rule("Let the factory return an instance of audioforge.verifier.Verifier.")
    def is_a_verifier(self) -> None:
        """The factory, called with the options, returns a Verifier."""
        created = self.create()
        expect(isinstance(created, Verifier), f"it returned {type(created).__name__}")
        known = ("hypothesis", "rollout")
        expect(created.scope in known, f"scope is {created.scope!r}, not one of {known}")
        needs = created.needs_reference
        expect(isinstance(needs, bool), f"needs_reference is {needs!r}, not a bool")
        keys = created.needs_metadata
        are_names = not isinstance(keys, str) and all(isinstance(key, str) for key in keys)
        expect(are_names, f"needs_metadata is {keys!r}, not a sequence of names")

    @rule("Let the class and the specification name the same tasks.")
    def tasks_agree(self) -> None:
        """The tasks of the class are those of the specification."""
        tasks = tuple(getattr(self.create(), "tasks", ()))
        expect(
            set(tasks) == set(self.spec.tasks), f"class: {tasks}, specification: {self.spec.tasks}"
        )

    @rule(
        "Return a list with a Score for each hypothesis, in their order, each with a reward in "
        "[0, 1] or None, passed as a bool or None, and metrics that are finite numbers. Clip the "
        "reward; leave a metric out that cannot be computed."
    )
    def scores_are_scores(self) -> None:
        """Each hypothesis gets a Score: a reward in [0, 1] or None, and finite metrics."""
        for task in self.spec.tasks:
            self.first_scores(task)

    @rule("Take any text as it is; return Score(None) for what cannot be judged.")
    def takes_any_text(self) -> None:
        """Text of any script, control characters and lone surrogates raise nothing."""
        for task in self.spec.tasks:
            self.odd_scores(task)

    @rule("Return an empty list for no hypotheses; score an empty text or sound like any other.")
    def takes_nothing(self) -> None:
        """No hypotheses, an empty text and a sound without a frame raise nothing."""
        for task in self.spec.tasks:
            scores = self.verifier(task).verify((), ())
            expect(list(scores) == [], f"it returned {scores!r} for no hypotheses")
            for case in empty_cases(task):
                self.scores([case], task)

    @rule(
        "If the general cases of the task are nothing that it can judge, give the specification "
        "an example with cases that it can: some good, some bad."
    )
    def judges_something(self) -> None:
        """The verifier gives different rewards to the hypotheses of its example."""
        for task in self.spec.tasks:
            scores = self.first_scores(task)
            rewards = {score.reward for score in scores if score.reward is not None}
            expect(
                len(rewards) > 1,
                f"the rewards of its cases for {task} are {sorted(rewards) or 'all None'}",
            )

    @rule(
        "Return Score(None) for a sample without reference or label, and for a hypothesis of a "
        "kind that its tasks have not, instead of raising or of guessing a reward. If it needs no "
        "reference, say needs_reference = False; if it needs other columns, needs_metadata."
    )
    def abstains(self) -> None:
        """What it cannot judge has no reward: other hypotheses, and samples that lack its needs."""
        for task in self.spec.tasks:
            needs_reference = self.verifier(task).needs_reference
            needs_metadata = self.verifier(task).needs_metadata
            given = []
            for case in self.cases(task):
                for other in of_other_kinds(case, self.spec.tasks):
                    for score in self.scores([other], task):
                        expect(
                            score.reward is None,
                            f"{shown(other.hypotheses[0])} for {task} has reward {score.reward}",
                        )
                if needs_metadata:
                    for score in self.scores([without_metadata(case)], task):
                        expect(
                            score.reward is None,
                            f"without {' or '.join(needs_metadata)} it gives {score.reward}",
                        )
                for unknown in without_reference(case):
                    rewards = [score.reward for score in self.scores([unknown], task)]
                    given += [reward for reward in rewards if reward is not None]
            expect(
                not (needs_reference and given),
                f"without a reference it gives the rewards {given[:5]}",
            )
            expect(
                needs_reference or given,
                "it says needs_reference = False, and judges nothing without a reference",
            )

    @rule(
        "Read a sound by audioforge.audio.load_clip, which takes arrays and files, and expect "
        "none: the audio of a sample is None where only texts are known."
    )
    def takes_sound_as_it_comes(self) -> None:
        """Sound may be decoded, in a file, or, of a sample, missing; in files, scores are equal."""
        for task in self.spec.tasks:
            cases = self.cases(task)
            stored = [in_files(case, self.folder) for case in cases]
            expect_equal_scores(
                self.scores(stored, task), self.first_scores(task), "with sound in files", "decoded"
            )
            for case in cases:
                sample = attrs.evolve(case.sample, audio=None, sampling_rate=None, duration=None)
                self.scores([Case(sample, case.hypotheses)], task)

    @rule("Expect any number of hypotheses of a sample, also one; expect no known classes.")
    def takes_a_lone_hypothesis(self) -> None:
        """A single hypothesis raises nothing, nor does a run that knows of no classes."""
        for task in self.spec.tasks:
            for case in self.cases(task):
                self.scores([Case(case.sample, case.hypotheses[:1])], task)
            verifier = cast("Verifier", self.create())
            verifier.setup(contract_context(self.registry, task))
            self.scores(self.cases(task)[:1], task, verifier)
            verifier.close()

    @rule("Compute each score from its own sample and hypothesis only; keep nothing between calls.")
    def batch_equals_single(self) -> None:
        """A hypothesis has the same score alone and in a batch."""
        for task in self.spec.tasks:
            cases = self.cases(task)
            together = self.first_scores(task)
            alone = [
                score
                for case in cases
                for part in self._parts(case, task)
                for score in self.scores([part], task)
            ]
            expect_equal_scores(alone, together, "alone", "in a batch")

    @rule("Compute each score from its own sample and hypothesis only; keep nothing between calls.")
    def order_does_not_matter(self) -> None:
        """The scores do not depend on the order of samples, nor of a sample's hypotheses."""
        for task in self.spec.tasks:
            cases = self.cases(task)
            backwards = [Case(c.sample, c.hypotheses[::-1]) for c in reversed(cases)]
            reversed_scores = self.scores(backwards, task)[::-1]
            expect_equal_scores(reversed_scores, self.first_scores(task), "backwards", "forwards")

    @rule(
        "Draw random numbers from audioforge.keyed_random, keyed by the sample's id; take nothing "
        "from the clock or from a global generator."
    )
    def is_deterministic(self) -> None:
        """The same hypotheses get the same scores, also from a new instance."""
        for task in self.spec.tasks:
            cases = self.cases(task)
            first, again = self.first_scores(task), self.scores(cases, task)
            expect_equal_scores(again, first, "the second time", "the first time")
            others = crossed(cases)  # what was remembered of a text may be of another sample
            fresh = self.new_verifier(task)
            expect_equal_scores(
                self.scores(others, task, fresh),
                self.scores(others, task),
                "from a new instance",
                "from one that has seen other samples",
            )
            expect_equal_scores(
                self.scores(cases, task, fresh), first, "from a new instance", "from the first"
            )
            fresh.close()

    @rule(
        "Keep only plain values before setup: no lambda, no open file, no loaded model. Load those "
        "in setup."
    )
    def works_in_a_worker(self) -> None:
        """Before setup it can be pickled, and it scores the same in another process."""
        for task in self.spec.tasks:
            cases = self.cases(task)
            there = scores_in_worker(
                self.create(), task, self.example.labels, pairs_of(cases), self.files
            )
            expect_equal_scores(there, self.first_scores(task), "in a worker process", "here")

    @rule("List in `metrics` every name that a score can have, and no other.")
    def declares_its_metrics(self) -> None:
        """The metrics of its scores are those that it declares, and each of them occurs."""
        declared = set(self.create().metrics)
        seen: set[str] = set()
        for task in self.spec.tasks:
            for score in [*self.first_scores(task), *self.odd_scores(task)]:
                seen |= set(score.metrics)
        expect(seen <= declared, f"not declared: {', '.join(sorted(seen - declared))}")
        expect(
            declared <= seen,
            f"declared, and in no score of any case: {', '.join(sorted(declared - seen))}",
        )

    @rule("Let numerator and denominator of a CorpusMetric be names of `metrics`.")
    def corpus_metrics_are_sums_of_metrics(self) -> None:
        """Each corpus metric is made of metrics that it declares."""
        verifier = self.create()
        for metric in verifier.corpus_metrics:
            unknown = {*metric.numerator, metric.denominator} - set(verifier.metrics)
            expect(not unknown, f"{metric.name}: no metric is called {', '.join(sorted(unknown))}")

    @rule("Copy an array before you change it.")
    def leaves_its_input_alone(self) -> None:
        """The verifier does not change the sound that it is given."""
        for task in self.spec.tasks:
            cases = [with_new_sound(case) for case in self.cases(task)]
            before = [array.copy() for array in arrays_of(cases)]
            self.scores(cases, task)
            unchanged = map(np.array_equal, before, arrays_of(cases))
            expect(all(unchanged), "a waveform that it was given has other values afterwards")

    @rule(
        "Let the options class be an attrs class of plain types; raise ValueError, TypeError or "
        "ConfigError in its validators."
    )
    def refuses_bad_options(self) -> None:
        """Wrong options are a ConfigError that names them."""
        self.check_bad_options()

    @rule("Let close do nothing when there is nothing to let go of.")
    def can_be_closed(self) -> None:
        """The verifier can be closed twice, and without having been set up."""
        verifier = self.new_verifier(self.spec.tasks[0])
        verifier.close()
        verifier.close()
        self.create().close()

    def verifier(self, task: Task) -> Verifier:
        """Return a verifier that is set up for a task; the same each time."""
        what = f"a verifier that is set up for {task}"
        return cast("Verifier", self.once(what, lambda: self.new_verifier(task)))

    def first_scores(self, task: Task) -> list[Score]:
        """Return the scores of the cases for a task; the same each time."""
        what = f"scores for {task}"
        return cast("list[Score]", self.once(what, lambda: self.scores(self.cases(task), task)))

    def odd_scores(self, task: Task) -> list[Score]:
        """Return the scores of the odd cases for a task, each case given by itself."""

        def make() -> list[Score]:
            return [score for case in self.odd_cases(task) for score in self.scores([case], task)]

        return cast("list[Score]", self.once(f"scores of odd input for {task}", make))

    def new_verifier(self, task: Task) -> Verifier:
        """Return a new verifier that is set up for a task."""
        verifier = cast("Verifier", self.create())
        corpus = [case.sample for case in self.cases(task)]
        verifier.setup(contract_context(self.registry, task, self.example.labels, corpus))
        return verifier

    def cases(self, task: Task) -> list[Case]:
        """Return the cases of the example for a task, or general ones."""
        output = speech_task(task).output
        own = [
            case
            for case in cast("VerifierExample", self.example).cases
            if all(getattr(h, output) is not None for h in case.hypotheses)
        ]
        return own or general_cases(task)

    def odd_cases(self, task: Task) -> list[Case]:
        """Return cases that no verifier need judge, and none may fail on."""
        return [*odd_cases(task), *empty_cases(task)]

    def scores(
        self, cases: Sequence[Case], task: Task, verifier: Verifier | None = None
    ) -> list[Score]:
        """Score the hypotheses of cases in one call, and check that what comes are scores."""
        verifier = verifier or self.verifier(task)
        pairs = pairs_of(cases)
        lent = copies_for_verifier([s for s, _ in pairs], [h for _, h in pairs])
        scores = verifier.verify(*lent)
        expect(isinstance(scores, list), f"verify returned {type(scores).__name__}, not a list")
        expect(
            len(scores) == len(pairs),
            f"verify returned {len(scores)} scores for {len(pairs)} hypotheses",
        )
        for (_, hypothesis), score in zip(pairs, scores, strict=True):
            check_score(score, hypothesis)
        return scores

    def _parts(self, case: Case, task: Task) -> list[Case]:
        """Return the smallest cases that the verifier's scope lets it judge by themselves."""
        if self.verifier(task).scope == "rollout":
            return [case]
        return [Case(case.sample, (hypothesis,)) for hypothesis in case.hypotheses]
