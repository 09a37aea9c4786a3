"""The engine computes what Transformers' modules do, with the weights as they are now."""

import warnings
import weakref

import pytest
import torch

from audioforge.model import GREEDY, SamplingParams, TrainOptions
from audioforge.sample import Hypothesis
from audioforge_kit.contract import ContractError
from audioforge_kit.likelihoods import check_likelihoods
from audioforge_whisper.coverage import not_covered
from audioforge_whisper.decoder import Decoder
from audioforge_whisper.encoder import encode
from audioforge_whisper.linear import can_pack, make_linear
from audioforge_whisper.weights import read_decoder, read_encoder


@pytest.fixture
def network(request, load, untrained):
    """Networks with weights of all kinds: biases and norms are zeros and ones at first."""
    model = load(untrained(request.param)).module
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())
            )
    return model


def features_of(model, clips=2):
    shape = (clips, model.config.num_mel_bins, 2 * model.config.max_source_positions)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def said(rows):
    return [[(h.text, h.tokens, h.cut) for h in row] for row in rows]


def logprobs(rows):
    return [h.logprob for row in rows for h in row]


@pytest.mark.parametrize(
    ("network", "fixed_shapes"),
    [("english", False), ("english", True), ("multilingual", False), ("tiny", False)],
    indirect=["network"],
)
@torch.no_grad()
def test_logits_equal_those_of_transformers_while_rows_leave(network, fixed_shapes):
    """Rows leave within clips and with whole clips, and more steps are read than one block has."""
    weights = read_encoder(network, torch.float32)
    encoded = network.model.encoder(features_of(network)).last_hidden_state
    assert encode(weights, features_of(network)).allclose(encoded, rtol=0, atol=1e-4)
    tokens = torch.randint(0, 250, (6, 36), generator=torch.Generator().manual_seed(0))
    prompts, rows = torch.tensor([[270, 280], [280, 270]]), torch.arange(6)
    expected = network(
        encoder_outputs=(encoded.repeat_interleave(3, 0),),
        decoder_input_ids=torch.cat([prompts.repeat_interleave(3, 0), tokens], 1),
    ).logits
    decoder = Decoder(read_decoder(network, torch.float32), encoded, fixed_shapes=fixed_shapes)
    logits = decoder.read_prompts(prompts, 3)
    size = expected.shape[-1]
    leaving = {10: [0, 2, 3, 4, 5], 20: [2, 3, 4], 34: [0, 2]}
    for step in range(36):
        assert logits[:, :size].allclose(expected[rows, step + 1], rtol=0, atol=1e-4)
        assert (logits[:, size:] == -torch.inf).all()
        if step in leaving:
            kept = torch.tensor(leaving[step])
            rows = rows[kept]
            decoder.keep(kept)
        logits = decoder.read(tokens[rows, step])


def test_changed_weights_are_read_anew(load, untrained, noise_clips):
    adapter, other = load(untrained("english")), load(untrained("english", seed=1))
    batch, params = other.prepare(noise_clips(2)), SamplingParams(max_new_tokens=6)
    expected = other.sample(batch, 3, params)
    before = adapter.sample(batch, 3, params)
    assert said(before) != said(expected)
    original = {name: weight.clone() for name, weight in adapter.module.state_dict().items()}
    adapter.module.load_state_dict(other.module.state_dict())
    assert said(adapter.sample(batch, 3, params)) == said(expected)
    adapter.module.load_state_dict(original)
    assert said(adapter.sample(batch, 3, params)) == said(before)
    optimizer = torch.optim.AdamW(adapter.module.parameters(), lr=0.1, fused=True)
    adapter.loss(batch, [row[0] for row in before], [1.0, 1.0]).backward()
    optimizer.step()
    assert said(adapter.sample(batch, 3, params)) != said(before)


def test_low_rank_updates_are_heard(load, untrained, noise_clips, tmp_path):
    adapter = load(untrained("english"))
    batch, params = adapter.prepare(noise_clips(2)), SamplingParams(max_new_tokens=6)
    before = adapter.sample(batch, 3, params)
    adapter.make_trainable(TrainOptions(trainable="lora"))
    assert not_covered(adapter.module) is None
    assert said(adapter.sample(batch, 3, params)) == said(before)
    with torch.no_grad():
        for name, weight in adapter.module.named_parameters():
            if ".lora_B." in name:
                weight += 0.3
    after = adapter.sample(batch, 3, params)
    adapter.save(tmp_path / "merged")
    assert said(after) == said(load(tmp_path / "merged").sample(batch, 3, params))
    assert said(after) != said(before)


@pytest.mark.parametrize("what", ["hook", "activation", "module", "dtype"])
def test_what_is_not_covered_runs_through_its_modules_and_says_so_once(
    load, untrained, noise_clips, what
):
    adapter = load(untrained("english"))
    batch = adapter.prepare(noise_clips(3))
    params = SamplingParams(max_tokens_per_second=1)
    expected = adapter.sample(batch, 4, params)
    layer = adapter.module.model.decoder.layers[1]
    if what == "hook":
        layer.fc1.register_forward_hook(lambda module, inputs, output: output)
    elif what == "activation":
        layer.activation_fn = torch.nn.GELU()  # the same, as it happens
    elif what == "module":
        layer.fc1.__class__ = type("Quantised", (torch.nn.Linear,), {})
    else:
        layer.encoder_attn.k_proj.double().register_forward_pre_hook(
            lambda module, inputs: inputs[0].double()
        )
        layer.encoder_attn.k_proj.register_forward_hook(lambda *args: args[-1].float())
    with pytest.warns(
        UserWarning, match=r"through Transformers' modules: model\.decoder\.layers\.1"
    ):
        rows = adapter.sample(batch, 4, params)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert said(adapter.sample(batch, 4, params)) == said(rows) == said(expected)
    assert logprobs(rows) == pytest.approx(logprobs(expected), abs=1e-4)


