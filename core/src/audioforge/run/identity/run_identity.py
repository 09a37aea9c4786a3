"""What makes a run this run and no other: settings, base weights, data, files and code.

A run that goes on with something else would end with figures that mean nothing; so all of it is
written down when the run begins, and compared when it is resumed. The sound is compared in
`sound.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cattrs
import torch
from attrs import asdict, define, field, frozen

from audioforge.config import CHANGEABLE, AudioRAFTConfig
from audioforge.errors import UsageError
from audioforge.files import atomic
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.run.identity.code import CodeIdentity, code_changes
from audioforge.run.identity.run_format import FORMAT, check_format
from audioforge.sample import AudioSample


@frozen
class DataIdentity:
    """A dataset's content, but for the sound.

    Attributes:
        samples: How many samples there are.
        digest: Digest of their ids, references, labels, segments and channels, in hexadecimal.
        ids: Digest of their ids alone; None in run folders of format 1.
        about: Digest of what else is known of them, such as language and speaker; None in format 1.
    """

    samples: int
    digest: str
    ids: str | None = None
    about: str | None = None

    @classmethod
    def of(cls, samples: Iterable[AudioSample]) -> DataIdentity:
        """Digest samples, whatever their order."""
        texts, ids, about = (hashlib.blake2b(digest_size=16) for _ in range(3))
        count = 0
        for sample in sorted(samples, key=lambda s: s.id):
            known = (sample.id, sample.reference, sample.labels, sample.offset, sample.duration)
            # Runs from before there were channels have none written.
            part = (*known, sample.channels) if sample.channels else known
            texts.update(json.dumps(part).encode())
            ids.update(json.dumps(sample.id).encode())
            metadata = {str(key): value for key, value in sample.metadata.items()}
            other = (sample.speaker, sample.language, sample.sampling_rate, metadata)
            about.update(json.dumps(other, default=_plain).encode())
            count += 1
        return cls(count, texts.hexdigest(), ids.hexdigest(), about.hexdigest())


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a value that a dataset put into the metadata."""
    return value.tolist() if hasattr(value, "tolist") else type(value).__name__


@define
class Changes:
    """What is other than when the run began, a sentence each.

    Attributes:
        unfit: What the files of the run cannot go on with.
        knowing: What they can go on with, if somebody says so.
    """

    unfit: list[str] = field(factory=list)
    knowing: list[str] = field(factory=list)


