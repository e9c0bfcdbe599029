"""Own capture: files stand in for cameras, at their own speed, again and again if so wanted."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")

from csre_ros.ros.health import Health
from csre_ros.ros.inputs.capture import CaptureInput
from csre_ros.ros.inputs.contract import InputContext, check_dims
from csre_ros.ros.settings import NodeSettings, settings
from csre_ros.sources.open import is_recording

pytestmark = pytest.mark.ros
FRAMES, RATE = 15, 50.0


@pytest.fixture
def recording(tmp_path, make_body):
    from csre_ros.skeleton import Frame
    from csre_ros.sources.recording_writer import RecordingWriter

    path = tmp_path / "arm.mcap"
    body = make_body("right")
    with RecordingWriter(path, body.layout) as writer:
        for i in range(FRAMES):
            writer.write(Frame(5_000_000_000 + round(i * 1e9 / RATE), "recorded_camera", (body,)))
    return path


@pytest.fixture
def capture(graph):
    """Opens a capture; returns it with the lists of what it delivered, and of its ends."""
    opened = []

    def start(chosen: NodeSettings):
        frames, ends = [], []
        source = CaptureInput(InputContext(graph.peer, chosen, Health(), frames.append, lambda: ends.append(True)))
        source.open()
        opened.append(source)
        return source, frames, ends

    yield start
    for source in opened:
        source.close()


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_recording_is_stamped_with_the_time_at_which_it_is_played(capture, recording):
    begin_ns = time.time_ns()
    source, frames, ends = capture(settings({"source": str(recording)}))
    assert not source.images
    wait_for(lambda: ends)
    assert len(frames) == FRAMES
    stamps = np.array([frame.stamp_ns for frame in frames])
    assert begin_ns <= stamps[0] <= stamps[-1] <= time.time_ns()
    np.testing.assert_allclose(np.diff(stamps), 1e9 / RATE, atol=2)
    assert frames[0].frame_id == "recorded_camera"
    assert len(frames[0].skeletons) == 1


@pytest.mark.slow
def test_a_loop_pauses_until_the_people_are_given_up(capture, recording):
    chosen = settings({"source": str(recording), "loop": True, "tracker.death_s": 0.2, "window.max_gap_s": 0.3})
    _, frames, ends = capture(chosen)
    wait_for(lambda: len(frames) > 2 * FRAMES)
    gaps = np.diff([frame.stamp_ns for frame in frames]) / 1e9
    assert (gaps > 0).all()
    assert sorted(np.flatnonzero(gaps > 0.3).tolist()) == [FRAMES - 1, 2 * FRAMES - 1]
    assert not ends


def test_closing_does_not_wait_for_the_file(capture, recording):
    source, frames, ends = capture(settings({"source": str(recording), "loop": True, "tracker.death_s": 10.0}))
    wait_for(lambda: len(frames) == FRAMES)  # now it pauses for ten seconds
    begin = time.monotonic()
    source.close()
    source.close()
    assert time.monotonic() - begin < 5
    assert not ends  # closed by us, so the source did not end


def test_a_file_that_breaks_off_ends_the_input_with_an_error(capture, recording, monkeypatch):
    from csre_ros.sources.recording import RecordingSource

    whole = RecordingSource.__iter__

    def damaged(self):
        frames = whole(self)
        yield next(frames)
        raise ValueError("the recording is damaged after 1 frame")

    monkeypatch.setattr(RecordingSource, "__iter__", damaged)
    source, frames, ends = capture(settings({"source": str(recording)}))
    wait_for(lambda: ends)
    assert len(frames) == 1
    assert "damaged after 1 frame" in source._context.health.snapshot().failures["capture"]


def test_what_a_recording_leaves_out_is_counted(capture, tmp_path, make_body, monkeypatch):
    """A person with an infinite joint, as another program may have written it, and a cloud of another width."""
    from csre_ros.skeleton import Frame
    from csre_ros.sources import recording
    from csre_ros.sources.recording_writer import RecordingWriter

    path = tmp_path / "mad.mcap"
    body = make_body()
    with RecordingWriter(path, body.layout) as writer:
        for i in range(FRAMES):
            writer.write(Frame(round((i + 1) * 1e9 / RATE), "camera", (body,)))
    unpack, calls = recording.unpack_cloud, []

    def damaged(cloud, layout, **known):
        calls.append(cloud)
        if len(calls) in (3, 4):
            cloud.data = np.array(cloud.data)
            cloud.data[:4] = np.frombuffer(np.float32(np.inf).tobytes(), np.uint8)
        cloud.width += len(calls) == FRAMES  # the last of all
        return unpack(cloud, layout, **known)

    monkeypatch.setattr(recording, "unpack_cloud", damaged)
    source, frames, ends = capture(settings({"source": str(path)}))
    wait_for(lambda: ends)
    told = source._context.health.snapshot()
    assert dict(told.rejections) == {"infinite coordinate": 2, "unreadable frame": 1}
    assert (len(frames), told.counts["skipped"]) == (FRAMES - 1, 0)


class SlowCamera:
    """A device whose read takes a while, as one does that waits for light."""

    fps = 30.0

    def grab(self):
        time.sleep(0.05)
        return True

    def retrieve(self):
        return np.zeros((4, 4, 3), np.uint8)

    def release(self):
        pass


def test_a_camera_that_is_closed_has_not_ended(capture, monkeypatch):
    from csre_ros.sources import live, open

    monkeypatch.setattr(open, "_open_live", lambda spec, config, stop: live.LiveSource(spec, SlowCamera, config))
    source, frames, ends = capture(settings({"source": "camera:0"}))
    wait_for(lambda: frames)
    source.close()
    assert source._thread is None
    assert not ends


def test_a_video_delivers_images(capture, shared_data):
    pytest.importorskip("cv2", reason="needs OpenCV")
    chosen = settings({"source": str(shared_data / "video" / "pose_1.mp4"), "capture.frame_id": "lens"})
    source, frames, _ = capture(chosen)
    assert source.images
    wait_for(lambda: len(frames) > 3)
    assert frames[0].image.shape[2] == 3
    assert frames[0].frame_id == "lens"


@pytest.mark.parametrize(("name", "dims"), [("coco17", 2), ("ntu25", 3)])
def test_a_recording_says_itself_how_many_dimensions_it_has(graph, tmp_path, monkeypatch, name, dims):
    """A folder in the home directory: what is opened later is what is judged now."""
    from csre_ros.skeleton import Frame, Skeleton, get_layout
    from csre_ros.sources.recording_writer import RecordingWriter

    layout = get_layout(name)
    with RecordingWriter(tmp_path / "walk.mcap", layout) as writer:
        writer.write(Frame(1, "camera", (Skeleton(layout, np.ones((len(layout), dims)), np.ones(len(layout))),)))
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = settings({"source": "~/walk.mcap"})
    source = CaptureInput(InputContext(graph.peer, chosen, Health(), print, print))
    assert (source.images, source.dims) == (False, dims)
    check_dims(source, SimpleNamespace(dims=dims, name="fitting"))
    check_dims(source, SimpleNamespace(dims=2, name="flat"))  # what has depth can do without
    if dims == 2:
        with pytest.raises(ValueError, match="delivers 2-D skeletons and bundle 'other' needs 3-D"):
            check_dims(source, SimpleNamespace(dims=3, name="other"))


def test_a_bag_folder_in_the_home_directory_is_a_recording(tmp_path, monkeypatch):
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "metadata.yaml").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert is_recording("~/bag")
    assert not is_recording("~/other")


def test_passwords_are_not_shown(graph):
    chosen = replace(NodeSettings(), node=replace(NodeSettings().node, source="rtsp://guest:secret@camera/live"))
    source = CaptureInput(InputContext(graph.peer, chosen, Health(), print, print))
    assert source.what == "rtsp://***@camera/live"
