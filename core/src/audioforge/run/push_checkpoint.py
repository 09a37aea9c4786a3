"""Publishing a checkpoint on the hub: which files, to where, and the upload.

Only what a checkpoint consists of is uploaded, by name: clips, predictions, rollouts and whatever
else lies in a folder stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from attrs import frozen

from audioforge.errors import AudioForgeError, CheckpointError, UsageError, describe
from audioforge.files.checkpoint_files import read_object
from audioforge.files.checkpoint_folder import MAX_BYTES
from audioforge.files.paths import is_folder
from audioforge.hub.failure import causes, explain_hub_failure, is_temporary
from audioforge.hub.patience import patience
from audioforge.run.base_card import CARD, HUB_ID
from audioforge.run.export_checkpoint import checkpoint_of
from audioforge.run.model_card import PLACE

UPLOADED = (
    *("config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "vocab.txt"),
    *("added_tokens.json", "special_tokens_map.json", "normalizer.json", "*.model", "*.jinja"),
    *("model.safetensors", "model-?????-of-?????.safetensors", "model.safetensors.index.json"),
    *(CARD, "LICENSE*", "NOTICE*"),
)
"""Names of a checkpoint's files."""

UPDATE_FILES = ("adapter/adapter_config.json", "adapter/adapter_model.safetensors")

EMPTY = (
    " The new repository {0} is there now, and empty: push again to fill it, or remove it with: "
    "hf repos delete {0}"
)

WITHOUT_XET = (
    "the hub at {} takes no uploads by Xet, which is tried first. Set HF_HUB_DISABLE_XET=1, so "
    "that they are sent by Git LFS"
)

BRANCH = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|$)))[\w][\w./-]*(?<![./])")
"""What Git takes for the name of a branch, without the odder letters."""

LOG_IN = "log in with: hf auth login (or set HF_TOKEN), with a token that may write"


@frozen(kw_only=True)
class Upload:
    """What is uploaded, and to where.

    Attributes:
        folder: The checkpoint.
        files: Paths in it, sorted.
        left_out: What else lies there, sorted.
        repository: Its name on the hub.
    """

    folder: Path
    files: tuple[str, ...]
    left_out: tuple[str, ...]
    repository: str

    def size(self, file: str) -> int:
        """Return a file's size in bytes."""
        return (self.folder / file).stat().st_size


def planned_upload(source: str, repository: str, revision: str | None = None) -> Upload:
    """Say what would be uploaded, without a network.

    Args:
        source: The folder of a finished run, whose `best/` is taken, or of a checkpoint.
        repository: OWNER/NAME.
        revision: Branch to commit to; None for the main one.

    Raises:
        UsageError: If a name cannot be one, or there is no such folder or no finished run.
        CheckpointError: If the checkpoint is not whole.
    """
    _check_name(repository)
    if revision is not None and not BRANCH.fullmatch(revision):
        raise UsageError(
            f"--revision {revision}: is no name of a branch; write letters, digits, - _ . and /"
        )
    if not is_folder(Path(source).expanduser()):
        raise UsageError(f"{source}: there is no such folder; give a run's or a checkpoint's")
    folder = checkpoint_of(source)
    files = {path.name for pattern in UPLOADED for path in folder.glob(pattern) if path.is_file()}
    if _names_a_public_base(folder / UPDATE_FILES[0]):
        files |= {name for name in UPDATE_FILES if (folder / name).is_file()}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return Upload(
        folder=folder,
        files=tuple(sorted(files)),
        left_out=tuple(sorted(there - files)),
        repository=repository,
    )


