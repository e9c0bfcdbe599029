"""Writing MCAP so that nothing written is lost, however the process, the disk or the machine ends.

https://mcap.dev/spec: records behind each other, most of them in compressed chunks with a checksum, and an index.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from mcap.data_stream import RecordBuilder
from mcap.records import DataEnd, Footer
from mcap.well_known import Profile, SchemaEncoding
from mcap.writer import CompressionType, Writer

from csre_ros.sources.bag import Topic
from csre_ros.sources.mcap_reader import MAGIC

SAFE_AFTER_S = 1.0
"""Seconds after which a message is handed to the disk, at the latest; what the disk needs for it comes on top."""


class _WholeRecords:
    """A new file to which records are appended whole or not at all.

    Args:
        path: The file, which must not exist.

    Raises:
        OSError: It exists, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        self._size = 0
        self._synced = 0
        _sync_folder(path.parent)

    def write(self, data: bytes) -> None:
        """Append some records; where the disk takes a part only, that part is taken back."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self.truncate(self._size)
            raise
        self._size += len(data)

    def truncate(self, size: int) -> None:
        """Take back everything behind so many bytes."""
        os.ftruncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)
        self._size = size

    def tell(self) -> int:
        """How many bytes the file has."""
        return self._size

    def flush(self) -> None:
        """Nothing waits in the process."""

    def sync(self) -> None:
        """Wait until the disk has everything, so that it survives a power loss."""
        if (size := self._size) != self._synced:
            os.fsync(self._file)
            self._synced = size

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class McapWriter:
    """A context manager that writes one MCAP file of ROS 2 messages.

    A thread hands what waits to the disk every :data:`SAFE_AFTER_S` seconds, as a compressed chunk with its checksum,
    and waits until the disk has it. So a file that was never finished, because the process was killed or the power
    failed, lacks the last moment and the index, no more. Where the disk is full, the file keeps everything before.

    Args:
        path: The new file.

    Attributes:
        path: As given.

    Raises:
        OSError: The file exists, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._failure: OSError | None = None
        self._messages = self._safe_messages = 0
        self._first_ns = self._newest_ns = self._safe_ns = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._schemas: dict[str, int] = {}
        self._saver = threading.Thread(target=self._save_regularly, name=f"save {path.name}", daemon=True)

    def __enter__(self) -> McapWriter:
        self._file = _WholeRecords(self.path)
        # The whole data section has a checksum too: a bit that flips between the chunks is found as well.
        self._mcap = Writer(self._file, compression=CompressionType.ZSTD, enable_data_crcs=True)  # type: ignore[arg-type]
        self._mcap.start(Profile.ROS2, library="csre_ros")
        self._saver.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._saver.join()
        try:
            if self._messages and self._failure is None:
                self._finish()
            elif self._failure is not None:
                self._end_shortly(self._file.tell())
        finally:
            self._file.close()
        if not self._safe_messages:
            self.path.unlink()  # nothing but its beginning was written
        if self._failure is not None and kind is None:
            raise self._failure

    def add_topic(self, topic: Topic) -> int:
        """Make a topic known.

        Returns:
            Number to write its messages under.
        """
        with self._lock:
            if topic.kind not in self._schemas:
                language = topic.language or SchemaEncoding.ROS2
                self._schemas[topic.kind] = self._mcap.register_schema(topic.kind, language, topic.definition)
            return self._mcap.register_channel(topic.name, "cdr", self._schemas[topic.kind], topic.metadata)

    def write(self, topic: int, stamp_ns: int, data: bytes) -> None:
        """Append a message.

        Args:
            topic: As :meth:`add_topic` returned it.
            stamp_ns: Recording time in nanoseconds.
            data: The message in CDR.

        Raises:
            OSError: The disk takes no more; the text says what is kept. The file can only be left then.
        """
        with self._lock:
            if self._failure is None:
                self._append(topic, stamp_ns, data)
            if self._failure is not None:
                raise self._failure

    def _append(self, topic: int, stamp_ns: int, data: bytes) -> None:
        number = self._messages
        self._first_ns = self._first_ns if number else stamp_ns
        self._newest_ns, self._messages = stamp_ns, number + 1
        try:
            with self._chunks_counted():
                self._mcap.add_message(topic, stamp_ns, data, stamp_ns, number & 0xFFFFFFFF)
        except OSError as error:
            self._failure = self._cut(error)

    @contextmanager
    def _chunks_counted(self) -> Iterator[None]:
        """Take everything for safe when a chunk goes out, also where the disk has no room for its index behind it."""
        size = self._file.tell()
        try:
            yield
        finally:
            if self._file.tell() > size:
                self._safe_messages, self._safe_ns = self._messages, self._newest_ns

    def _save_regularly(self) -> None:
        while not self._ending.wait(SAFE_AFTER_S):
            try:
                with self._lock:
                    if self._failure is None:
                        self._flush()
                self._file.sync()
            except OSError as error:
                with self._lock:
                    self._failure = self._failure or self._cut(error)
                return

    def _flush(self) -> None:
        with self._chunks_counted():
            self._mcap.flush()  # type: ignore[no-untyped-call]

    def _finish(self) -> None:
        """Write what waits, and the index; where there is no room, end what is on the disk as well as it can be."""
        try:
            self._flush()
            end = self._file.tell()
            try:
                self._mcap.finish()  # type: ignore[no-untyped-call]
            except OSError:  # everything is there but the index, which readers can do without
                self._end_shortly(end)
            self._file.sync()
        except OSError as error:
            self._failure = self._cut(error)
            self._end_shortly(self._file.tell())

    def _end_shortly(self, at: int) -> None:
        """The shortest end that makes a complete file; it often fits where nothing else does."""
        end = RecordBuilder()
        DataEnd(0).write(end)
        Footer(0, 0, 0).write(end)
        try:
            self._file.truncate(at)
            self._file.write(end.end() + MAGIC)  # type: ignore[no-untyped-call]
            self._file.sync()
        except OSError:
            return  # a file without an end is read too, with a warning

    def _cut(self, error: OSError) -> OSError:
        seconds = (self._safe_ns - self._first_ns) / 1e9
        kept = f"its first {seconds:.1f} s are kept" if self._safe_messages else "nothing is in it yet"
        return OSError(f"{self.path} takes no more ({error.strerror}); {kept}")


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file survive a power loss; where folders cannot be opened, the system sees to it."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        except OSError:
            return  # some network and FUSE file systems know no such request
        finally:
            os.close(handle)