@frozen(kw_only=True)
class RunIdentity:
    """What must not change while a run is interrupted.

    Attributes:
        settings: The run's settings, but for those that do not change its result.
        model: Digest of the base model's weights and buffers, in hexadecimal.
        data: The identity of each dataset, and of the sound that an augmentation reads, by its role
            and name.
        files: Digests of the files that checkpoints and options name, by what they are; None in
            run folders of format 1.
        code: The code's identity, AudioForge's and the plugins', by distribution; None in format 1.
        accepted_changes: What changed since the run began and was accepted, a sentence each.
        format: Number of the run folder's format; None in format 1.
    """

    settings: Mapping[str, Any]
    model: str
    data: Mapping[str, DataIdentity]
    files: Mapping[str, str | None] | None = None
    code: Mapping[str, CodeIdentity] | None = None
    accepted_changes: Sequence[str] = ()
    format: int | None = None

    @classmethod
    def of(
        cls,
        config: AudioRAFTConfig,
        module: torch.nn.Module,
        data: Iterable[tuple[str, EvaluationSet]],
        files: Mapping[str, str | None],
        code: Mapping[str, CodeIdentity],
    ) -> RunIdentity:
        """Take it from a run that is ready.

        Args:
            config: Completed.
            module: The base model, as it was loaded.
            data: Every dataset by its role and name.
            files: Digests of the files it is made with.
            code: The code that runs it.
        """
        return cls(
            settings=_compared(config),
            model=_digest(module),
            data={role: DataIdentity.of(dataset.samples) for role, dataset in data},
            files=files,
            code=code,
            format=FORMAT,
        )

    @property
    def is_whole(self) -> bool:
        """Whether it holds all that is compared; not in format 1."""
        return self.files is not None and self.code is not None

    def write(self, path: Path) -> None:
        """Write the identity as JSON."""
        atomic.write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> RunIdentity:
        """Read what `write` wrote.

        Raises:
            UsageError: If it is damaged, or of a newer format.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            check_format(values.get("format"), path)
            return cattrs.structure(values, cls)
        except (
            OSError,
            ValueError,
            TypeError,
            AttributeError,
            cattrs.BaseValidationError,
        ) as error:
            raise UsageError(f"{path}: cannot be read: {error}; start a new run") from error

    def changes(self, now: RunIdentity) -> Changes:
        """Compare with what the run would go on with.

        Args:
            now: The run as it is today, whole.
        """
        found = Changes(unfit=_setting_changes(self.settings, now.settings))
        if self.model != now.model:
            name = now.settings.get("model_name")
            found.unfit.append(f"base model {name}: its weights changed")
        for role in sorted({*self.data, *now.data}):
            _compare_data(role, self.data.get(role), now.data.get(role), found)
        if self.files is not None:
            found.knowing += _file_changes(self.files, now.files or {})
        if self.code is not None:
            found.knowing += code_changes(dict(self.code), dict(now.code or {}))
        return found


def _compared(config: AudioRAFTConfig) -> dict[str, Any]:
    """Return the settings that a resumed run must share, as JSON holds them."""
    settings = {k: v for k, v in config.as_mapping().items() if k not in CHANGEABLE}
    return dict(json.loads(json.dumps(settings)))


def _setting_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare settings; one that is not written was not there yet, and stands at its default."""
    defaults = _compared(AudioRAFTConfig())
    unknown = [
        f"setting {name}: was {then[name]!r}, and this AudioForge does not know it"
        for name in sorted(then.keys() - defaults.keys())
    ]
    settled = {"metric": now.get("metric")}  # by the data, as ever, where it was not written
    before, after = {**defaults, **settled, **then}, {**defaults, **now}
    return unknown + [
        f"setting {name}: was {before[name]!r}, is {after[name]!r}"
        for name in sorted(defaults)
        if before[name] != after[name]
    ]


def _compare_data(
    role: str, then: DataIdentity | None, now: DataIdentity | None, found: Changes
) -> None:
    if then is None or now is None:
        found.unfit.append(f"{role}: {'was not part of the run' if then is None else 'is gone'}")
    elif then.samples != now.samples:
        found.unfit.append(f"{role}: had {then.samples} samples, has {now.samples}")
    elif then.ids is not None and then.ids != now.ids:
        found.unfit.append(f"{role}: its {now.samples} samples have other ids")
    elif then.digest != now.digest:
        several = "references, labels or segments"
        if then.ids is None:
            found.unfit.append(f"{role}: its {now.samples} samples have other ids, {several}")
        else:
            found.knowing.append(f"{role}: its {now.samples} samples have other {several}")
    elif then.about is not None and then.about != now.about:
        found.knowing.append(
            f"{role}: its {now.samples} samples have other languages, speakers or other columns"
        )


def _file_changes(then: Mapping[str, str | None], now: Mapping[str, str | None]) -> list[str]:
    """Compare files; a file that is new counts in a folder of which others were there.

    What was not there at all is what a plugin fetched or wrote when its turn came.
    """
    known = {name.rpartition(": ")[0] for name in then}
    sentences = []
    for name in sorted({*then, *now}):
        if name not in then:
            if name.rpartition(": ")[0] in known:
                sentences.append(f"{name}: was not there")
        elif name not in now:
            sentences.append(f"{name}: is gone")
        elif then[name] != now[name]:
            sentences.append(f"{name}: changed")
    return sentences


def _digest(module: torch.nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(module.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
