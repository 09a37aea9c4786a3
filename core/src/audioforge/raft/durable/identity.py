"""What makes a run this run and no other: settings, base weights, data.

A run that goes on with something else would end with figures that mean nothing; so all of it is
written down when the run begins, and compared when it is resumed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cattrs
import torch
from attrs import asdict, frozen

from audioforge import atomic
from audioforge.config import CHANGEABLE, AudioRAFTConfig
from audioforge.errors import UsageError
from audioforge.raft.evaluation import EvaluationSet
from audioforge.sample import AudioSample


@frozen
class DataIdentity:
    """A dataset's content, but for the sound.

    Attributes:
        samples: How many there are.
        digest: Of their ids, references, labels and segments, in hexadecimal.
    """

    samples: int
    digest: str

    @classmethod
    def of(cls, samples: Iterable[AudioSample]) -> DataIdentity:
        """Digest samples, whatever their order."""
        digest, count = hashlib.blake2b(digest_size=16), 0
        for sample in sorted(samples, key=lambda s: s.id):
            known = (sample.id, sample.reference, sample.labels, sample.offset, sample.duration)
            digest.update(json.dumps(known).encode())
            count += 1
        return cls(count, digest.hexdigest())


@frozen
class RunIdentity:
    """What must not change while a run is interrupted.

    Attributes:
        settings: Of the run, but for those that do not change its result.
        model: Digest of the base model's weights and buffers, in hexadecimal.
        data: By role and name of the dataset.
    """

    settings: Mapping[str, Any]
    model: str
    data: Mapping[str, DataIdentity]

    @classmethod
    def of(
        cls,
        config: AudioRAFTConfig,
        module: torch.nn.Module,
        data: Iterable[tuple[str, EvaluationSet]],
    ) -> RunIdentity:
        """Take it from a run that is ready.

        Args:
            config: Completed.
            module: The base model, as it was loaded.
            data: Every dataset by its role and name.
        """
        settings = {k: v for k, v in config.as_mapping().items() if k not in CHANGEABLE}
        return cls(
            settings=json.loads(json.dumps(settings)),
            model=_digest(module),
            data={role: DataIdentity.of(dataset.samples) for role, dataset in data},
        )

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        atomic.write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> RunIdentity:
        """Read what `write` wrote.

        Raises:
            UsageError: If it is damaged.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cattrs.structure(values, cls)
        except (OSError, ValueError, TypeError, cattrs.BaseValidationError) as error:
            raise UsageError(f"{path}: cannot be read: {error}; start a new run") from error

    def check(self, now: RunIdentity, folder: Path) -> None:
        """Compare with what the run would go on with.

        Args:
            now: As it is today.
            folder: Of the run, for the message.

        Raises:
            UsageError: Listing everything that changed.
        """
        changed = [
            f"setting {name}: was {self.settings.get(name)!r}, is {now.settings.get(name)!r}"
            for name in sorted({*self.settings, *now.settings})
            if self.settings.get(name) != now.settings.get(name)
        ]
        if self.model != now.model:
            changed.append(f"base model {now.settings.get('model_name')}: its weights changed")
        for role in sorted({*self.data, *now.data}):
            changed += _data_changes(role, self.data.get(role), now.data.get(role))
        if changed:
            listed = "\n".join(f"  {line}" for line in changed)
            raise UsageError(
                f"--resume {folder}: what the run began with has changed:\n{listed}\n"
                f"Put it back as it was, or start a new run with another --output."
            )


def _data_changes(role: str, then: DataIdentity | None, now: DataIdentity | None) -> list[str]:
    if then == now:
        return []
    if then is None or now is None:
        return [f"{role}: {'was not part of the run' if then is None else 'is gone'}"]
    if then.samples != now.samples:
        return [f"{role}: had {then.samples} samples, has {now.samples}"]
    return [f"{role}: its {now.samples} samples have other ids, references, labels or segments"]


def _digest(module: torch.nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(module.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
