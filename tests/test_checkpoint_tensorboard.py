"""Checkpointed parts under autocast, and event files read back."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import plugtorch as torch
import plugtorch.nn
from plugtorch.utils.checkpoint import checkpoint


@pytest.mark.parametrize("reentrant", [True, False])
def test_the_second_run_is_under_the_autocast_of_the_first(backend, reentrant):
    """Whether the backward pass is run outside the block, or inside another one."""
    kind = torch.zeros(1).device.type
    layer, x, seen = torch.nn.Linear(4, 4), torch.randn(3, 4, requires_grad=True), []

    def part(x):
        y = layer(x)
        seen.append(y.dtype)
        return y.float().sin()

    def gradients(first, second, call):
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=first):
            y = call(x).sum()
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=second):
            y.backward()
        found = x.grad, layer.weight.grad
        x.grad = layer.weight.grad = None
        return found

    for first, second in ((True, False), (False, True)):
        plain = gradients(first, False, part)
        again = gradients(first, second, lambda x: checkpoint(part, x, use_reentrant=reentrant))
        assert seen == [torch.bfloat16 if first else torch.float32] * 3
        torch.testing.assert_close(again, plain, rtol=0, atol=0)
        seen.clear()


def events(folder):
    """``{folder: {name: [(step, value)]}}`` of all event files under a folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for file in sorted(folder.rglob("*tfevents*")):
        data, at, names = file.read_bytes(), 0, found.setdefault(str(file.parent.relative_to(folder)), {})
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12:at + 12 + size])
            at += size + 16
            for value in event.summary.value:
                names.setdefault(value.tag, []).append((event.step, value))
    return found


@pytest.mark.one_backend
def test_event_files_have_names_and_values_as_given(backend, tmp_path):
    pytest.importorskip("tensorboardX")
    from plugtorch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(tmp_path)
    assert writer.log_dir == tmp_path == writer.get_logdir()
    writer.add_scalar("Loss (train)/a*b", torch.tensor([1.5], requires_grad=True), 3)
    writer.add_scalar("exact", 0.1, 1, new_style=True, double_precision=True)
    writer.add_scalars("run/x", {"one": 1.0, "two": torch.tensor(2.0)}, 5)
    writer.add_histogram("h h", torch.arange(10.0), 1)
    writer.add_tensor("t", torch.arange(6.0).reshape(2, 3))
    writer.add_audio("sound", torch.tensor([[0.0, 1.0, -1.0]]), sample_rate=8000)
    writer.add_mesh("m m", torch.zeros(1, 5, 3), faces=torch.tensor([[[0, 1, 2]]]))
    writer.close()
    writer.add_scalar("later", 4, 4)  # within the same second
    writer.close()
    found = events(tmp_path)
    assert set(found["."]) == {"Loss (train)/a*b", "exact", "h h", "t", "sound", "m m_VERTEX", "m m_FACE", "later"}
    ((step, value),) = found["."]["Loss (train)/a*b"]
    assert (step, value.simple_value) == (3, 1.5)
    assert np.frombuffer(found["."]["exact"][0][1].tensor.tensor_content)[0] == 0.1
    assert found["."]["h h"][0][1].histo.num == 10
    assert np.frombuffer(found["."]["t"][0][1].tensor.tensor_content, np.float32).tolist() == [0, 1, 2, 3, 4, 5]
    assert found["."]["sound"][0][1].audio.encoded_audio_string[-6:] == struct.pack("<3h", 0, 32767, -32767)
    assert found["run_x_one"]["run/x"][0][1].simple_value == 1.0 and found["run_x_two"]["run/x"][0][1].simple_value == 2.0
    with pytest.raises(AssertionError, match="should contain one element"):
        writer.add_scalar("a", torch.ones(2))


@pytest.mark.one_backend
def test_settings_of_a_run(backend, tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    from plugtorch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        writer.add_hparams({"lr": torch.tensor(0.5), "kind": "sgd", "fast": True}, {"acc": 1.0}, {"lr": [0.5, 1.0]}, "r1", 7)
        with pytest.raises(ValueError, match="value should be one of int, float, str, bool, or torch.Tensor"):
            writer.add_hparams({"lr": [1]}, {})
        with pytest.raises(TypeError, match="should be dictionary"):
            writer.add_hparams([1], {})
    run = events(tmp_path)["r1"]
    assert run["acc"][0][0] == 7 and run["acc"][0][1].simple_value == 1.0
    experiment, begin = (HParamsPluginData.FromString(run[f"_hparams_/{name}"][0][1].metadata.plugin_data.content)
                         for name in ("experiment", "session_start_info"))
    assert {k: v.WhichOneof("kind") for k, v in begin.session_start_info.hparams.items()} == {
        "lr": "number_value", "kind": "string_value", "fast": "bool_value"}
    domain = {i.name: [v.number_value for v in i.domain_discrete.values] for i in experiment.experiment.hparam_infos}
    assert domain == {"lr": [0.5, 1.0], "kind": [], "fast": []}
