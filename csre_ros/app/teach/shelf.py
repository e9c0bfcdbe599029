"""Galleries as files: opened with the bundle that they were taught to, listed, changed."""

from __future__ import annotations

from pathlib import Path

from csre_ros.app.screen.terminal import console, results
from csre_ros.app.teach.settings import TeachConfig
from csre_ros.recognition.bundle import BY_DIMS, Bundle, shipped_bundles
from csre_ros.recognition.settings import AUTO
from csre_ros.teaching import Gallery
from csre_ros.teaching.storage import read


def open_gallery(config: TeachConfig, dims: int = 3) -> Gallery:
    """The gallery that a user names; an empty one where there is no such file yet.

    Args:
        config: Which file, and which bundle.
        dims: Of the people to come, which choose the bundle where nothing else does.

    Raises:
        GalleryError: The file is damaged, or was taught to another bundle.
        BundleError: The bundle cannot be used.
    """
    path = Path(config.gallery)
    bundle = Bundle.load(_bundle_name(config, path, dims), config.device)
    return Gallery.load(path, bundle, config.enrol_again) if path.exists() else Gallery(bundle)


def _bundle_name(config: TeachConfig, path: Path, dims: int) -> str:
    if config.bundle == AUTO and path.exists() and not config.enrol_again:
        digest, _ = read(path)
        for name, info in shipped_bundles().items():
            if info.digest == digest:
                return name
    return BY_DIMS[dims] if config.bundle == AUTO else config.bundle


def list_labels(config: TeachConfig) -> None:
    """Print one line per label, or that of one label; what is odd about them goes to standard error.

    Raises:
        GalleryError: There is no such gallery, or it cannot be used.
    """
    read(Path(config.gallery))  # a gallery that does not exist is an error here
    gallery = open_gallery(config)
    examples = gallery.examples
    for label, several in examples.items():
        if config.name in ("", label):
            lengths = ", ".join(f"{one.seconds:.1f}" for one in several)
            results.print(f"{label:<16} {len(several)} {'example' if len(several) == 1 else 'examples'}: {lengths} s")
    console.print(f"{config.gallery} knows {_count(len(examples))} beside those of bundle {gallery.bundle.path.stem}")
    for finding in gallery.findings(config.name):
        console.print(f"note: {finding}")


def remove(config: TeachConfig) -> None:
    """Remove a label, or one of its examples.

    Raises:
        GalleryError: There is no such gallery, or it cannot be used.
        TeachError: There is no such label or example.
    """
    read(Path(config.gallery))
    gallery = open_gallery(config)
    gallery.remove(config.name, config.example or None)
    gallery.save(Path(config.gallery))
    left = len(gallery.examples.get(config.name, ()))
    console.print(f"{config.gallery} knows {left} examples of {config.name} now" if left else f"{config.name} is gone")


def create(config: TeachConfig) -> None:
    """Write an empty gallery.

    Raises:
        FileExistsError: There is a file of this name.
    """
    if Path(config.gallery).exists():
        raise FileExistsError(f"{config.gallery} exists already and was left as it is; choose another name")
    gallery = open_gallery(config)
    gallery.save(Path(config.gallery))
    console.print(f"wrote {config.gallery}, an empty gallery of bundle {gallery.bundle.path.stem}")


def enrol_again(config: TeachConfig) -> None:
    """Teach a bundle what a gallery of another one holds.

    Raises:
        GalleryError: There is no such gallery, or it is damaged.
        TeachError: The bundle cannot use a recording; the file is left as it is.
    """
    read(Path(config.gallery))
    gallery = open_gallery(config)
    gallery.save(Path(config.gallery))
    count = _count(len(gallery.labels))
    console.print(f"{config.gallery} belongs to bundle {gallery.bundle.path.stem} now: {count}")


def _count(labels: int) -> str:
    return f"{labels} taught {'gesture' if labels == 1 else 'gestures'}"
