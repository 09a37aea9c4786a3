"""A third party's selections, tracker, executor and exporter, as source of a distribution."""

PLUGIN = """
from audioforge.hookspecs import hookimpl
from audioforge.specs import ExecutorSpec, ExporterSpec, SelectionSpec, TrackerSpec

AUDIOFORGE_API = 2
HERE = "acme_doors.behind"


@hookimpl
def register_selections():
    return [SelectionSpec(name="longest", summary="The longest hypothesis.",
                          factory=f"{HERE}:Longest", options=f"{HERE}:LongestOptions"),
            SelectionSpec(name="copies", summary="The references.", factory=f"{HERE}:Copies"),
            SelectionSpec(name="best", summary="Another best.", factory=f"{HERE}:Longest")]


@hookimpl
def register_trackers():
    return [TrackerSpec(name="lines", summary="A line for each step.", factory=f"{HERE}:Lines",
                        options=f"{HERE}:LinesOptions")]


@hookimpl
def register_executors():
    return [ExecutorSpec(name="nobody", summary="Does no work.", factory=f"{HERE}:Nobody")]


@hookimpl
def register_exporters():
    return [ExporterSpec(name="config", summary="The configuration alone.", tasks=("asr", "tts"),
                         factory=f"{HERE}:Config")]
"""

BEHIND = """
import shutil
from pathlib import Path

from attrs import frozen

from audioforge.executor import Executor
from audioforge.exporter import Exporter
from audioforge.selection import Kept, Selected, Selection
from audioforge.tracker import Tracker


@frozen
class LongestOptions:
    '''Options of `longest`.

    Attributes:
        most: Words of a hypothesis to learn.
    '''

    most: int = 10


class Longest(Selection):
    least_hypotheses = 2

    def __init__(self, most=10):
        self.most = most

    def select(self, rollouts, context):
        return Selected([Kept(r.sample, self._longest(r)) for r in rollouts], divisor="clips")

    def _longest(self, rollout):
        hypotheses = [scored.hypothesis for scored in rollout.hypotheses]
        short = [h for h in hypotheses if len(h.text.split()) <= self.most]
        return max(short, key=lambda h: len(h.text))


class Copies(Selection):
    learns_from_references = True

    def select(self, rollouts, context):
        return Selected([Kept(r.sample, r.hypotheses[0].hypothesis) for r in rollouts])


@frozen
class LinesOptions:
    path: Path


class Lines(Tracker):
    def __init__(self, path):
        self.path = path

    def start(self, run):
        self.path.write_text("")

    def metrics(self, step, values):
        with self.path.open("a") as file:
            file.write(f"{step} {dict(values)}")


class Nobody(Executor):
    processes = None

    def join(self, device, dtype):
        raise NotImplementedError

    def share(self, job, batches):
        return iter(())

    def together(self, job):
        pass


class Config(Exporter):
    def export(self, checkpoint, folder):
        shutil.copy(checkpoint / "config.json", folder)
"""

FILES = {"plugin.py": PLUGIN, "behind.py": BEHIND}
