"""Reading MCAP record by record, so that a file without its end gives everything that is whole, and damage is noticed.

https://mcap.dev/spec. The ``mcap`` package decodes records and chunks; what is added here is where each of them lies,
what to do with a broken one, and the checksums.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.reader import SeekingReader
from mcap.records import Channel, Chunk, DataEnd, Header, Message, Schema
from mcap.stream_reader import get_chunk_data_stream

from csre_ros.foreign_text import quoted, sentence
from csre_ros.sources.bag import Bag, BagMessage, Topic

MAGIC = b"\x89MCAP0\r\n"
"""How an MCAP file begins and ends."""

_FRAME = struct.Struct("<BQ")  # opcode and length, in front of every record
_CHUNK_HEAD = struct.Struct("<QQQI")
_FOOTER = struct.Struct("<QQI")
_MOST_CHUNK_BYTES = 1 << 30


class McapFile(Bag):
    """The messages of one MCAP file.

    A file without its end, because whoever wrote it was killed or the power failed, gives every whole record before the
    cut. In a finished file all checksums are compared, and damage is refused.

    Args:
        path: The file.
        salvage: Leave out what is damaged, instead of refusing it.

    Attributes:
        topics: What the file holds.
        duration_s: From the first to the last message.
        lost: What is missing, for the user.

    Raises:
        OSError: It cannot be read.
        ValueError: It is empty, no MCAP file of ROS 2, or damaged; the text says where.
    """

    def __init__(self, path: Path, salvage: bool = False) -> None:
        self.path = path
        self.lost: list[str] = []
        self._size = path.stat().st_size
        self._finished = self._check_ends()
        self._lenient = salvage or not self._finished
        self._promised: int | None = None
        if self._lenient or not self._read_index():
            self._scan()

    def messages(self, wanted: Callable[[Topic], bool] = lambda topic: True) -> Iterator[BagMessage]:
        """As :meth:`Bag.messages`. Neighbouring chunks may overlap, as those of a recorder with several threads do."""
        waiting: list[BagMessage] = []
        for messages in self._groups():
            begin_ns = min(message.recorded_ns for message in messages)
            ready = [message for message in waiting if message.recorded_ns < begin_ns]
            waiting = [message for message in waiting if message.recorded_ns >= begin_ns] + messages
            yield from _ordered(ready, wanted)
        yield from _ordered(waiting, wanted)

    def _check_ends(self) -> bool:
        """Whether the file has its end; refuses what has not even the beginning."""
        with self.path.open("rb") as file:
            head = file.read(len(MAGIC))
            file.seek(max(0, self._size - len(MAGIC)))
            tail = file.read()
        if not self._size:
            raise ValueError(f"{self.path} is empty (0 bytes); expected a recording (MCAP)")
        if not MAGIC.startswith(head):
            raise ValueError(f"{self.path} is no MCAP file: it starts with {head!r}, expected {MAGIC!r}")
        return self._size > len(MAGIC) and tail == MAGIC

    def _read_index(self) -> bool:
        """Learn from the index at the end what the file holds; False where it has none that is sound."""
        with self.path.open("rb") as file:
            try:
                file.seek(-len(MAGIC) - _FOOTER.size, 2)
                start, _, checksum = _FOOTER.unpack(file.read(_FOOTER.size))
                file.seek(start)
                if checksum and checksum != zlib.crc32(file.read(self._size - start - len(MAGIC) - 4)):
                    return False
                file.seek(0)
                summary = SeekingReader(file).get_summary()
            except Exception:  # the library fails in many ways on damaged bytes
                return False
        if summary is None or summary.statistics is None:
            return False
        figures = summary.statistics
        topics = [_topic(channel, summary.schemas.get(channel.schema_id)) for channel in summary.channels.values()]
        counts = [figures.channel_message_counts.get(number, 0) for number in summary.channels]
        self.topics = [replace(topic, count=count) for topic, count in zip(topics, counts, strict=True)]
        self.duration_s = (figures.message_end_time - figures.message_start_time) / 1e9
        self._promised = figures.message_count
        return True

    def _scan(self) -> None:
        """Learn by reading the file what it holds."""
        counts: Counter[Topic] = Counter()
        begin_ns, end_ns = 1 << 64, 0
        for messages in self._groups():
            counts.update(message.topic for message in messages)
            stamps = [message.recorded_ns for message in messages]
            begin_ns, end_ns = min(begin_ns, *stamps), max(end_ns, *stamps)
        if not counts and not self._finished:
            raise ValueError(f"{self.path} was cut short: its {self._size} bytes hold no whole message")
        self.topics = [replace(topic, count=count) for topic, count in counts.items()]
        self.duration_s = max(0, end_ns - begin_ns) / 1e9
        if not self._finished:
            self.lost.insert(0, "its end is missing, as after a power loss")

    def _groups(self) -> Iterator[list[BagMessage]]:
        """The messages of one chunk after the other; those outside chunks one by one."""
        decoder, checksum, count = _Decoder(), zlib.crc32(MAGIC), 0
        with self.path.open("rb") as file:
            file.seek(len(MAGIC))
            for record in _framed(file, self._size):
                if record.opcode == Opcode.DATA_END:
                    self._compare(record, checksum, count)
                    return
                checksum = zlib.crc32(record.body, zlib.crc32(record.head, checksum))
                if record.at == len(MAGIC):
                    self._check_profile(record)
                messages, lost, fault = decoder.read(record)
                if fault:
                    self._lose(record, lost, fault)
                count += len(messages)
                if messages:
                    yield messages
        if self._finished:
            self._lose(record, 0, "the end of its data is missing")

    def _compare(self, end: _Record, checksum: int, count: int) -> None:
        """Notice what no single record shows: one that was skipped, or altered outside of the chunks."""
        if self._lenient:
            return
        promised = DataEnd.read(ReadDataStream(BytesIO(end.body))).data_section_crc
        if self._promised is not None and count != self._promised:
            self._lose(end, 0, f"{count} messages were found before it, {self._promised} should be there")
        if promised not in (0, checksum):
            self._lose(end, 0, f"the checksum of everything before it is {checksum:08x}, expected {promised:08x}")

    def _check_profile(self, record: _Record) -> None:
        if record.missing or not record.opcode:
            return  # which is a loss like any other
        if record.opcode != Opcode.HEADER:
            self._lose(record, record.size, "it is no header")
            return
        try:
            profile = Header.read(ReadDataStream(BytesIO(record.body))).profile
        except Exception as error:  # the library fails in many ways on damaged bytes
            raise ValueError(
                f"{self.path} is damaged at byte {record.at}: {sentence(error)} ({type(error).__name__})"
            ) from error
        if profile != "ros2":
            raise ValueError(f"{self.path} is no recording of ROS 2: its profile is {quoted(profile)}, expected 'ros2'")

    def _lose(self, record: _Record, size: int, fault: str) -> None:
        if not self._lenient:
            raise ValueError(
                f"{self.path} is damaged at byte {record.at}: {fault}; `csre recover` saves everything that is whole"
            )
        loss = f"{size} bytes of the record at byte {record.at} are lost ({fault})"
        if loss not in self.lost:
            self.lost.append(loss)


class _Record(NamedTuple):
    """Opcode and content of a record, where it begins, and how many of its bytes lie behind the end of the file."""

    at: int
    opcode: int
    head: bytes
    body: bytes
    missing: int

    @property
    def size(self) -> int:
        """Bytes that the record has, or should have."""
        return len(self.head) + len(self.body) + self.missing


def _framed(file: IO[bytes], size: int) -> Iterator[_Record]:
    """The records from here on, up to and including the first that is not whole. ``size`` is that of the file."""
    at = file.tell()
    while at < size:
        head = file.read(_FRAME.size)
        opcode, length = _FRAME.unpack(head) if len(head) == _FRAME.size else (0, 0)
        if not opcode:  # zeros: space that was reserved and never written
            yield _Record(at, 0, head, b"", size - at - len(head))
            return
        body = file.read(min(length, size - at - len(head)))
        yield _Record(at, opcode, head, body, length - len(body))
        if len(body) < length:
            return
        at += _FRAME.size + length


class _Decoder:
    """Decodes records in their order, and remembers which schemas and channels they name."""

    def __init__(self) -> None:
        self._schemas: dict[int, Schema] = {}
        self._topics: dict[int, Topic] = {}

    def read(self, record: _Record) -> tuple[list[BagMessage], int, str]:
        """The messages in a record of the file, how many of its bytes are lost, and what is wrong with it, if it is."""
        try:
            if record.missing or not record.opcode:
                messages, read = self._rest_of_chunk(record)
                return messages, record.size - read, "it is not whole"
            if record.opcode == Opcode.CHUNK:
                return self._chunk(record.body), 0, ""
            message = self._take(record)
            return [message] if message is not None else [], 0, ""
        except Exception as error:  # the library fails in many ways on damaged bytes
            return [], record.size, f"{sentence(error)} ({type(error).__name__})"

    def _chunk(self, body: bytes) -> list[BagMessage]:
        chunk = Chunk.read(ReadDataStream(BytesIO(body)))
        claimed = zstandard.frame_content_size(chunk.data) if chunk.compression == "zstd" else 0
        if max(claimed, chunk.uncompressed_size) > _MOST_CHUNK_BYTES:
            raise ValueError(f"a chunk of more than {_MOST_CHUNK_BYTES} bytes")
        stream, size = get_chunk_data_stream(chunk, validate_crc=True)
        found = []
        for record in _framed(BytesIO(stream.read(size)), size):
            if record.missing:
                raise ValueError("a chunk with half a record")
            if (message := self._take(record)) is not None:
                found.append(message)
        return found

    def _rest_of_chunk(self, record: _Record) -> tuple[list[BagMessage], int]:
        """The whole messages of a chunk that breaks off, none where it is compressed; and how far that reached."""
        body = BytesIO(record.body)
        body.seek(_CHUNK_HEAD.size)
        if record.opcode != Opcode.CHUNK or body.read(4) != bytes(4):  # length of the name of the compression
            return [], 0
        body.seek(8, 1)  # length of what follows
        found, read = [], body.tell()
        for inner in _framed(body, len(record.body)):
            if inner.missing or not inner.opcode:
                break
            try:
                message = self._take(inner)
            except Exception:  # the disk never got what should stand here
                break
            if message is not None:
                found.append(message)
            read = inner.at + inner.size
        return found, read

    def _take(self, record: _Record) -> BagMessage | None:
        stream = ReadDataStream(BytesIO(record.body))
        if record.opcode == Opcode.MESSAGE:
            message = Message.read(stream, len(record.body))
            return BagMessage(self._topics[message.channel_id], message.log_time, message.data)
        if record.opcode == Opcode.SCHEMA:
            schema = Schema.read(stream)
            self._schemas.setdefault(schema.id, schema)
        elif record.opcode == Opcode.CHANNEL:
            channel = Channel.read(stream)
            self._topics.setdefault(channel.id, _topic(channel, self._schemas.get(channel.schema_id)))
        return None


def _topic(channel: Channel, schema: Schema | None) -> Topic:
    if schema is None:
        return Topic(channel.topic, "", metadata=channel.metadata)
    return Topic(channel.topic, schema.name, 0, channel.metadata, schema.data, schema.encoding)


def _ordered(messages: list[BagMessage], wanted: Callable[[Topic], bool]) -> Iterator[BagMessage]:
    messages.sort(key=lambda message: message.recorded_ns)
    return (message for message in messages if wanted(message.topic))
