"""A recording is never lost: killed, out of power, disk full, cut, or with a bit that flipped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader

from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.sources import SourceFrame, open_source
from csre_ros.sources.mcap_reader import McapFile
from csre_ros.sources.recording_writer import RecordingWriter
from csre_ros.sources.recover import recover

LAYOUT = get_layout("mediapipe33")
SECOND = 1_000_000_000

WRITES_FOR_EVER = """
import sys, time
import numpy as np
from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.sources.recording_writer import RecordingWriter
from csre_ros.sources.recover import recover
layout = get_layout("mediapipe33")
rng = np.random.default_rng(0)
with RecordingWriter(sys.argv[1], layout) as recording:
    for number in range(int(sys.argv[2])):
        body = Skeleton(layout, rng.normal(size=(33, 3)), np.ones(33))
        recording.write(Frame(time.monotonic_ns(), "front", (body,)))
        print(number, flush=True)
        time.sleep(float(sys.argv[3]))
"""

WRITES_WITHIN_A_LIMIT = f"""
import resource, sys
limit = int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
{WRITES_FOR_EVER}"""


def person(seed: int) -> Skeleton:
    return Skeleton(LAYOUT, np.random.default_rng(seed).normal(size=(33, 3)), np.ones(33))


def record(path: Path, count: int = 40) -> Path:
    with RecordingWriter(path, LAYOUT) as writer:
        for i in range(count):
            writer.write(Frame(SECOND + i * SECOND // 10, "front", (person(i),)), label="walk")
    return path


def read(path: Path) -> list[SourceFrame]:
    with open_source(str(path)) as source:
        return list(source)


def outcome(path: Path) -> tuple[list[tuple], str]:
    """What is read of a file, or why it is refused."""
    try:
        return content(read(path)), ""
    except ValueError as error:
        return [], str(error)


def content(frames: list[SourceFrame]) -> list[tuple]:
    return [(f.stamp_ns, f.frame_id, f.label, f.skeletons[0].positions.tobytes()) for f in frames]


@pytest.fixture
def whole(tmp_path) -> Path:
    return record(tmp_path / "whole.mcap")


@pytest.mark.slow
def test_what_was_recorded_two_seconds_before_a_kill_is_there(tmp_path):
    path = tmp_path / "killed.mcap"
    command = [sys.executable, "-c", WRITES_FOR_EVER, str(path), "100000", "0.03"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(3.5)
        killed_ns = time.monotonic_ns()
        process.send_signal(signal.SIGKILL)
    stamps = [frame.stamp_ns for frame in read(path)]
    assert killed_ns - stamps[-1] < 2 * SECOND
    assert stamps[-1] - stamps[0] > 1.5 * SECOND
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_a_source_that_stops_does_not_keep_its_last_frame_from_the_disk(tmp_path):
    """The thread saves, not the next frame."""
    with RecordingWriter(tmp_path / "quiet.mcap", LAYOUT) as writer:
        writer.write(Frame(SECOND, "front", (person(0),)))
        time.sleep(1.5)
        (tmp_path / "copy.mcap").write_bytes((tmp_path / "quiet.mcap").read_bytes())
    assert len(read(tmp_path / "copy.mcap")) == 1


@pytest.mark.slow
def test_after_a_power_loss_everything_that_the_disk_confirmed_is_there(tmp_path, monkeypatch):
    """What the disk has confirmed when the power fails is what it had at the last fsync."""
    confirmed: list[tuple[float, int]] = []
    real = os.fsync

    def fsync(file: int) -> None:
        size = os.fstat(file).st_size
        real(file)
        confirmed.append((time.monotonic(), size))

    monkeypatch.setattr(os, "fsync", fsync)
    written: list[float] = []
    with RecordingWriter(tmp_path / "clip.mcap", LAYOUT) as writer:
        for i in range(60):
            writer.write(Frame(i * SECOND, "front", (person(i),)))
            written.append(time.monotonic())
            time.sleep(0.05)
        failed_s, size = time.monotonic(), confirmed[-1][1]
        (tmp_path / "lost.mcap").write_bytes((tmp_path / "clip.mcap").read_bytes()[:size])
    found = read(tmp_path / "lost.mcap")
    assert len(found) >= sum(failed_s - at > 2.0 for at in written) > 10
    assert [frame.stamp_ns for frame in found] == [i * SECOND for i in range(len(found))]


@pytest.mark.slow
@pytest.mark.parametrize("limit", [400, 60_000, 100_003])
def test_a_full_disk_keeps_everything_before(tmp_path, limit):
    path = tmp_path / "full.mcap"
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n" + WRITES_FOR_EVER
    command = [sys.executable, "-c", code, str(path), "400", "0.01"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "full.mcap takes no more (File too large); " in done.stderr.splitlines()[-1]
    if limit == 400:
        assert done.stderr.splitlines()[-1].endswith("nothing is in it yet")
        assert list(tmp_path.iterdir()) == []
        return
    stamps = [frame.stamp_ns for frame in read(path)]
    assert f"its first {(stamps[-1] - stamps[0]) / 1e9:.1f} s are kept" in done.stderr.splitlines()[-1]
    with path.open("rb") as file:  # there was room for an end, so that it is readable elsewhere too
        assert sum(1 for _ in make_reader(file).iter_messages()) == len(stamps) + 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.parametrize(("room", "complete"), [(5, False), (100, True)])
def test_a_disk_with_room_for_the_chunk_and_not_for_its_index_keeps_the_chunk(tmp_path, caplog, room, complete):
    """The two are written one after the other; without the index, and even without an end, a chunk can be read."""
    code = WRITES_WITHIN_A_LIMIT.replace("time.monotonic_ns()", "number * 10**9")
    record_once = [sys.executable, "-c", code]
    subprocess.run([*record_once, tmp_path / "free.mcap", "20", "0", "1000000"], check=True, capture_output=True)
    with (tmp_path / "free.mcap").open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    (chunk,) = summary.chunk_indexes
    limit = chunk.chunk_start_offset + chunk.chunk_length + room
    done = subprocess.run(
        [*record_once, tmp_path / "tight.mcap", "20", "0", str(limit)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("takes no more (File too large); its first 19.0 s are kept")
    assert len(read(tmp_path / "tight.mcap")) == 20
    assert ("its end is missing" not in caplog.text) is complete


@pytest.mark.slow
def test_a_disk_that_is_full_at_the_very_end_loses_the_index_only(tmp_path):
    """The last chunk fits, the index behind it does not."""
    size = record(tmp_path / "size.mcap").stat().st_size
    record_once = [sys.executable, "-c", WRITES_WITHIN_A_LIMIT]
    subprocess.run([*record_once, tmp_path / "free.mcap", "20", "0", str(10 * size)], check=True, capture_output=True)
    whole = (tmp_path / "free.mcap").stat().st_size
    done = subprocess.run([*record_once, tmp_path / "tight.mcap", "20", "0", str(whole - 100)], capture_output=True)
    assert done.returncode == 0
    assert len(read(tmp_path / "tight.mcap")) == 20
    with Reader(tmp_path / "tight.mcap") as reader:
        assert reader.message_count == 21


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "taken").write_text("no folder")
    with pytest.raises(OSError, match="taken"), RecordingWriter(tmp_path / "taken" / "a.mcap", LAYOUT):
        pass


def test_others_read_it_with_checksums_and_definitions(whole):
    """As Foxglove and every MCAP library would: PyPI's ``mcap``, with the ROS 2 decoder that needs no ROS."""
    decoder = pytest.importorskip("mcap_ros2.decoder", reason="pip install mcap-ros2-support")
    with whole.open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[decoder.DecoderFactory()])
        summary = reader.get_summary()
        decoded = [(m.channel.topic, m.decoded_message) for m in reader.iter_decoded_messages()]
    assert {chunk.compression for chunk in summary.chunk_indexes} == {"zstd"}
    assert summary.statistics.message_count == len(decoded) == 81
    assert [topic for topic, _ in decoded[:3]] == ["/skeletons/layout", "/label", "/skeletons"]
    assert (decoded[0][1].data, decoded[1][1].data, decoded[2][1].width) == ("mediapipe33", "walk", 33)


