"""The skeleton cloud: what is written is read, and every kind of foreign or broken cloud is read right or refused."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from csre_ros.skeleton import Skeleton, get_layout
from csre_ros.skeleton.cloud import FLOAT32, FLOAT64, UINT32, CloudField, PackedCloud, pack_cloud, unpack_cloud

KINECT = get_layout("kinect20")
MEDIAPIPE = get_layout("mediapipe33")


def person(seed: int, layout=KINECT, source_id: str | None = None) -> Skeleton:
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.01, 1, len(layout)).astype(np.float32)
    return Skeleton(layout, rng.normal(size=(len(layout), layout.dims)), confidence, source_id)


def cloud_of(columns: dict[str, np.ndarray], order: str = "<", point_pad: int = 0, row_pad: int = 0) -> PackedCloud:
    """A cloud with any fields, types, byte order and padding; ``columns`` are ``[persons, joints]``, in field order."""
    codes = {"f4": FLOAT32, "f8": FLOAT64, "u4": UINT32}
    fields, offset = [], point_pad
    for name, values in columns.items():
        kind = values.dtype.str[1:]
        fields.append(CloudField(name, offset, codes[kind], 1))
        offset += values.dtype.itemsize + point_pad
    height, width = next(iter(columns.values())).shape
    data = np.full((height, width * offset + row_pad), 0xFF, np.uint8)
    for field, values in zip(fields, columns.values(), strict=True):
        raw = values.astype(values.dtype.newbyteorder(order)).view(np.uint8).reshape(height, width, -1)
        for joint in range(width):
            start = joint * offset + field.offset
            data[:, start : start + raw.shape[2]] = raw[:, joint]
    return PackedCloud(
        height, width, tuple(fields), offset, data.shape[1], False, data.tobytes(), is_bigendian=order == ">"
    )


def columns_of(*people: Skeleton) -> dict[str, np.ndarray]:
    stacked = np.stack([p.positions for p in people])
    columns = {name: stacked[..., axis].copy() for axis, name in enumerate("xyz")}
    columns["c"] = np.stack([p.confidence for p in people])
    return columns


def assert_same(found: Skeleton, expected: Skeleton) -> None:
    np.testing.assert_array_equal(found.positions, expected.positions)
    np.testing.assert_array_equal(found.confidence, expected.confidence)
    assert found.layout == expected.layout
    assert found.source_id == expected.source_id


@pytest.mark.parametrize("layout_name", ["kinect20", "mediapipe33", "ntu25", "zed38", "coco17"])
@pytest.mark.parametrize("people", [0, 1, 2, 12])
def test_round_trip_is_bit_exact(layout_name, people):
    layout = get_layout(layout_name)
    skeletons = tuple(person(i, layout, str(i + 1) if i % 2 else None) for i in range(people))
    cloud = pack_cloud(skeletons, layout)
    assert (cloud.height, cloud.width) == (people, len(layout))
    assert cloud.row_step * cloud.height == len(cloud.data)
    found, rejected = unpack_cloud(cloud, layout)
    assert not rejected
    assert len(found) == people
    for one, other in zip(found, skeletons, strict=True):
        assert_same(one, other)


def test_image_points_by_width_and_height_are_read_where_the_shape_of_the_image_is_known():
    """As csre_ros 0.1 wrote them, in fields x and y; now they are u and v, both in image heights."""
    coco = get_layout("coco17")
    points = np.random.default_rng(0).uniform(size=(1, 17, 2)).astype(np.float32)
    old = cloud_of({"x": points[..., 0], "y": points[..., 1]})
    (found,), _ = unpack_cloud(old, coco, aspect=2.0)
    np.testing.assert_array_equal(found.positions, points[0] * np.float32((2, 1)))
    with pytest.raises(ValueError, match="shape of the image is not known: say how large the image is"):
        unpack_cloud(old, coco)
    new = cloud_of({"u": points[..., 0], "v": points[..., 1]})
    (found,), _ = unpack_cloud(new, coco, aspect=2.0)
    np.testing.assert_array_equal(found.positions, points[0])


def test_unseen_joints_stay_unseen_and_make_the_cloud_sparse():
    whole = person(1)
    confidence = whole.confidence.copy()
    confidence[[0, 7]] = 0
    partial = Skeleton(KINECT, whole.positions, confidence)
    assert pack_cloud([whole], KINECT).is_dense
    cloud = pack_cloud([partial], KINECT)
    assert not cloud.is_dense
    (found,), _ = unpack_cloud(cloud, KINECT)
    assert np.isnan(found.positions[[0, 7]]).all()
    assert_same(found, partial)


@pytest.mark.parametrize(
    ("source_id", "expected"),
    [("7", "7"), ("4294967295", "4294967295"), ("4294967296", None), ("9" * 5000, None), ("0", None), ("", None),
     ("anna", None), ("-1", None), ("٣", None), (None, None)],
)  # fmt: skip
def test_only_ids_that_fit_uint32_travel(source_id, expected):
    (found,), _ = unpack_cloud(pack_cloud([person(1, source_id=source_id)], KINECT), KINECT)
    assert found.source_id == expected


def test_packing_refuses_a_foreign_layout():
    with pytest.raises(ValueError, match="'kinect20' skeleton into a 'mediapipe33' cloud"):
        pack_cloud([person(1)], MEDIAPIPE)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("point_pad", [0, 3, 8])
@pytest.mark.parametrize("row_pad", [0, 5])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_byte_order_padding_and_number_type_are_honoured(order, point_pad, row_pad, kind):
    people = (person(1, source_id="4"), person(2, source_id="9"))
    columns = {name: values.astype(kind) for name, values in columns_of(*people).items()}
    columns["id"] = np.repeat(np.array([[4], [9]], np.uint32), 20, axis=1)
    found, rejected = unpack_cloud(cloud_of(columns, order, point_pad, row_pad), KINECT)
    assert not rejected
    for one, other in zip(found, people, strict=True):
        assert_same(one, other)


def test_fields_are_found_by_name_among_others_in_any_order():
    one = person(1)
    columns = columns_of(one)
    shuffled = {"intensity": columns["x"] * 7, **{name: columns[name] for name in ("c", "z", "x", "y")}}
    (found,), _ = unpack_cloud(cloud_of(shuffled), KINECT)
    assert_same(found, one)


def test_without_confidence_what_is_finite_is_certain():
    columns = columns_of(person(1))
    del columns["c"]
    columns["y"][0, 3] = np.nan
    (found,), _ = unpack_cloud(cloud_of(columns), KINECT)
    assert found.confidence.tolist() == [1.0] * 3 + [0.0] + [1.0] * 16


def test_nan_confidence_means_unseen():
    columns = columns_of(person(1))
    columns["c"][0, 5] = np.nan
    (found,), rejected = unpack_cloud(cloud_of(columns), KINECT)
    assert not rejected
    assert found.confidence[5] == 0
    assert np.isnan(found.positions[5]).all()


@pytest.mark.parametrize("empty", [(0, 20), (1, 0), (0, 0)])
def test_a_cloud_without_points_is_nobody(empty):
    height, width = empty
    cloud = PackedCloud(height, width, (), 0, 0, True, b"")
    assert unpack_cloud(cloud, KINECT) == ((), Counter())


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("x", np.inf, "infinite coordinate"),
        ("z", -np.inf, "infinite coordinate"),
        ("c", 1.001, "confidence outside 0..1"),
        ("c", -0.1, "confidence outside 0..1"),
        ("c", np.inf, "confidence outside 0..1"),
    ],
)
def test_one_bad_person_is_counted_and_the_others_pass(name, value, reason):
    people = tuple(person(i) for i in range(3))
    columns = columns_of(*people)
    columns[name][1, 4] = value
    found, rejected = unpack_cloud(cloud_of(columns), KINECT)
    assert rejected == Counter({reason: 1})
    assert_same(found[0], people[0])
    assert_same(found[1], people[2])


def test_a_double_beyond_float32_is_infinite():
    columns = {name: values.astype(np.float64) for name, values in columns_of(person(1)).items()}
    columns["x"][0, 0] = 1e300
    assert unpack_cloud(cloud_of(columns), KINECT) == ((), Counter({"infinite coordinate": 1}))


def test_an_all_nan_row_is_nobody_and_counted():
    columns = columns_of(person(1), person(2))
    for name in "xyz":
        columns[name][0] = np.nan
    found, rejected = unpack_cloud(cloud_of(columns), KINECT)
    assert len(found) == 1
    assert rejected == Counter({"no joint seen": 1})


def test_duplicate_ids_cost_the_later_person_and_zero_is_no_id():
    ids = ("5", None, "5", None, "6", "5")
    people = tuple(person(i, source_id=source_id) for i, source_id in enumerate(ids))
    found, rejected = unpack_cloud(pack_cloud(people, KINECT), KINECT)
    assert [one.source_id for one in found] == ["5", None, None, "6"]
    assert_same(found[0], people[0])
    assert rejected == Counter({"duplicate id": 2})


def test_an_id_of_a_rejected_person_is_still_free():
    columns = columns_of(person(1), person(2))
    columns["id"] = np.full((2, 20), 5, np.uint32)
    columns["x"][0, 0] = np.inf
    found, rejected = unpack_cloud(cloud_of(columns), KINECT)
    assert [one.source_id for one in found] == ["5"]
    assert rejected == Counter({"infinite coordinate": 1})


def test_an_id_that_differs_between_joints_is_rejected():
    columns = columns_of(person(1))
    columns["id"] = np.arange(20, dtype=np.uint32).reshape(1, 20) + 1
    assert unpack_cloud(cloud_of(columns), KINECT) == ((), Counter({"id differs between joints": 1}))


def _without(name: str) -> PackedCloud:
    columns = columns_of(person(1))
    del columns[name]
    return cloud_of(columns)


def _with_field(index: int, **changes: Any) -> PackedCloud:
    cloud = pack_cloud([person(1)], KINECT)
    fields = list(cloud.fields)
    fields[index] = replace(fields[index], **changes)
    return replace(cloud, fields=tuple(fields))


GOOD = pack_cloud([person(1), person(2)], KINECT)


@pytest.mark.parametrize(
    ("cloud", "message"),
    [
        (_without("x"), "lacks the fields x; it has 'y', 'z', 'c'"),
        (_without("z"), "lacks the fields z"),
        (replace(GOOD, fields=()), "lacks the fields x, y, z; it has none"),
        (pack_cloud([person(1, MEDIAPIPE)], MEDIAPIPE), "33 joints wide; layout 'kinect20' has 20"),
        (replace(GOOD, height=20, width=2), "2 joints wide"),
        (pack_cloud([person(i) for i in range(65)], KINECT), "65 rows.*at most 64"),
        (replace(GOOD, height=2**32 - 1), "4294967295 rows"),
        (replace(GOOD, data=GOOD.data[:-1]), "799 bytes of data.*need 800"),
        (replace(GOOD, data=b""), "0 bytes of data"),
        (replace(GOOD, row_step=399), "row_step is 399.*at least 400"),
        (replace(GOOD, row_step=0), "row_step is 0"),
        (replace(GOOD, row_step=2**32 - 1), "need 8589934590"),
        (replace(GOOD, point_step=0), "point_step is 0"),
        (replace(GOOD, point_step=15), "point_step is 15"),
        (_with_field(2, offset=17), "'z' covers bytes 17..21"),
        (_with_field(0, datatype=5), "'x' has datatype 5 and count 1; it must be one float32"),
        (_with_field(0, datatype=99), "'x' has datatype 99"),
        (_with_field(1, count=3), "'y' has datatype 7 and count 3"),
        (_with_field(4, datatype=7), "'id' has datatype 7 and count 1; it must be one uint32"),
    ],
)
def test_a_cloud_that_cannot_be_skeletons_is_refused(cloud, message):
    with pytest.raises(ValueError, match=message):
        unpack_cloud(cloud, KINECT)


def test_unpacked_people_own_their_numbers():
    data = bytearray(GOOD.data)
    (first, _), _ = unpack_cloud(replace(GOOD, data=data), KINECT)
    before = first.positions.copy()
    data[:] = bytes(len(data))
    np.testing.assert_array_equal(first.positions, before)


def test_rclpy_messages_are_read():
    serialization = pytest.importorskip("rclpy.serialization", reason="needs the rclpy wheels (extra 'ros')")
    messages = pytest.importorskip("sensor_msgs.msg")
    people = (person(1, source_id="3"), person(2))
    values = vars(pack_cloud(people, KINECT))
    fields = [messages.PointField(**vars(field)) for field in values["fields"]]
    message = messages.PointCloud2(**{**values, "fields": fields})
    received = serialization.deserialize_message(serialization.serialize_message(message), messages.PointCloud2)
    found, rejected = unpack_cloud(received, KINECT)
    assert not rejected
    for one, other in zip(found, people, strict=True):
        assert_same(one, other)


def test_the_module_needs_no_ros():
    code = "import csre_ros.skeleton.cloud, sys; print(*{'rclpy', 'rosbags', 'sensor_msgs'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
