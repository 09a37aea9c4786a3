"""The model families that are served: data only, nothing heavy is imported."""

FAMILIES = {
    "wav2vec2": "Wav2Vec2ForCTC",
    "hubert": "HubertForCTC",
    "wavlm": "WavLMForCTC",
    "data2vec-audio": "Data2VecAudioForCTC",
}
"""`model_type` and the architecture of its CTC model, as in `config.json`."""

LOW_RANK_LAYERS = {
    # WavLM's attention reads the weights of its projections past their modules, so that updates of
    # these would do nothing; its feed-forward layers take them.
    "wavlm": ("intermediate_dense", "output_dense"),
}
"""The linear layers that low-rank updates are added to, where not queries and values."""
