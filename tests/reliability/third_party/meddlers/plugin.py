"""What the plugin registers."""

from audioforge.hookspecs import hookimpl
from audioforge.model import Serves
from audioforge.specs import AggregatorSpec, DatasetSpec, ModelSpec, VerifierSpec


@hookimpl
def register_verifiers():
    return [
        VerifierSpec(
            name="meddler",
            summary="",
            tasks=("asr",),
            factory="meddlers.verifier:Meddler",
            options="meddlers.verifier:Options",
        )
    ]


@hookimpl
def register_aggregators():
    return [
        AggregatorSpec(name=factory.lower(), summary="", factory=f"meddlers.verifier:{factory}")
        for factory in ("Greedy", "Slow")
    ]


@hookimpl
def register_datasets():
    return [
        DatasetSpec(name=name, summary="", tasks=("asr",), factory=f"meddlers.dataset:{factory}")
        for name, factory in [("reuser", "Reuser"), ("mixed", "Mixed")]
    ]


@hookimpl
def register_models():
    return [
        ModelSpec(
            name=f"tone-{name}",
            summary="",
            serves=(Serves("asr", f"tone-{name}", ()),),
            factory=f"meddlers.model:{factory}",
        )
        for name, factory in [("sorter", "Sorter"), ("scaler", "Scaler"), ("wanderer", "Wanderer")]
    ]