def test_it_is_compressed(whole):
    assert whole.stat().st_size < 0.9 * sum(len(message.data) for message in McapFile(whole).messages())


def test_wherever_it_is_cut_what_is_whole_is_read_and_the_loss_is_named(whole, tmp_path, caplog):
    expected, data = content(read(whole)), whole.read_bytes()
    lengths = []
    for length in [1, 7, 8, 9, 20, 36, 45, *range(60, len(data), len(data) // 40), len(data) - 8, len(data) - 1]:
        cut = tmp_path / f"cut{length}.mcap"
        cut.write_bytes(data[:length])
        caplog.clear()
        frames, refusal = outcome(cut)
        if refusal:
            assert f"cut{length}.mcap was cut short: its {length} bytes hold no whole message" in refusal
            continue
        lengths.append(len(frames))
        assert frames == expected[: len(frames)]
        assert f"cut{length}.mcap: its end is missing, as after a power loss" in caplog.text
    assert lengths
    assert lengths[-1] == 40


@pytest.mark.slow
def test_a_cut_between_chunks_gives_the_chunks_before(tmp_path, caplog):
    path = tmp_path / "chunks.mcap"
    with RecordingWriter(path, LAYOUT) as writer:
        for i in range(30):
            writer.write(Frame(i * SECOND, "front", (person(i),)))
            if i == 9:
                time.sleep(1.3)  # a chunk goes out
                first = path.stat().st_size
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(path.read_bytes()[: first + 500])
    assert len(read(cut)) == 10
    assert f"of the record at byte {first} are lost (it is not whole); 9.0 s are read" in caplog.text
    cut.write_bytes(path.read_bytes()[:first] + bytes(5000))  # room that was reserved and never filled
    assert len(read(cut)) == 10
    assert "5000 bytes of the record at byte" in caplog.text


def test_a_real_cut_recording_gives_two_chunks_and_what_is_whole_of_the_third(shared_data, caplog):
    frames = read(shared_data / "faults" / "cut_by_power_loss.mcap")
    assert len(frames) == 1097
    assert {len(frame.skeletons) for frame in frames} == {4}
    assert "its end is missing" in caplog.text
    assert "50841 bytes of the record at byte 2111897 are lost (it is not whole); 36.5 s are read" in caplog.text


def test_any_flipped_bit_is_noticed_or_harmless(whole, tmp_path):
    expected, data = content(read(whole)), bytearray(whole.read_bytes())
    rng, refused = np.random.default_rng(0), 0
    for bit in rng.choice(8 * len(data), 250, replace=False):
        at = bit // 8
        data[at] ^= 1 << bit % 8
        damaged = tmp_path / "damaged.mcap"
        damaged.write_bytes(data)
        data[at] ^= 1 << bit % 8
        frames, refusal = outcome(damaged)
        assert "damaged.mcap" in refusal if refusal else frames == expected
        refused += bool(refusal)
    assert refused > 200


def test_a_flipped_bit_is_located(whole, tmp_path):
    data = bytearray(whole.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "damaged.mcap").write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged.mcap is damaged at byte \d+: .*; `csre recover` saves everything"):
        read(tmp_path / "damaged.mcap")


def test_random_damage_is_refused_or_harmless(whole, tmp_path):
    """Sixteen bytes are wrong; what comes out is the same frames, or one ValueError that names the file."""
    expected, data = content(read(whole)), np.frombuffer(whole.read_bytes(), np.uint8)
    rng, refused = np.random.default_rng(5), 0
    for _ in range(150):
        damaged = data.copy()
        start = rng.integers(0, len(data) - 16)
        damaged[start : start + 16] = rng.integers(0, 256, 16, np.uint8)
        (tmp_path / "damaged.mcap").write_bytes(damaged.tobytes())
        frames, refusal = outcome(tmp_path / "damaged.mcap")
        assert "damaged.mcap" in refusal if refusal else frames == expected
        refused += bool(refusal)
    assert refused > 100


@pytest.mark.slow
def test_a_chunk_that_claims_gigabytes_is_refused_without_them(tmp_path):
    import zstandard
    from mcap.writer import CompressionType, Writer

    path = tmp_path / "bomb.mcap"
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
        writer.add_message(writer.register_channel("/label", "cdr", schema), 1, b"x" * 100, 1)
        writer.finish()
    bomb = zstandard.ZstdCompressor().compress(bytes(2 << 30))
    from mcap.data_stream import RecordBuilder
    from mcap.records import Chunk, DataEnd, Footer, Header

    builder = RecordBuilder()
    Header("ros2", "bomb").write(builder)
    Chunk("zstd", bomb, 1, 1, 0, 100).write(builder)
    DataEnd(0).write(builder)
    Footer(0, 0, 0).write(builder)
    magic = b"\x89MCAP0\r\n"
    path.write_bytes(magic + builder.end() + magic)
    with pytest.raises(ValueError, match="a chunk of more than 1073741824 bytes"):
        open_source(str(path))


def test_recordings_made_before_are_read(shared_data):
    from csre_ros.recordings import SHIPPED

    assert len(read(SHIPPED)) == 171
    counts = {path.stem: len(read(path)) for path in sorted((shared_data / "live_fail").glob("*.mcap"))}
    assert json.dumps(counts) == json.dumps(
        {"arm_wave": 28, "arms_opening": 116, "leg_bends": 86, "seated_clap": 57, "side_boxing": 183,
         "side_squats": 322, "side_walk": 145, "woodchop": 180}
    )  # fmt: skip


@pytest.mark.slow
def test_what_is_whole_of_a_cut_recording_is_saved_as_a_complete_one(whole, tmp_path):
    path = tmp_path / "chunks.mcap"
    with RecordingWriter(path, LAYOUT) as writer:
        for i in range(30):
            writer.write(Frame(i * SECOND, "front", (person(i),)))
            if i in (9, 19):
                time.sleep(1.2)
    expected, data = content(read(path)), path.read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(data[: len(data) // 2])
    found = recover(cut, tmp_path / "saved.mcap")
    assert found.lost[0] == "its end is missing, as after a power loss"
    assert content(read(tmp_path / "saved.mcap")) == expected[:10]
    assert McapFile(tmp_path / "saved.mcap").lost == []
    assert cut.read_bytes() == data[: len(data) // 2]


@pytest.mark.slow
def test_what_is_whole_of_a_damaged_recording_is_saved(tmp_path):
    path = tmp_path / "chunks.mcap"
    with RecordingWriter(path, LAYOUT) as writer:
        for i in range(30):
            writer.write(Frame(i * SECOND, "front", (person(i),)))
            if i in (9, 19):
                time.sleep(1.2)
    expected, data = content(read(path)), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "damaged.mcap").write_bytes(data)
    found = recover(tmp_path / "damaged.mcap", tmp_path / "saved.mcap")
    assert "crc" in found.lost[0] or "Zstd" in found.lost[0]
    assert content(read(tmp_path / "saved.mcap")) == expected[:10] + expected[20:]


def test_nothing_is_made_of_nothing(tmp_path):
    (tmp_path / "cut.mcap").write_bytes(b"\x89MCAP0\r\n" + bytes(100))
    with pytest.raises(ValueError, match="hold no whole message"):
        recover(tmp_path / "cut.mcap", tmp_path / "saved.mcap")
    assert not (tmp_path / "saved.mcap").exists()
