"""What ``csre teach`` can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from csre_ros.app.screen.video_names import check_video_name
from csre_ros.app.source import SPELLINGS
from csre_ros.options import READ, REPLACED, check, option
from csre_ros.pose.settings import PoseConfig
from csre_ros.recognition.settings import AUTO
from csre_ros.sources import SourceConfig
from csre_ros.sources.open import is_live


@dataclass(frozen=True)
class TeachConfig:
    """What is taught, by what, and where it is kept."""

    name: str = option(
        "", "Name of the gesture: letters, digits and '_'; what robots will hear on ~/actions.", optional=True
    )
    gallery: str = option(
        "gallery.npz",
        "File of what was taught, with the recordings; it grows, and is made where it does not exist.",
        file=REPLACED,
    )
    source: str = option(
        "camera:0",
        f"{SPELLINGS}. A camera counts down and asks for one example after the other; a file may hold several, with a "
        "second of standing still between them.",
        file=READ,
    )
    node: str = option(
        "", "Learn from the people that a running node of this full name sees, such as /action_node, not from a source."
    )
    examples: int = option(3, "How many examples to ask for in front of a camera.", minimum=1, maximum=100)
    countdown_s: float = option(3.0, "Seconds to get ready for each of them.", minimum=0.0, maximum=60.0)
    seconds: float = option(4.0, "Seconds to show each of them.", minimum=1.0, maximum=20.0)
    whole: bool = option(
        False,
        "The file is one example and cut already: keep all of it, such as somebody's whole way up to the robot. Else "
        "it is cut to the motion, or to the posture that is held.",
    )
    headless: bool = option(False, "Open no window; what to do is printed.")
    output: str = option("", "Write what is drawn to this .mp4 or .gif file.", file=REPLACED)
    bundle: str = option(
        AUTO,
        "Name of a shipped bundle, or path of an .onnx bundle that labels every frame. 'auto' takes the one that the "
        "gallery was taught to, or else 'default' for people in space and 'flat' for people in the image.",
        file=READ,
    )
    device: str = option(
        "auto",
        "Where the encoder runs; 'cuda' and 'tensorrt' refuse to start if they are not active.",
        choices=("auto", "cpu", "cuda", "tensorrt"),
    )
    list: bool = option(False, "Say what the gallery knows, and what is odd about it.")
    remove: bool = option(False, "Remove the gesture NAME, or one example of it (--example).")
    example: int = option(0, "With --remove: which example, from 1 on; 0: the whole gesture.", minimum=0)
    create: bool = option(False, "Make an empty gallery, for a node that is taught over its services.")
    enrol_again: bool = option(
        False, "Take a gallery that was taught to another bundle, and teach this one by the recordings in it."
    )

    def __post_init__(self) -> None:
        check(self)
        check_video_name(self.output)
        asked = [name for name in ("list", "remove", "create") if getattr(self, name)]
        if len(asked) > 1:
            raise ValueError(f"--{asked[0]} and --{asked[1]} are two things; ask for one after the other")
        if self.example and not self.remove:
            raise ValueError("--example says which example to remove; give --remove too")
        if self.remove and not self.name:
            raise ValueError("--remove needs the name of a gesture, as in `csre teach halt --remove`; --list says them")
        if self.whole and (self.node or is_live(self.source)):
            raise ValueError("--whole is for files; before a camera an example is cut to what moves")
        if not (self.name or asked or self.enrol_again):
            raise ValueError("which gesture? Name it, as in `csre teach halt`; --list says what was taught")


@dataclass(frozen=True)
class TeachSettings:
    """Everything that ``csre teach`` can be told."""

    teach: TeachConfig = field(default_factory=TeachConfig)
    pose: PoseConfig = field(default_factory=PoseConfig)
    capture: SourceConfig = field(default_factory=SourceConfig)
