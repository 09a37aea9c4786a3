"""What the datasets library raises, in words that say what to do."""

from __future__ import annotations

from audioforge.errors import DatasetError
from audioforge.hub.failure import causes, explain_absent, explain_gated, explain_hub_failure


def explain(error: Exception, dataset_id: str, config: str | None) -> DatasetError:
    """Return the error to raise for what went wrong with a hub dataset.

    Args:
        error: What the library raised.
        dataset_id: Such as "owner/name".
        config: The configuration that was asked for.
    """
    text = str(error).strip() or type(error).__name__
    named = {type(e).__name__ for e in causes(error)}
    # One class of error has many causes, so that its text tells more than its type.
    if "torchcodec" in text:
        return DatasetError(
            f"{dataset_id}: its sound lies in loose files, which the datasets library reads with "
            f"torchcodec only. Download it (hf download --repo-type dataset {dataset_id} "
            "--local-dir FOLDER) and give FOLDER as the dataset"
        )
    if "gated" in text:
        return DatasetError(f"{dataset_id}: {explain_gated(f'datasets/{dataset_id}')}")
    if "scripts are no longer supported" in text:
        return DatasetError(
            f"{dataset_id}: it is a dataset script, which no longer loads. Look for a Parquet copy "
            "on the hub, or download the data and write a manifest"
        )
    if "BuilderConfig" in text or "Config name is missing" in text:
        asked = "choose a configuration" if config is None else f"no configuration '{config}'"
        return DatasetError(f"{dataset_id}: {asked}, as in {dataset_id}:config=NAME. {text}")
    # What the hub answered comes before what the library made of it.
    if reason := explain_hub_failure(error, page=f"datasets/{dataset_id}"):
        return DatasetError(f"{dataset_id}: {reason}")
    if "DatasetNotFoundError" in named:
        return DatasetError(
            f"{dataset_id}: the hub has no such dataset, or it is private. "
            f"{explain_absent(f'datasets/{dataset_id}')}"
        )
    if isinstance(error, ConnectionError):
        return DatasetError(
            f"{dataset_id}: the hub cannot be reached ({text}). Check the network and "
            "HF_HUB_OFFLINE: set, only what the cache holds is read; or give a local file or folder"
        )
    return DatasetError(f"{dataset_id}: cannot be read: {_innermost(error)}")


def _innermost(error: Exception) -> str:
    """Say what the innermost cause says: those around it tell that something went wrong."""
    *_, cause = causes(error)
    text = " ".join(str(cause).split()).rstrip(".")
    kind = type(cause).__name__
    if kind in ("ArrowInvalid", "ArrowTypeError", "JSONDecodeError", "ParserError", "CastError"):
        return (
            f"a file of it is damaged: {kind}: {text}. If its page of the hub shows it sound, the "
            "cache holds a damaged copy: remove its folder in HF_HOME and try again"
        )
    return (
        f"{kind}: {text}. Look at the dataset's page of the hub, or download it and give its folder"
    )
