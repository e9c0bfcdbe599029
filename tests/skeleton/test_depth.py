"""People placed by a depth image that is rendered from our own skeletons: bodies of capsules before a wall."""

import numpy as np
import pytest

from csre_ros.pipeline import Pipeline, PipelineConfig, PoseStage
from csre_ros.pose.settings import PoseConfig
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.recordings import SHIPPED
from csre_ros.skeleton import DepthImage, Frame, LayoutMapping, Pinhole, Skeleton, get_layout, lifted
from csre_ros.skeleton.depth import solid_layouts
from csre_ros.sources import SourceFrame, open_source
from csre_ros.timing import StageTimer

CAMERA = Pinhole((320, 240), (200.0, 200.0), (160.0, 120.0))
BODY13, FLAT13 = get_layout("body13"), get_layout("body13_2d")
LIMB_M, WALL_M = 0.06, 4.0
ROWS, COLUMNS = np.mgrid[0:240, 0:320]


def draw(picture, ball):
    """A ball as thick as a limb, in the window that it fills."""
    u, v = CAMERA.project(ball)
    radius = LIMB_M * CAMERA.focal[0] / ball[2] + 1
    rows, columns = (slice(max(0, int(at - radius)), max(0, int(at + radius) + 1)) for at in (v, u))
    aside = np.hypot(COLUMNS[rows, columns] - u, ROWS[rows, columns] - v) / CAMERA.focal[0] * ball[2]
    front = np.where(aside < LIMB_M, ball[2] - np.sqrt(np.maximum(LIMB_M**2 - aside**2, 0)), np.inf)
    picture[rows, columns] = np.minimum(picture[rows, columns], front)


def render(*people, wall=WALL_M, holes=0.0, seed=0):
    """``[240, 320]`` millimetres: balls along every bone, nearest first, before a wall; 0 where nothing came back."""
    picture = np.full((240, 320), wall)
    for person in people:
        for a, b in person.layout.bone_indices:
            for share in np.linspace(0, 1, 8):
                ball = person.positions[a] * (1 - share) + person.positions[b] * share
                if np.isfinite(ball).all():
                    draw(picture, ball)
    rng = np.random.default_rng(seed)
    picture += rng.normal(0, 0.005, picture.shape)  # what a stereo camera wobbles by
    # Edges mix what lies before and behind, and lose pixels.
    edges = np.abs(np.diff(picture, axis=1, prepend=picture[:, :1])) > 0.2
    picture[edges & (rng.random(picture.shape) < 0.5)] -= 1.0
    picture[rng.random(picture.shape) < holes] = 0
    return DepthImage((np.clip(picture, 0, 60) * 1000).astype(np.uint16), 0.001)


def flat(person):
    """The same person as somebody sees them in the picture."""
    points = (CAMERA.project(person.positions) / CAMERA.size[1]).astype(np.float32)
    return Skeleton(FLAT13, points, person.confidence, person.source_id)


@pytest.fixture(scope="module")
def recorded():
    """Every frame of the shipped recording with its person, as thirteen joints."""
    with open_source(str(SHIPPED)) as source:
        frames = [frame for frame in source if frame.skeletons]
    mapping = LayoutMapping(frames[0].skeletons[0].layout, BODY13)
    return [(frame, mapping(frame.skeletons[0])) for frame in frames]


@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_joints_are_lifted_to_where_they_are(recorded, holes):
    errors, missing = [], 0
    for i in range(0, len(recorded), 15):
        truth = recorded[i][1]
        found = lifted(flat(truth), render(truth, holes=holes, seed=i), CAMERA)
        assert found.layout is BODY13
        seen = found.confidence > 0
        missing += (~seen).sum()
        errors += np.linalg.norm(found.positions - truth.positions, axis=1)[seen].tolist()
        inside = np.isfinite(flat(truth).positions).all(axis=1)
        assert not (seen & ~inside).any()
    # The surface lies a limb's radius before the joint; more where another limb hides it.
    assert np.median(errors) < LIMB_M + 0.01
    assert np.quantile(errors, 0.9) < 0.2
    assert missing < 0.1 * len(errors)


def test_a_lifted_recording_tells_the_same_actions(recorded):
    """What two-dimensional key points and depth say is what the recording says, by the bundle for people in space."""
    told = []
    for lift in (False, True):
        with Pipeline(PipelineConfig(RecognizerConfig(bundle="window")), dims=3) as pipeline:
            events = []
            for i, (frame, person) in enumerate(recorded[::2]):
                given = (flat(person),) if lift else (person,)
                depth = render(person, holes=0.1, seed=i) if lift else None
                whole = SourceFrame(frame.stamp_ns, "camera", skeletons=given, camera=CAMERA, depth=depth)
                events += [event for one in pipeline.step(whole)[1] for event in one.events]
            assert pipeline.left_out.get("no_depth", 0) == 0
        told.append([event.action for event in events if event.state == "started"])
    assert told[0] == told[1]
    assert "wave" in told[0]


