"""What a run measured: `summary.json`, its table, and one honest sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from audioforge.huggingface.write_update import UPDATE
from audioforge.inference.peak_memory import peak_memory
from audioforge.measuring.changed import changed
from audioforge.measuring.cut_short import cut_short
from audioforge.measuring.enough_utterances import FEWEST, missing_part
from audioforge.measuring.evaluation import Evaluation, decoded, summarise
from audioforge.measuring.explanation import Explanation
from audioforge.measuring.resampling import claimed_speakers
from audioforge.raft.export_rule import Candidate, ExportChoice
from audioforge.raft.update import UpdateReport
from audioforge.results.run_results import RunResults
from audioforge.results.shown import Shown
from audioforge.run.data.languages import spoken
from audioforge.run.events import MeasuredCycle
from audioforge.run.run import Run
from audioforge.run.style import style_sentence
from audioforge.terminal.figures import decimal, percent, percent_interval, point_interval
from audioforge.terminal.runaway_rates import rate, runaway_cell


class Summary(RunResults):
    """Collects a run's results; rates are fractions, differences are "this minus the base".

    Attributes:
        base_candidate: The untouched model, evaluated.
        trained: Every trained cycle, evaluated.
        base: The untouched model's metrics, as `summary.json` holds them.
        cycles: Every trained cycle's metrics, as `summary.json` holds them.
        explanation: What explains the base's held-out measure; None where nothing was looked for.
        learnability: What the base model's hypotheses offered; None where references are learnt.
        candidates: The models between the base and the best cycle, likewise.
        best: What was exported.
        improved: Whether what was exported is better than the base outside the interval.
        reason: Why it was exported.
        advice: What to try where nothing improved.
        style: What became of the style of the outputs, in a sentence; empty where it is the same.
        test: Base and exported model on the test set; None without one.
        stopped_early: Why the run ended before its last cycle; None if it did not.
        accepted_changes: What changed before it was resumed, and was accepted.
        seconds: Time that the whole run took.
    """

    def __init__(self, run: Run, base: Candidate, accepted_changes: Sequence[str] = ()) -> None:
        """Start with the base model's evaluation."""
        self._run = run
        self.base_candidate = base
        self.trained: list[Candidate] = []
        self.base: dict[str, Any] = {
            **summarise(base.evaluation),
            "retention": {name: summarise(e) for name, e in base.retention.items()},
        }
        self.cycles: list[dict[str, Any]] = []
        self.explanation: Explanation | None = None
        self.learnability: dict[str, Any] | None = None
        self.candidates: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {}
        self.improved = False
        self.reason = ""
        self.advice: list[str] = []
        self.style = ""
        self.test: dict[str, Any] | None = None
        self.stopped_early: str | None = None
        self.accepted_changes = list(accepted_changes)
        self.seconds = 0.0

    @property
    def evaluations(self) -> list[Evaluation]:
        """What was measured on the held-out set: the base, then every trained cycle."""
        return [c.evaluation for c in (self.base_candidate, *self.trained)]

    @property
    def metric(self) -> str:
        """Name of the metric that decides."""
        return self.base_candidate.evaluation.metric.name

    @property
    def _title(self) -> str:
        return self.base_candidate.evaluation.metric.title

    def add_cycle(
        self,
        candidate: Candidate,
        sampled: Mapping[str, Any],
        kept: int,
        report: UpdateReport,
        seconds: Mapping[str, float],
    ) -> dict[str, Any]:
        """Add a trained cycle; return its entry."""
        described = candidate.describe(self.base_candidate)
        entry = {
            "cycle": candidate.cycle,
            **{k: v for k, v in described.items() if k not in ("interpolation", "admissible")},
            **sampled,
            "kept": kept,
            **attrs.asdict(report),
            "seconds": dict(seconds),
            **peak_memory(self._run.processes.device),
        }
        self.recall_cycle(candidate, entry)
        return entry

    def tell(
        self, candidate: Candidate, figures: dict[str, Any], *, recalled: bool = False
    ) -> None:
        """Tell everybody who listens what a cycle came to."""
        self._run.events.measured(
            MeasuredCycle(
                number=candidate.cycle,
                figures=figures,
                metrics=candidate.evaluation.values,
                predictions=candidate.evaluation.predictions,
                line=self.line(candidate.cycle),
                changes=changed(self.base_candidate.evaluation, candidate.evaluation),
                recalled=recalled,
            )
        )

    def recall_cycle(self, candidate: Candidate, entry: dict[str, Any]) -> None:
        """Add a trained cycle whose entry is known."""
        self.trained.append(candidate)
        self.cycles.append(entry)

    def add_choice(
        self, choice: ExportChoice, line: Sequence[Candidate], exported: Candidate
    ) -> None:
        """Add what was exported (a candidate, or the base, rounded) and why."""
        self.candidates = [c.describe(self.base_candidate) for c in line]
        self.improved, self.reason = choice.improved, choice.reason
        rejected = None
        if choice.winner is not None:
            before, after = self.base_candidate.evaluation.style, choice.winner.evaluation.style
            self.style = style_sentence(self._run, choice.winner.cycle, before, after)
            rejected = self._chosen(choice.winner, choice)
        files: dict[str, Any] = {"checkpoint": "best", "dtype": self._run.config.export_dtype}
        self.best = {**self._chosen(exported, choice), **files}
        if not choice.improved:
            base = self.base_candidate.evaluation
            self.best["difference_ci95"] = list(exported.evaluation.difference_interval(base))
            self.best["rejected"] = rejected
        elif self._run.config.export_adapter:
            self.best["adapter"] = f"best/{UPDATE}"

    def _chosen(self, candidate: Candidate, choice: ExportChoice) -> dict[str, Any]:
        return {
            "cycle": candidate.cycle,
            "interpolation": candidate.alpha,
            self.metric: candidate.evaluation.value(),
            "ci95": list(candidate.evaluation.interval),
            "n": len(candidate.evaluation.items),
            **decoded(candidate.evaluation),
            "difference_ci95": list(choice.difference),
            "interval": choice.resampling.as_mapping(),
        }

    @property
    def root(self) -> Path:
        """The run folder."""
        return self._run.folder.root

    def shown(self) -> Shown:
        """Return the final table, and what it says."""
        return Shown(self.columns, self.rows, [self.claims, self.conclusion])

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that speaks."""
        return self._run.processes.is_main

    def as_mapping(self) -> dict[str, Any]:
        """Return the content of `summary.json`."""
        config = self._run.config
        return {
            "task": config.task,
            "metric": self.metric,
            "metric_is_rewarded": self._run.is_judged_by_reward,
            "higher_is_better": self.base_candidate.evaluation.metric.higher_is_better,
            "model": config.model_name,
            "parent": self._run.folder.read_parent(),
            "dataset": config.dataset,
            "eval_dataset": self.base_candidate.evaluation.dataset,
            "selection": config.selection,
            "verifiers": dict(self._run.verification.weights),
            "seed": config.seed,
            "normalizer": config.normalizer,
            "languages": spoken(self._run.data.languages),
            "explanation": self.explanation and self.explanation.as_mapping(),
            "learnability": self.learnability,
            "base": self.base,
            "cycles": self.cycles,
            "candidates": self.candidates,
            "best": self.best,
            "improved": self.improved,
            "reason": self.reason,
            "advice": self.advice,
            "selected_on_same_data": not self._run.data.has_independent_test,
            "test": self.test,
            "overlaps": [attrs.asdict(overlap) for overlap in self._run.data.overlaps],
            "stopped_early": self.stopped_early,
            "accepted_changes": self.accepted_changes,
            "skipped": {name: len(log.problems) for name, log in self._run.data.skips.items()},
            "seconds": self.seconds,
        }

    def line(self, cycle: int) -> str:
        """Return a cycle's results on one line, for whoever watches; 0 is the base."""
        name = self._title
        if cycle == 0:
            how = f"n={self.base['n']}; {self.base['decoding']}"
            measured = f"base: {name} {rate(self.base, self.metric)} ({how})"
            return measured + _cut([("measured", self.base["cut"], self.base["n"])])
        row = self.cycles[cycle - 1]
        low, high = row["difference_ci95"]
        reward = decimal(row["reward"], digits=3)
        cut = _cut(
            [
                ("sampled", row["hypotheses_cut"], row["hypotheses"]),
                ("measured", row["cut"], row["n"]),
            ]
        )
        lost = f"; worse on {', '.join(row['lost'])}" if row["lost"] else ""
        asked = self._run.config.reward_threshold_of(cycle)
        threshold = row.get("reward_threshold", asked)
        lowered = f" (threshold {asked:g} → {threshold:.3g})" if threshold < asked else ""
        resting = f", {row['resting']} solved clips rested" if row.get("resting") else ""
        return (
            f"cycle {cycle}: {name} {rate(row, self.metric)} "
            f"(difference {point_interval(low, high)} points), reward {reward}, "
            f"kept {row['kept']}{lowered}{resting}, "
            f"loss {row['first_loss']:.3f} → {row['last_loss']:.3f}, "
            f"{sum(row['seconds'].values()):.1f} s{cut}{lost}"
        )

    @property
    def columns(self) -> list[str]:
        """Heads of the final table."""
        name = self._title
        heads = ["model", name, "95 %", "difference, points, 95 %", *self._runaway_head]
        names = [dataset.short_name for dataset in self._run.data.retention]
        if len(set(names)) < len(names):
            names = list(self.base_candidate.retention)
        for dataset, retained in zip(names, self.base_candidate.retention.values(), strict=True):
            judged = retained.metric.title
            heads += [
                f"retention {dataset}" + (f", {judged}" if judged != name else ""),
                "difference, points, 95 %",
                *self._runaway_head,
            ]
        return heads

    @property
    def _runaway_head(self) -> list[str]:
        """Head of the column of run-away clips; classes have none."""
        return [] if self._run.task.has_classes else ["run-away clips"]

    @property
    def rows(self) -> list[list[str]]:
        """Rows of the final table: base, cycles, points between them, and what was exported."""
        rows = [self._row("base", self.base)]
        rows += [self._row(f"cycle {c['cycle']}", c) for c in self.cycles]
        # The cycle's row is of its float32 weights, and another type's of what is exported.
        rounded = self._run.exports_rounded
        for c in self.candidates:
            if c["interpolation"] != 1.0 or rounded:
                part = "" if c["interpolation"] == 1.0 else f"{c['interpolation']:g} × "
                as_type = f", {self._run.config.export_dtype}" if rounded else ""
                rows.append(self._row(f"{part}cycle {c['cycle']}{as_type}", c))
        return rows

    def _row(self, label: str, entry: Mapping[str, Any]) -> list[str]:
        best = self.best
        exported = (best["cycle"], best["interpolation"]) == (
            entry.get("cycle", 0),
            entry.get("interpolation", 1.0 if "cycle" in entry else 0.0),
        )
        trained = self._run.exports_rounded and "interpolation" not in entry and "cycle" in entry
        cells = [f"{label} → best" if exported and not trained else label, *self._cells(entry)]
        for name, retained in entry["retention"].items():
            value, _, difference, *runaway = self._cells(retained)
            worse = " WORSE" if name in entry.get("lost", ()) else ""
            cells += [value, difference + worse, *runaway]
        return cells

    def _cells(self, entry: Mapping[str, Any]) -> list[str]:
        difference = entry.get("difference_ci95")
        return [
            percent(entry[entry["metric"]]),
            percent_interval(*entry["ci95"]),
            point_interval(*difference) if difference else "",
            *(runaway_cell(entry, entry["metric"]) for _ in self._runaway_head),
        ]

    @property
    def claims(self) -> str:
        """What the table's intervals are about, set by set, on one line."""
        parts = [f"held out, {claimed_speakers(self.base['interval'])}"]
        for name, retained in self.base["retention"].items():
            parts.append(f"retention {name}, {claimed_speakers(retained['interval'])}")
        return f"95 % intervals: {'; '.join(parts)}. Decoding: {self.base['decoding']}."

    @property
    def conclusion(self) -> str:
        """One honest sentence about the run, and what limits it."""
        best, name = self.best, self._title
        independent = self._run.data.has_independent_test
        where, rounded = self._run.output_dir / "best", self._run.exports_rounded
        if not self.improved:
            text = f"Not improved: {self.reason}{self._rejected}. {where} holds its weights"
            text += f" as {best['dtype']}, {name} {rate(best, self.metric)}." if rounded else "."
        else:
            low, high = best["difference_ci95"]
            text = (
                f"Improved: held-out {name} {rate(self.base, self.metric)} → "
                f"{rate(best, self.metric)} "
                f"(difference {point_interval(low, high)} points, 95 %, "
                f"{claimed_speakers(best['interval'])}) with cycle {best['cycle']}"
                + (f" × {best['interpolation']:g}" if best["interpolation"] != 1 else "")
                + f", in {where}"
                + (f" as {best['dtype']}." if rounded else ".")
            )
        if self.test:
            low, high = self.test["best"]["difference_ci95"]
            text += (
                f" On {self.test['dataset']}: {rate(self.test['base'], self.metric)} → "
                f"{rate(self.test['best'], self.metric)} "
                f"(difference {point_interval(low, high)} points, "
                f"{claimed_speakers(self.test['best']['interval'])})"
                + (f": {self._verdict}." if self.improved and independent else ".")
            )
        if overlaps := self._run.data.test_overlaps:
            shared = "; ".join(map(str, overlaps))
            text += f" {shared}. --test-dataset with other clips gives an independent figure."
        elif self.improved and not independent:
            text += " The same data chose the cycle; --test-dataset gives an independent figure."
        if self._run.is_judged_by_reward:
            text += f" {name[:1].upper()}{name[1:]} was also the reward, or a part of it."
        if self.accepted_changes:
            text += f" Accepted when it was resumed: {'; '.join(self.accepted_changes)}."
        tries = f"To try: {'; '.join(self.advice)}." if self.advice else ""
        sentences = [text, tries, self.style, *(f"{sentence}." for sentence in self._missing)]
        return " ".join(filter(None, sentences))

    @property
    def _verdict(self) -> str:
        """What the test set says of the gain."""
        assert self.test is not None
        measured = min(self.test[model]["measured"] for model in ("base", "best"))
        if measured < FEWEST:
            return f"not confirmed, since {measured} of at least {FEWEST} utterances cannot tell"
        return "confirmed" if self.test["improved"] else "not confirmed"

    @property
    def _missing(self) -> list[str]:
        """A sentence for each set of which a noteworthy part was not measured."""
        rows = [self.base, *self.cycles, *self.candidates]
        sets = [(self.base_candidate.evaluation.dataset, rows)]
        for name in self.base["retention"]:
            sets.append((name, [row["retention"][name] for row in rows]))
        if self.test:
            sets.append((self.test["dataset"], [self.test["base"], self.test["best"]]))
        sentences = (
            missing_part(name, min(row["measured"] for row in rows), rows[0]["total"])
            for name, rows in sets
        )
        return [sentence for sentence in sentences if sentence is not None]

    @property
    def _rejected(self) -> str:
        """What the best candidate reached, in brackets, where it did not replace the base."""
        rejected = self.best.get("rejected")
        if rejected is None:
            return ""
        alpha = rejected["interpolation"]
        part = "" if alpha == 1 else f"{alpha:g} × "
        return (
            f" (base {rate(self.base, self.metric)}, {part}cycle {rejected['cycle']} "
            f"{rate(rejected, self.metric)}, difference "
            f"{point_interval(*rejected['difference_ci95'])} points, "
            f"{claimed_speakers(rejected['interval'])})"
        )


def _cut(counts: Sequence[tuple[str, int, int]]) -> str:
    """Return how many outputs a length limit ended, where it ended any."""
    parts = [f"{cut_short(cut, total)} {what}" for what, cut, total in counts if cut]
    return f"; {', '.join(parts)}" if parts else ""
