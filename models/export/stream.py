"""From a checkpoint to a stream bundle: decoder settings, figures, the graph of one step, one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from csre_ros.evaluation.intervals import Interval
from csre_ros.recognition.bundle_info import BundleInfo, DataSource, Label, Metric
from csre_ros.recognition.frame_decoder import FrameDecoding
from csre_ros.skeleton import FloatArray
from models.data.streams.clips import ClipStream, right_share
from models.data.streams.labels import ANYTHING
from models.data.streams.module import StreamData
from models.data.streams.replays import replays
from models.data.streams.stream import Stream
from models.data.streams.warm_start import WarmStart
from models.data.streams.windows import StreamBatch, StreamWindowData
from models.export.decoding import Fitted, ScoredStream, fit_decoding
from models.export.open_set import open_set
from models.export.run import check_output, onnx_bytes, restore, write_bundle
from models.network.stream import StreamNetwork
from models.training.labeller import StreamLabeller

_NEGATIVE_WEIGHT = 3.0
"""How much more a wrong report counts where nothing of ours is done."""
_PLAIN_THRESHOLD = 0.5
_COMPOSED = "composed"
_IDLE = "idle"
_IDLE_BIASES = (0.0, -0.5, -1.0, -1.5, -2.0, -2.5, -3.0, -3.5, -4.0)


def export_stream(
    run: Path,
    output: Path,
    name: str,
    checkpoint: str = "last",
    settings_of: Path | None = None,
    beside: Sequence[Path] = (),
    plain: bool = False,
) -> BundleInfo:
    """Write a stream bundle.

    Args:
        run: Folder of a training run, the one with ``config.yaml`` and ``checkpoints``.
        output: Bundle to write; an existing one is replaced.
        name: Name of the bundle.
        checkpoint: Which of its checkpoints: ``best`` on the validation part, or ``last``.
        settings_of: Bundle whose thresholds, decoder and bias of *idle* are taken instead of fitted ones: of a run that
            kept the validation subjects from training, where this one did not.
        beside: Further runs on the same data. Thresholds and decoder are fitted on what all of them say together:
            validation has a few dozen actions, and what suits one network alone may be chance.
        plain: Neither fit thresholds and decoder nor measure figures: for networks that only their embedding is wanted
            of, a minute sooner.

    Returns:
        The description inside the bundle.

    Raises:
        BundleError: The bundle of the settings cannot be read.
        FileNotFoundError: The folder holds no such run or checkpoint.
        ValueError: The run classifies windows, or the output is not called ``.onnx``.
    """
    check_output(output)
    model, data, seed, trained_at = restore(run, checkpoint, StreamLabeller)
    network, names = model.network, data.labels.names
    delay = model.frame_loss.delay_frames
    labels = [Label(name, 0.0, name in data.labels.background) for name in names]
    if settings_of is not None:
        fitted = take_settings(network, WarmStart.read(settings_of), names)
    elif plain:
        limits = tuple(0.0 if label.background else _PLAIN_THRESHOLD for label in labels)
        fitted = Fitted(limits, FrameDecoding(families=data.labels.families), ())
    else:
        fitted = fit_settings(
            network, data, labels, delay, [further_network(path, checkpoint, model, data) for path in beside]
        )
    front_frames = 1  # velocities look one frame back
    receptive = network.encoder.receptive_frames + front_frames
    info = BundleInfo(
        name=name,
        labels=tuple(
            Label(label.name, limit, label.background) for label, limit in zip(labels, fitted.thresholds, strict=True)
        ),
        layout=data.layout.name,
        dims=data.layout.dims,
        window_s=round(receptive / data.rate_hz, 3),
        time_steps=receptive,
        persons=1,
        encoder=f"stream {model.encoder_name}" + ("+csre" if model.contrast.enabled else ""),
        streams=("joint",),
        embedding=network.encoder.embedding_dim,
        data=tuple(DataSource(**source) for source in data.terms),
        metrics=() if plain else tuple(figures(network, data, delay)),
        extensions={
            "stream": {
                "required": True,
                "rate_hz": data.rate_hz,
                "delay_s": round(delay / data.rate_hz, 4),
                "receptive_s": round(receptive / data.rate_hz, 3),
            },
            "decoder": fitted.extension(),
        },
        commit=trained_at,
        seed=seed,
    )
    written = write_bundle(output, step_graph(network), info)
    if not isinstance(data, StreamData):
        return written
    return open_set(str(output), output, data.root, data.labels_file, settings_of)


def fit_settings(
    network: StreamNetwork,
    data: StreamWindowData,
    labels: Sequence[Label],
    delay: int,
    beside: Sequence[StreamNetwork] = (),
) -> Fitted:
    """Choose thresholds and decoder on the validation part, and set the network's bias of *idle*.

    Where the labels of a bundle are kept, what was chosen for them stays. What further networks say counts as much as
    what this one does.
    """
    names, delay_s = data.labels.names, delay / data.rate_hz
    kept = data.warm_start if data.keep_labels else None
    if kept is None:
        streams = []
        for one in (network, *beside):
            one.bias[names.index(_IDLE)] = idle_bias(one, data, delay)
            said = validation_streams(one, data, delay)
            streams += [replace(stream, share=stream.share / (1 + len(beside))) for stream in said]
        return fit_decoding(streams, labels, data.rate_hz, delay_s, families=data.labels.families)
    fitted = fit_decoding(validation_streams(network, data, delay), labels, data.rate_hz, delay_s, kept.decoding)
    return replace(fitted, thresholds=kept.thresholds(names, fitted.thresholds, data.own_classes))


def further_network(run: Path, checkpoint: str, model: StreamLabeller, data: StreamWindowData) -> StreamNetwork:
    """Network of a further run.

    Raises:
        ValueError: It has other labels, another layout or look-ahead, or other subjects for validation.
    """
    other, theirs, *_ = restore(run, checkpoint, StreamLabeller)
    ours = (data.labels, data.layout.name, data.identity, model.frame_loss.delay_frames)
    if (theirs.labels, theirs.layout.name, theirs.identity, other.frame_loss.delay_frames) != ours:
        raise ValueError(f"{run} has other labels, another layout, split or look-ahead; give a run on the same data")
    return other.network


def take_settings(network: StreamNetwork, bundle: WarmStart, names: Sequence[str]) -> Fitted:
    """Take thresholds and decoder from a bundle, and set the network's bias of *idle* to that bundle's.

    Raises:
        ValueError: It has other labels.
    """
    theirs = [label.name for label in bundle.info.labels]
    if theirs != list(names):
        raise ValueError(f"{bundle.path} has the labels {', '.join(theirs)}, this run {', '.join(names)}")
    network.bias[names.index(_IDLE)] = bundle.bias_of(_IDLE)
    curve = bundle.info.extensions["decoder"].get("validation_curve", ())
    limits = tuple(label.threshold for label in bundle.info.labels)
    points = tuple((point["threshold"], point["precision"], point["recall"]) for point in curve)
    return Fitted(limits, bundle.decoding, points)


def said_of(
    network: StreamNetwork, data: StreamWindowData, streams: Sequence[Stream | ClipStream], delay: int
) -> list[tuple[FloatArray, FloatArray]]:
    """Probabilities ``[T, labels]`` of every stream, and of a beginning ``[T]``.

    Each row is for the instant of its own frame; the last frame stands for the future.

    Flat bundles see what a virtual camera makes of the bodies, always the same one.
    """
    found = []
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        for stream in streams:
            order = np.minimum(np.arange(len(stream.positions) + delay), len(stream.positions) - 1)
            positions, confidence = (
                torch.from_numpy(part[order])[None] for part in (stream.positions, stream.confidence)
            )
            if data.flat:
                nothing = torch.zeros(1, 4, dtype=torch.long)
                batch = data.project(StreamBatch(positions, confidence, nothing, nothing))
                positions, confidence = batch.positions, batch.confidence
            logits, _, begin, _ = network(positions, confidence)
            found.append((logits[0, delay:].softmax(-1).numpy(), begin[0, delay:].numpy()))
    return found


def validation_streams(network: StreamNetwork, data: StreamWindowData, delay: int) -> list[ScoredStream]:
    """What the network says of the streams of the validation part; composed ones count as much as all recordings.

    Recordings are few: each is seen at several speeds and in a mirror, and counts once in all.
    """
    names, scored = data.labels.names, []
    seconds = {kind: sum(map(len, streams)) for kind, streams in data.val.streams.items()}
    composed = seconds.pop(_COMPOSED, 0)
    for kind, streams in data.val.streams.items():
        share = min(sum(seconds.values()) / composed, 1.0) if kind == _COMPOSED else 1.0
        if kind != _COMPOSED:
            ways = [replays(stream, data.labels, data.mirrors) for stream in streams]
            streams, share = [one for some in ways for one in some], 1 / max(len(ways[0]), 1)
        for stream, said in zip(streams, said_of(network, data, streams, delay), strict=True):
            truth = [
                Interval(names[data.labels.parents[span.label]], span.start / data.rate_hz, span.end / data.rate_hz)
                for span in stream.spans
            ]
            truth = [one for one in truth if one.label not in data.labels.background]
            allowed = open_labels(stream, data)
            if kind != _COMPOSED:  # what a recording calls rest or walking is no action of ours all the same
                allowed &= (stream.target == data.labels.target(ANYTHING))[:, None]
            scored.append(ScoredStream(*said, truth, 1.0 if truth else _NEGATIVE_WEIGHT, share, allowed))
    return scored


def open_labels(stream: Stream, data: StreamWindowData) -> NDArray[np.bool_]:
    """``[T, labels]``: which labels the frames of a stream allow whose target is no single class."""
    parents = torch.tensor(data.labels.parents)
    sets = torch.zeros(len(data.labels.targets), len(data.labels.names))
    sets.index_add_(1, parents, data.labels.membership)
    sets[: len(data.labels.classes)] = 0
    return (sets > 0).numpy()[stream.target]


def idle_bias(network: StreamNetwork, data: StreamWindowData, delay: int) -> float:
    """What to add to the logit of *idle* so that clips of validation subjects are told best; both are background."""
    clips = data.clips("val")
    found = [probabilities for probabilities, _ in said_of(network, data, clips, delay)]
    idle = data.labels.names.index(_IDLE)

    def share(bias: float) -> float:
        factor = np.ones(len(data.labels.names), np.float32)
        factor[idle] = np.exp(bias)
        scaled = [one * factor / (one * factor).sum(1, keepdims=True) for one in found]
        return right_share(clips, scaled, data.labels.names, data.clip_words)

    return max(_IDLE_BIASES, key=share)


def figures(network: StreamNetwork, data: StreamWindowData, delay: int) -> list[Metric]:
    """Accuracy on trimmed clips of nobody it was trained on, as they are and turned."""
    part, whose = data.judged
    clips = data.clips(part)
    metrics = []
    for angle in (0,) if data.flat else (0, 90, 180):
        turned = [clip.turned(np.deg2rad(angle)) for clip in clips]
        found = [probabilities for probabilities, _ in said_of(network, data, turned, delay)]
        share = right_share(turned, found, data.labels.names, data.clip_words)
        how = f"turned by {angle} degrees" if angle else "as they are"
        what = "projected by virtual cameras" if data.flat else how
        protocol = f"{len(clips)} clips {whose}, {what}; the label with the largest sum over frames"
        metrics.append(Metric("clips" if not angle else f"clips {angle}", round(share, 4), protocol))
    return metrics


class Step(nn.Module):
    """One frame of a network, with its states as further arguments.

    Args:
        network: The network.
    """

    def __init__(self, network: StreamNetwork) -> None:
        super().__init__()
        self.network, self.names = network, list(network.state_shapes())

    def forward(self, positions: Tensor, confidence: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Logits ``[N, labels]``, embedding ``[N, D]``, beginning ``[N]``, states, of ``[N, V, D]`` and ``[N, V]``."""
        before: Mapping[str, Tensor] = dict(zip(self.names, states, strict=True))
        logits, embedding, begin, after = self.network(positions[:, None], confidence[:, None], before)
        return logits[:, 0], embedding[:, 0], begin[:, 0], *(after[name] for name in self.names)


def step_graph(network: StreamNetwork) -> bytes:
    """One step as ONNX bytes: batch dynamic, everything else fixed."""
    step, shapes = Step(network), network.state_shapes()
    joints, dims = len(network.front.output_layout) - 1, network.front.dims
    states = [torch.zeros(2, *shape) for shape in shapes.values()]
    batch = {0: torch.export.Dim("batch", min=1)}
    inputs = ["positions", "confidence", *(f"state_{name}_in" for name in shapes)]
    outputs = ["logits", "embedding", "begin", *(f"state_{name}_out" for name in shapes)]
    example = (torch.rand(2, joints, dims), torch.ones(2, joints), states)
    return onnx_bytes(step, example, (inputs, outputs), (batch, batch, [batch] * len(states)))
