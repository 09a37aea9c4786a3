"""What the datasets library raises, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator

from audioforge.errors import DatasetError

_UNREACHABLE = frozenset(
    {
        "ConnectionError",
        "ConnectError",
        "ConnectTimeout",
        "ReadTimeout",
        "TimeoutException",
        "OfflineModeIsEnabled",
        "LocalEntryNotFoundError",
    }
)


def explain(error: Exception, dataset_id: str, config: str | None) -> DatasetError:
    """Return the error to raise for what went wrong with a hub dataset.

    Args:
        error: What the library raised.
        dataset_id: Such as "owner/name".
        config: The configuration that was asked for.
    """
    text = str(error).strip() or type(error).__name__
    named = {type(e).__name__ for e in _chain(error)}
    if "torchcodec" in text:
        return DatasetError(
            f"{dataset_id}: its sound lies in loose files, which the datasets library reads with "
            f"torchcodec only. Download it (hf download --repo-type dataset {dataset_id} "
            "--local-dir FOLDER) and give FOLDER as the dataset"
        )
    if "gated" in text or "GatedRepoError" in named:
        return DatasetError(
            f"{dataset_id}: the dataset is gated: accept its terms on its page of the hub, then "
            "log in with: hf auth login"
        )
    if "scripts are no longer supported" in text:
        return DatasetError(
            f"{dataset_id}: it is a dataset script, which no longer loads. Look for a Parquet copy "
            "on the hub, or download the data and write a manifest"
        )
    if named & _UNREACHABLE:
        return DatasetError(
            f"{dataset_id}: the hub cannot be reached ({text}). Check the network and "
            "HF_HUB_OFFLINE, or give a local file or folder"
        )
    if "DatasetNotFoundError" in named or "RepositoryNotFoundError" in named:
        return DatasetError(
            f"{dataset_id}: the hub has no such dataset, or it is private. Check the spelling; for "
            "a private one log in with: hf auth login"
        )
    if "BuilderConfig" in text or "Config name is missing" in text:
        asked = "choose a configuration" if config is None else f"no configuration '{config}'"
        return DatasetError(f"{dataset_id}: {asked}, as in {dataset_id}:config=NAME. {text}")
    return DatasetError(
        f"{dataset_id}: cannot be read: {type(error).__name__}: {text}. Look at the dataset's page "
        "of the hub, or download it and give its folder"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