def visibility_of(repository: str) -> Literal["new", "private", "public"]:
    """Ask the hub what a repository is to whoever is logged in.

    Raises:
        UsageError: If nobody is logged in.
        AudioForgeError: If the hub does not answer, or refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    with _explained(repository):
        api = HfApi()
        api.whoami()
        try:
            return "private" if api.model_info(repository).private else "public"
        except RepositoryNotFoundError:
            return "new"


def push(upload: Upload, *, public: bool, is_new: bool, revision: str | None) -> str:
    """Upload a checkpoint in one commit.

    Args:
        upload: What, and to where.
        public: Whether everybody may read a repository that is new.
        is_new: Whether the repository is to be made.
        revision: Branch to commit to, made where it is not there; None for the main one.

    Returns:
        The address of what was uploaded.

    Raises:
        AudioForgeError: If the hub refuses it, or does not answer.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    name = upload.repository
    with _explained(name):
        api = HfApi()
        api.create_repo(name, private=not public, exist_ok=True)
    with _explained(name, leaves=EMPTY.format(name) if is_new else ""):
        if revision is not None:
            api.create_branch(name, branch=revision, exist_ok=True)
        additions = [CommitOperationAdd(f, _content(upload, f)) for f in upload.files]
        message = "Checkpoint trained by AudioForge"
        api.create_commit(name, additions, commit_message=message, revision=revision)
        branch = "" if revision is None else f"/tree/{revision}"
        return f"{api.endpoint}/{name}{branch}"


def _content(upload: Upload, file: str) -> str | bytes:
    """Return the path of a file; of the card its text, with the repository's name in it."""
    path = upload.folder / file
    if file != CARD:
        return str(path)
    return path.read_bytes().replace(PLACE.encode(), upload.repository.encode())


def _check_name(repository: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repository)
        if HUB_ID.fullmatch(repository):
            return
    except HFValidationError:
        pass
    raise UsageError(
        f"{repository}: is no name on the hub; write OWNER/NAME, each of letters, digits, - _ and ."
    )


def _names_a_public_base(path: Path) -> bool:
    """Say whether an update is of a model that others can get; a path says too much, and nothing.

    Raises:
        CheckpointError: If its configuration is damaged.
    """
    if not path.is_file():
        return False
    base = read_object(path, MAX_BYTES).get("base_model_name_or_path")
    return (
        isinstance(base, str) and HUB_ID.fullmatch(base) is not None and not is_folder(Path(base))
    )


@contextmanager
def _explained(repository: str, leaves: str = "") -> Iterator[None]:
    """Say in a sentence what the hub's client raises, and what that leaves there."""
    try:
        with patience():
            yield
    except AudioForgeError as error:
        if isinstance(error, CheckpointError | UsageError):
            raise
        raise AudioForgeError(f"{_sentence(error, repository)}{leaves}") from error
    except Exception as error:
        raise AudioForgeError(f"{_sentence(error, repository)}{leaves}") from error


def _sentence(error: Exception, repository: str) -> str:
    from huggingface_hub import constants, errors

    for cause in causes(error):
        if "/xet-write-token/" in str(cause) and "404" in str(cause):
            hub = constants.ENDPOINT
            return f"{repository}: nothing was published: {WITHOUT_XET.format(hub)}."
        if isinstance(cause, errors.LocalTokenNotFoundError):
            return f"{repository}: nobody is logged in to the hub; {LOG_IN}"
        if isinstance(cause, errors.HfHubHTTPError):
            status = cause.response.status_code
            if status == 401:
                return f"{repository}: the hub does not know the token; {LOG_IN}"
            if status == 403 or isinstance(cause, errors.RepositoryNotFoundError):
                owner, said = repository.partition("/")[0], cause.server_message or f"HTTP {status}"
                return (
                    f"{repository}: the hub lets this token not write to {owner} ({said}). Choose "
                    f"a name under your own, or {LOG_IN} to {owner}."
                )
    if is_temporary(error):
        return (
            f"{repository}: nothing was published: the hub cannot be reached, or not now "
            f"({describe(error)}). Check the network and try again."
        )
    reason = explain_hub_failure(error, page=repository) or describe(error)
    return f"{repository}: nothing was published: {reason.rstrip('.')}."
