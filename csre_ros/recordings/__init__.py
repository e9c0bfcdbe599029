"""Recordings that ship with the package: real landmarks, no images."""

from pathlib import Path

SHIPPED = Path(__file__).with_name("wave_and_squats.mcap")
"""One person waving (10 s at 10 Hz), nobody (2 s), another person squatting (10 s at 5 Hz); labels ``wave``, ``squat``.

Made from two clips under Apache-2.0 with ``python -m csre_ros.recordings.make SHIPPED wave.mp4=wave
pose_squats.mp4=squat --seconds 10``.
"""
