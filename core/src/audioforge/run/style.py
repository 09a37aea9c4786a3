"""Whether a run teaches another style than the model's own: told before, and where it did.

Transcripts in lower case without punctuation teach a model to write so, and a rate of normalised
texts does not see it. RAFT learns what the model itself wrote, and so keeps its style, unless the
reward counts it.
"""

from __future__ import annotations

from audioforge import keyed_random
from audioforge.inference.clips import chunks_of
from audioforge.inference.sampling import Sampler
from audioforge.inference.skip_log import SkipLog
from audioforge.measuring.style import Style, describe_style, lacks_style, style_change, style_of
from audioforge.model import ModelAdapter
from audioforge.run.data.samples import normalizer_for
from audioforge.run.run import Run

MOST_DECODED = 8
"""Training clips that a dry run decodes to see what the model writes: one batch."""
COUNTS_STYLE = "none"
"""The normaliser that leaves capitals and punctuation as they are."""


def learnt_by(run: Run) -> str | None:
    """Return in words how the style of the transcripts is learnt; None where it is not."""
    if run.task.output != "text":
        return None
    if run.selection.learns_from_references:
        return "are what is learnt"
    if run.selection.quotes_references:
        return "are learnt beside hypotheses"
    rewarding = run.verification.verifiers.items()
    judged = any(v.needs_reference and run.verification.has_part(i) for i, v in rewarding)
    if judged and run.config.normalizer == COUNTS_STYLE:
        return "are what the reward compares with, letter by letter (--normalizer none)"
    return None


def style_of_transcripts(run: Run) -> dict[str, float | None]:
    """Return the style of the training clips' transcripts; empty where there are none."""
    references = [s.reference for s in run.data.train.samples if s.reference]
    return style_of(references) if references and run.task.output == "text" else {}


def warn_of_style(run: Run, outputs: Style, clips: str) -> None:
    """Say before the training that it would teach another style than the model's own.

    Args:
        run: The run.
        outputs: How the untouched model writes; empty where that is not known.
        clips: Of which clips it wrote them.
    """
    learnt = learnt_by(run)
    if learnt is None or not outputs:
        return
    transcripts = style_of_transcripts(run)
    if not transcripts or not lacks_style(transcripts, outputs):
        return
    run.events.warn(
        f"style: the run teaches another than the model's own. The transcripts {learnt}, and hold "
        f"{describe_style(transcripts)}; what the model writes of {clips} holds "
        f"{describe_style(outputs)}. {_advice(run)}"
    )


def style_sentence(run: Run, cycle: int, before: Style, after: Style) -> str:
    """Return what became of the style of the outputs; nothing where it is much the same.

    Args:
        run: The run.
        cycle: The cycle that was chosen, or its part on the line from the base.
        before: The style of the untouched model's held-out outputs; empty where these are no text.
        after: The style of the chosen model's.
    """
    change = style_change(before, after) if before and after else ""
    if not change:
        return ""
    told = f"Style with cycle {cycle}: {change} of the held-out outputs"
    learnt = learnt_by(run)
    if learnt is None or not (transcripts := style_of_transcripts(run)):
        return f"{told}: look at them in predictions.jsonl before you use that model."
    why = f"the transcripts {learnt}, and hold {describe_style(transcripts)}"
    advice = f" {_advice(run)}." if lacks_style(transcripts, before) else ""
    return f"{told}; {why}.{advice}"


def decoded_style(run: Run, adapter: ModelAdapter) -> dict[str, float | None]:
    """Return how the model writes a few of the training clips; empty where that does not matter.

    It does where the style of transcripts is learnt, and they seldom hold something.

    Args:
        run: The run, not begun.
        adapter: The untouched model.
    """
    if learnt_by(run) is None:
        return {}
    transcripts = style_of_transcripts(run)
    if not transcripts or not lacks_style(transcripts, dict.fromkeys(transcripts, 1.0)):
        return {}
    samples = run.data.train.samples
    chosen = sorted(keyed_random.shuffled(len(samples), "style")[:MOST_DECODED])
    sampler = Sampler(
        adapter=adapter,
        k=1,
        params=run.evaluator.decoding.params,
        skips=SkipLog("skip"),
        processes=run.processes,
        reporter=run.reporter,
    )
    chunks = chunks_of([samples[i] for i in chosen], run.config.batch_size)
    batches = sampler.batches(chunks, "look at the style of a few clips")
    return style_of(hs[0].text or "" for batch in batches for _, hs in batch.sampled)


def _advice(run: Run) -> str:
    """Return what to do about another style."""
    if not run.selection.learns_from_references and not run.selection.quotes_references:
        samples = [*run.data.train.samples, *run.data.held_out.samples]
        advised = normalizer_for(None, run.config.common_language, samples, run.config.task)
        return f"--normalizer {advised} leaves the style to the model"
    unseen = f"{run.config.normalizer} hides it from the error rate. "
    return (
        f"{unseen if run.config.normalizer != COUNTS_STYLE else ''}Write the transcripts as the "
        f"outputs are to be, or use --selection best, which learns what the model itself wrote"
    )
