"""Training of stream models: what it counts, and the networks it goes on with."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from types import SimpleNamespace

import pytest
import torch

from csre_ros.skeleton import get_layout
from models.data.streams.labels import read_stream_labels
from models.encoders.streaming import build_stream_encoder
from models.export.run import restore
from models.network.stream_front import StreamFront
from models.training.command_line import _names_its_model
from models.training.labeller import StreamLabeller, fitting


def test_frames_are_right_where_any_class_of_their_set_is_likely() -> None:
    labeller = StreamLabeller()
    labeller.register_buffer("membership", torch.tensor([[1.0, 0, 0], [0, 1, 1]]), persistent=False)
    frames, late = 20, labeller.frame_loss.delay_frames
    logits = torch.zeros(1, 3, frames)
    likelihood, logs = labeller._likelihood(logits, torch.tensor([[0] * 10 + [1] * 10]))
    assert likelihood.shape == (1, frames - late - 5)
    assert logs.shape == (1, 3, frames - late - 5)
    torch.testing.assert_close(likelihood[0, 0].exp(), torch.tensor(1 / 3))  # target of frame 5
    torch.testing.assert_close(likelihood[0, -1].exp(), torch.tensor(2 / 3))


def test_csre_sees_the_frames_that_end_with_the_action() -> None:
    labeller = StreamLabeller(contrast_frames=3)
    late = labeller.frame_loss.delay_frames
    features = torch.arange(20.0).reshape(1, 1, 20, 1).expand(2, 4, 20, 2)
    picked, chosen = labeller._actions(features, torch.tensor([[1, 2, 10, 7], [0, 0, 0, -1]]))
    assert chosen.tolist() == [0]
    assert picked.shape == (1, 4, 3, 2)
    assert picked[0, 0, :, 0].tolist() == [10.0 + late - 3, 10.0 + late - 2, 10.0 + late - 1]


def test_a_flat_network_goes_on_with_one_in_space_without_its_depth() -> None:
    fronts = [StreamFront(get_layout(name), 15.0) for name in ("body13", "body13_2d")]
    space, flat = (build_stream_encoder("hcn", 3, f.output_layout, f.channels, width=8, groups=2) for f in fronts)
    flat.load_state_dict(fitting(space.state_dict(), flat.state_dict()))
    torch.testing.assert_close(flat.position.point.weight, space.position.point.weight[:, [0, 1, 3]])
    torch.testing.assert_close(flat.layers[0].mix.weight, space.layers[0].mix.weight)


@pytest.mark.parametrize(
    ("name", "named"), [("stream.yaml", True), ("stream_flat.yaml", True), ("utd/base.yaml", False)]
)
def test_a_configuration_may_name_the_class_of_its_model(name: str, named: bool) -> None:
    file = str(Path("models/configs") / name)
    assert _names_its_model(["--config", file]) is named
    assert _names_its_model([f"--config={file}"]) is named


def test_a_checkpoint_to_go_on_with_runs_no_code(trap: Path) -> None:
    labeller = StreamLabeller(initial=trap)
    labels = read_stream_labels(Path("models/configs/labels_stream.yaml"))
    data = SimpleNamespace(layout=get_layout("body13"), rate_hz=15.0, labels=labels, warm_start=None)
    labeller.trainer = SimpleNamespace(datamodule=data)  # type: ignore[assignment]
    with pytest.raises(UnpicklingError, match="Weights only load failed"):
        labeller.configure_model()
    assert not trap.with_name("sprung").exists()


def test_a_checkpoint_to_export_runs_no_code(trap: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_bytes(Path("models/configs/stream.yaml").read_bytes())
    trap.rename(run / "checkpoints" / "trap.ckpt")
    with pytest.raises(UnpicklingError, match="Weights only load failed"):
        restore(run, "trap", StreamLabeller)
    assert not trap.with_name("sprung").exists()