def test_a_body_in_metres_keeps_its_shape_and_is_moved(recorded):
    truth = recorded[20][1]
    moved = truth.positions + np.array((0.3, 0.1, 1.5), np.float32)  # as a wrong field of view places it
    points = (CAMERA.project(truth.positions) / CAMERA.size).astype(np.float32)
    found = lifted(Skeleton(BODY13, moved, truth.confidence, "7", points), render(truth), CAMERA)
    assert (found.layout, found.source_id) == (BODY13, "7")
    moves = found.positions - moved
    np.testing.assert_allclose(moves, np.broadcast_to(np.nanmean(moves, axis=0), moves.shape), atol=1e-5)
    assert np.nanmax(np.linalg.norm(found.positions - truth.positions, axis=1)) < 0.1


def standing(x=0.0, z=2.5, **joints):
    rows = {
        "head": (0, -0.7), "shoulder": (0.2, -0.45), "elbow": (0.3, -0.2), "wrist": (0.3, 0.05),
        "hip": (0.12, 0.1), "knee": (0.12, 0.5), "ankle": (0.12, 0.85),
    }  # fmt: skip
    positions = np.zeros((len(BODY13), 3), np.float32)
    for i, joint in enumerate(BODY13.joints):
        side, _, part = joint.rpartition("_")
        dx, y = rows[part]
        positions[i] = joints.get(joint, (x + dx * {"left": 1, "right": -1}.get(side, 0), y, z))
    return Skeleton(BODY13, positions, np.ones(len(BODY13), np.float32))


def test_a_hand_that_is_stretched_forward_is_nearer():
    person = standing(left_elbow=(0.3, -0.35, 2.2), left_wrist=(0.35, -0.3, 1.9))
    found = lifted(flat(person), render(person), CAMERA)
    assert found.positions[BODY13.index["left_wrist"], 2] == pytest.approx(1.9 - LIMB_M, abs=0.03)
    assert found.positions[BODY13.index["left_shoulder"], 2] == pytest.approx(2.5 - LIMB_M, abs=0.08)  # behind the arm


def test_what_lies_far_behind_a_joint_is_not_the_joint():
    person = standing()
    depth = render(person)
    wrist = BODY13.index["left_wrist"]
    u, v = np.round(CAMERA.project(person.positions[wrist])).astype(int)
    depth.pixels[v - 12 : v + 13, u - 12 : u + 13] = 4000  # the wall shows through where the hand should be
    found = lifted(flat(person), depth, CAMERA)
    assert np.flatnonzero(found.confidence == 0).tolist() == [wrist]
    near = render(person)
    near.pixels[:, :5] = 0
    assert (lifted(flat(person), near, CAMERA).confidence > 0).all()


def test_two_people_at_different_distances():
    near, far = standing(x=-0.6, z=2.0), standing(x=0.8, z=3.4)
    depth = render(near, far, wall=5.0)
    for person, z in ((near, 2.0), (far, 3.4)):
        found = lifted(flat(person), depth, CAMERA)
        np.testing.assert_allclose(found.positions[:, 2], z - LIMB_M, atol=0.05)


@pytest.mark.parametrize("value", [0, np.nan, np.inf, -1, 3e38])
def test_nobody_is_placed_where_nothing_was_measured(value):
    person = standing()
    depth = DepthImage(np.full((240, 320), value, np.float32))
    assert lifted(flat(person), depth, CAMERA) is None
    stage = PoseStage(PoseConfig(), StageTimer())
    found = stage.step(SourceFrame(1, "camera", skeletons=(flat(person),), camera=CAMERA, depth=depth))
    assert isinstance(found, Frame)
    assert (found.skeletons, dict(stage.counts)) == ((), {"no_depth": 1})


def test_joints_outside_of_the_picture_are_missing():
    person = standing(x=-2.2)
    found = lifted(flat(person), render(person), CAMERA)
    outside = CAMERA.project(person.positions)[:, 0] < -8
    assert outside.any()
    assert (found.confidence[outside] == 0).all()


def test_people_who_are_nowhere_in_the_picture_stay_where_they_are():
    person = standing()
    assert lifted(person, render(person), CAMERA) is person


def test_every_layout_in_the_image_has_one_in_space():
    for name, solid in solid_layouts().items():
        assert solid.dims == 3
        assert set(solid.joints) == set(get_layout(name).joints)


def test_a_layout_of_another_order_is_lifted_joint_by_joint():
    rep155 = get_layout("rep155")
    points = np.stack((np.linspace(0.3, 0.9, len(rep155)), np.full(len(rep155), 0.5)), axis=1)
    depth = DepthImage(np.full((240, 320), 2.0, np.float32))
    found = lifted(Skeleton(rep155, points, np.ones(len(rep155))), depth, CAMERA)
    for joint in rep155.joints:
        pixel = CAMERA.project(found.positions[found.layout.index[joint]])
        np.testing.assert_allclose(pixel, points[rep155.index[joint]] * 240, atol=1e-3)
        np.testing.assert_allclose(found.image_points[found.layout.index[joint]] * (320, 240), pixel, atol=1e-3)
