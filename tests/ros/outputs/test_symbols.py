"""From labels to the symbols of others."""

import pytest

from csre_ros.recognition.bundle import BUNDLE_FOLDER, Bundle
from csre_ros.ros.outputs.symbols import Symbols, constant, load_symbols


def test_labels_of_the_standard_map_are_those_of_the_shipped_bundle():
    if not (BUNDLE_FOLDER / "default.onnx").exists():
        pytest.skip("no bundle is shipped in this checkout")
    labels = {label.name for label in Bundle.load("default", "cpu").info.labels}
    symbols = load_symbols()
    assert set(symbols) <= labels
    assert symbols["wave"] == Symbols(gesture="WAVING", intent="GREET")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- wave", "holds a list"),
        ("", "holds a NoneType"),
        ("wave: WAVING", "'wave' is 'WAVING'"),
        ("wave: {gestur: WAVING}", "expected names for some of gesture, handedness, intent"),
        ("wave: {gesture: 6}", "expected names"),
        ("wave: {gesture: [", "no YAML"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path, text, words):
    path = tmp_path / "symbols.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        load_symbols(path)


def test_a_constant_that_a_message_lacks_is_refused_with_the_choices():
    pytest.importorskip("visualization_msgs.msg", reason="needs the ROS message packages")
    from visualization_msgs.msg import Marker

    assert constant(Marker, "DELETE") == 2
    for name in ("DELET", "action", "__doc__"):
        with pytest.raises(ValueError, match=f"no constant '{name}'.*DELETEALL"):
            constant(Marker, name)
