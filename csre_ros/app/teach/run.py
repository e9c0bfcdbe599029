"""Teaching before a camera, from a file, or from what a node sees; and what else can be asked of a gallery."""

from __future__ import annotations

from pathlib import Path

from csre_ros.app.screen.display import DRAWN_FPS, Display, window_opens
from csre_ros.app.screen.terminal import console
from csre_ros.app.session import Session
from csre_ros.app.source import open_any
from csre_ros.app.teach import shelf
from csre_ros.app.teach.settings import TeachConfig, TeachSettings
from csre_ros.overlay import Caption
from csre_ros.pipeline import PoseStage
from csre_ros.recognition.settings import AUTO
from csre_ros.skeleton import Frame
from csre_ros.sources import Source, SourceFrame
from csre_ros.teaching import Gallery, Recording
from csre_ros.teaching.lesson import Lesson
from csre_ros.timing import StageTimer


def run(settings: TeachSettings) -> int:
    """Do what is asked.

    Returns:
        0, or 1 where a live lesson ended before anything was kept.

    Raises:
        OSError: The source does not open, or a file cannot be written.
        TeachError: What was shown, or the name, cannot be taught.
        GalleryError: The gallery is missing, damaged or of another bundle.
        BundleError: The bundle cannot be used.
        ImportError: A node is named and ROS 2 is missing, or something is to be drawn and OpenCV is.
    """
    config = settings.teach
    if config.list:
        shelf.list_labels(config)
    elif config.remove:
        shelf.remove(config)
    elif config.create:
        shelf.create(config)
    elif not config.name:
        shelf.enrol_again(config)
    else:
        return _teach(settings)
    return 0


def _open(settings: TeachSettings) -> Source:
    if not settings.teach.node:
        return open_any(settings.teach.source, settings.capture)
    from csre_ros.app.teach.node_source import NodeSource

    return NodeSource(settings.teach.node)


def _teach(settings: TeachSettings) -> int:
    config = settings.teach
    pose = PoseStage(settings.pose, StageTimer())
    with _open(settings) as source:
        gallery = shelf.open_gallery(config, (source.layout or pose.layout).dims)
        gallery.check_label(config.name)
        window = source.live and window_opens(config.headless)
        fps, fov = source.fps or DRAWN_FPS, settings.pose.horizontal_fov_deg
        console.print(f"teaching {config.name!r} to {config.gallery} by {source.name}")
        with Session(source) as session, Display(config.output, "", window, fps, fov) as display:
            try:
                if source.live:
                    kept = _before_a_camera(config, gallery, session, pose, display)
                else:
                    kept = _from_a_file(config, gallery, session, pose, display)
            finally:
                pose.close()
    if kept:
        _say_how_to_try(config, gallery)
    return 0 if kept else 1


def _before_a_camera(config: TeachConfig, gallery: Gallery, session: Session, pose: PoseStage, display: Display) -> int:
    """One example after the other, each saved at once; how many were kept."""
    lesson = Lesson(gallery, config.name, config.examples, config.countdown_s, config.seconds)
    for frame in session:
        people, before = pose.step(frame), len(lesson.kept)
        for news in lesson.step(people):
            console.print(news)
        if len(lesson.kept) > before:
            gallery.save(Path(config.gallery))
        if not _draw(display, frame, people, lesson) or lesson.done:
            break
    return len(lesson.kept)


def _draw(display: Display, frame: SourceFrame, people: Frame, lesson: Lesson) -> bool:
    """False when the user closed the window."""
    share = lesson.showing
    shown = None if share is None else "recording"
    captions = [Caption(row, one, shown, share or 0.0, None) for row, one in enumerate(people.skeletons)]
    return display.picture(frame.image, captions, frame.stamp_ns, lesson.status, lesson.prompt)


def _from_a_file(config: TeachConfig, gallery: Gallery, session: Session, pose: PoseStage, display: Display) -> int:
    """All examples in a stored source; how many were kept."""
    frames = []
    for frame in session:
        frames.append(pose.step(frame))
        captions = [Caption(row, one, None, 0.0, None) for row, one in enumerate(frames[-1].skeletons)]
        display.picture(frame.image, captions, frame.stamp_ns, session.source.name)
    if session.interrupted:
        raise KeyboardInterrupt  # nothing was changed
    recording = Recording.from_frames(frames)
    if config.whole:
        kept, refused = [gallery.add(config.name, recording, whole=True)], list[str]()
    else:
        kept, refused = gallery.add_all(config.name, recording)
    gallery.save(Path(config.gallery))
    first = len(gallery.examples[config.name]) - len(kept) + 1
    for number, one in enumerate(kept, first):
        begin_s = (one.stamps_ns[0] - frames[0].stamp_ns) / 1e9
        console.print(f"kept as example {number}: {one.seconds:.1f} s, from {begin_s:.1f} s on")
    for reason in refused:
        console.print(f"left out: {reason}")
    for finding in gallery.findings(config.name):
        console.print(f"note: {finding}")
    return len(kept)


def _say_how_to_try(config: TeachConfig, gallery: Gallery) -> None:
    known = ", ".join(f"{label} ({len(several)})" for label, several in gallery.examples.items())
    bundle = "" if config.bundle == AUTO else f" --bundle {config.bundle}"
    console.print(f"{config.gallery} knows {known}; try it: csre demo --gallery {config.gallery}{bundle}")