def test_without_onednn_it_says_the_same(load, nano_folder, digit_clips, monkeypatch):
    packed = load(nano_folder)
    batch = packed.prepare(digit_clips(6))
    expected = packed.sample(batch, 4, SamplingParams())
    monkeypatch.setattr("audioforge_whisper.linear._pack", broken)
    rows = load(nano_folder).sample(batch, 4, SamplingParams())
    assert said(rows) == said(expected)
    assert logprobs(rows) == pytest.approx(logprobs(expected), abs=1e-4)


def broken(weight, bias):
    """As a PyTorch that has no such function."""
    raise AttributeError("_reorder_linear_weight")


def test_a_product_in_lower_precision_is_not_taken(load, nano_folder, digit_clips, monkeypatch):
    """OneDNN may round float32 to bfloat16 where that is fast."""
    exact = load(nano_folder)
    batch = exact.prepare(digit_clips(6))
    expected = logprobs(exact.sample(batch, 1, GREEDY))

    def rounding(weight, bias):
        def product(inputs):
            rounded = inputs.bfloat16().float() @ weight.bfloat16().float().T
            return rounded if bias is None else rounded + bias

        return product

    monkeypatch.setattr("audioforge_whisper.linear._pack", rounding)
    assert logprobs(load(nano_folder).sample(batch, 1, GREEDY)) == pytest.approx(expected, abs=1e-4)


def test_bfloat16_rounds_as_transformers_does_under_autocast(load, nano_folder, digit_clips):
    """Its error is as large as that of the modules, not larger: the token embedding stays exact."""
    adapter, modules = load(nano_folder), load(nano_folder)
    modules.module.model.encoder.register_forward_hook(lambda module, inputs, output: output)
    batch = adapter.prepare(digit_clips(40))
    exact = logprobs(adapter.sample(batch, 1, GREEDY))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = logprobs(adapter.sample(batch, 1, GREEDY))
        with pytest.warns(UserWarning, match="has a hook"):
            theirs = logprobs(modules.sample(batch, 1, GREEDY))

    def median_error(values):
        errors = [abs(a - b) for a, b in zip(values, exact, strict=True)]
        return sorted(errors)[len(errors) // 2]

    assert 0 < median_error(rounded) < 2 * median_error(theirs)


def test_clips_that_are_sampled_twice_are_encoded_once(load, untrained, noise_clips, monkeypatch):
    adapter, encoded = load(untrained("english")), []
    engine = adapter._engine
    encode_all = engine.encode
    monkeypatch.setattr(engine, "encode", lambda f: encoded.append(len(f)) or encode_all(f))
    batch = adapter.prepare(noise_clips(3))
    with torch.inference_mode():
        adapter.sample(batch, 2, SamplingParams(max_new_tokens=2))
        greedy = adapter.sample(batch, 1, SamplingParams(temperature=0, max_new_tokens=9))
        assert encoded == [3]
        told = adapter.logprobs(batch, greedy).logprobs
        assert encoded == [3]
        fresh = adapter.prepare(noise_clips(3))
        again = adapter.sample(fresh, 1, SamplingParams(temperature=0, max_new_tokens=9))
        assert (encoded, said(again)) == ([3, 3], said(greedy))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            adapter.sample(batch, 2, SamplingParams(max_new_tokens=2))
        assert encoded == [3, 3, 3]
    learnt = adapter.logprobs(adapter.prepare(noise_clips(3)), greedy).logprobs  # by the modules
    assert learnt.requires_grad
    torch.testing.assert_close(told, learnt.detach(), atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        adapter.module.model.encoder.conv1.bias += 0.5
    with torch.inference_mode():
        adapter.sample(batch, 2, SamplingParams(max_new_tokens=2))
    assert encoded == [3, 3, 3, 3]


def test_the_kit_sees_a_part_of_other_clips(load, untrained, noise_clips, monkeypatch):
    adapter, clips = load(untrained("english")), noise_clips(3)
    targets = [Hypothesis(text=text) for text in ("one", "seven nine", "three")]
    check_likelihoods(adapter, clips, targets)
    monkeypatch.setattr(adapter, "part", lambda batch, rows: batch.part([0]))
    with pytest.raises(ContractError, match="a part of one"):
        check_likelihoods(adapter, clips, targets)


def test_a_weight_that_was_laid_out_is_not_kept_beside_its_layout():
    if not can_pack(torch.device("cpu"), torch.float32):
        pytest.skip("this PyTorch lays no weight out")
    weight = torch.randn(8, 4)
    expected, held = torch.ones(2, 4) @ weight.T, weakref.ref(weight)
    layer = make_linear(weight, None, packed=True)
    del weight
    assert held() is None
    torch.testing.assert_close(layer(torch.ones(2, 4)), expected)
