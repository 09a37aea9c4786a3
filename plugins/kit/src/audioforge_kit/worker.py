"""A verifier in a process of its own: pickled, set up and asked there."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from audioforge.model import Task
from audioforge.sample import AudioSample, Hypothesis, Score
from audioforge.verifier import Verifier
from audioforge_kit.contract import ContractError

SECONDS = 300.0
"""Time that the other process may take: it imports everything anew."""


def scores_in_worker(
    verifier: Verifier,
    task: Task,
    labels: tuple[str, ...],
    pairs: list[tuple[AudioSample, Hypothesis]],
    files: tuple[Path, ...],
) -> list[Score]:
    """Send a verifier that is not set up to a new process, and return the scores from there.

    Args:
        verifier: The verifier, which is pickled.
        task: The task that it is set up for.
        labels: The known classes.
        pairs: The samples and hypotheses that it scores.
        files: Plugins that are single files, which the other process loads first.

    Raises:
        ContractError: If it cannot be pickled, or fails there.
    """
    context = multiprocessing.get_context("spawn")  # nothing is inherited but what is sent
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there, files), daemon=True)
    process.start()
    there.close()
    # The verifier goes first and alone, so that a failure to pickle is told from all others.
    try:
        try:
            here.send(verifier)
        except Exception as error:  # pickle raises many kinds
            raise ContractError(f"it cannot be pickled: {type(error).__name__}: {error}") from error
        with suppress(BrokenPipeError):  # it failed already, and says why
            here.send((task, labels, pairs))
        if not here.poll(SECONDS):
            raise ContractError(f"the process gave no scores within {SECONDS:g} s")
        answer = here.recv()
    except (EOFError, ConnectionError) as error:
        raise ContractError("the process ended without an answer") from error
    finally:
        here.close()
        process.kill()
        process.join()
    # Scores, or a text that says what failed there.
    if isinstance(answer, str):
        raise ContractError(f"in a worker process: {answer}")
    return list(answer)


def _work(connection: Connection[Any, Any], files: tuple[Path, ...]) -> None:
    from audioforge.errors import describe
    from audioforge.isolation.copies import copies_for_verifier
    from audioforge.plugins import discover
    from audioforge_kit.verifier_cases import contract_context

    try:
        registry = discover(files=files)  # the class of what is unpickled may be in a file
        verifier: Verifier = connection.recv()
        task, labels, pairs = connection.recv()
        corpus = [sample for sample, _ in pairs]
        verifier.setup(contract_context(registry, task, labels, corpus))
        lent = copies_for_verifier([s for s, _ in pairs], [h for _, h in pairs])
        connection.send(verifier.verify(*lent))
    except BaseException as error:  # a plugin is foreign code, and may even call sys.exit
        connection.send(describe(error))
