"""The page's server as a browser sees it: what it sends, and whom it refuses."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing

import numpy as np
import pytest

from csre_ros.app.dash.board import Board
from csre_ros.app.dash.painter import Painter
from csre_ros.app.dash.server import DashServer, serving
from csre_ros.app.main import main
from csre_ros.overlay import Caption
from csre_ros.skeleton import Skeleton, get_layout

EVENT = {"stamp": 2.0, "person": 1, "action": "wave", "state": "started", "score": 0.9, "since": 1.0}


@pytest.fixture
def board():
    return Board()


@pytest.fixture
def server(board):
    with serving(board, "127.0.0.1", 0) as running:
        yield running


def get(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def message(stream):
    """The next server-sent event: kind, number or None, record; comments are skipped."""
    fields = {}
    while True:
        raw = stream.readline()
        assert raw, "the stream has ended"
        line = raw.decode().rstrip("\n")
        if not line and fields:
            return fields["event"], fields.get("id"), json.loads(fields["data"])
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value


@pytest.mark.parametrize(("path", "kind"), [("/", "html"), ("/dash.js", "javascript"), ("/dash.css", "css")])
def test_the_page_is_served_and_may_load_nothing_else(server, path, kind):
    answer = get(server, path)
    assert answer.status == 200
    assert kind in answer.headers["Content-Type"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert len(answer.read()) == int(answer.headers["Content-Length"]) > 300


@pytest.mark.parametrize("path", ["/nothing", "/../run.py", "/dash.js/..", "/%2e%2e/run.py"])
def test_there_is_nothing_else(server, path):
    assert get(server, path).status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_page_elsewhere_whose_name_leads_here_reads_nothing(server, host):
    assert get(server, "/events", Host=host).status == 403


def test_a_browser_hears_all_events_and_the_newest_moment(server, board):
    board.introduce({"title": "t", "labels": ["wave"]})
    board.tell(EVENT)
    board.show({"stamp": 1})
    board.show({"stamp": 2})
    stream = get(server, "/events")
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert message(stream) == ("about", None, {"title": "t", "labels": ["wave"]})
    assert message(stream) == ("action", "1", EVENT)
    assert message(stream) == ("moment", None, {"stamp": 2})
    board.tell(EVENT | {"state": "ended"})
    assert message(stream) == ("action", "2", EVENT | {"state": "ended"})
    board.end()
    assert message(stream)[0] == "end"


def test_who_comes_back_hears_what_was_missed_and_nothing_twice(server, board):
    for k in range(5):
        board.tell(EVENT | {"person": k})
    stream = get(server, "/events", **{"Last-Event-ID": "3"})
    board.end()
    heard = []
    while (news := message(stream))[0] != "end":
        heard.append(news)
    assert [(kind, number, record.get("person")) for kind, number, record in heard] == [
        ("action", "4", 3),
        ("action", "5", 4),
    ]


def test_a_browser_that_does_not_read_holds_nobody_up(server, board):
    with closing(socket.create_connection(("127.0.0.1", server.server_address[1]))) as idle:
        idle.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert board.watched.wait(5)
        for k in range(300):
            board.show({"stamp": k, "filler": "x" * 20_000})
        stream = get(server, "/events")
        assert message(stream)[2]["stamp"] == 299


def test_too_many_pages_are_refused_and_the_seats_come_back(server, board):
    streams = [get(server, "/events") for _ in range(16)]
    assert get(server, "/events").status == 503
    board.end()
    for stream in streams:
        assert stream.read().endswith(b"event: end\ndata: {}\n\n")
    assert all(server.seats.acquire(timeout=5) for _ in range(16))


def test_a_busy_port_is_one_line(capsys, server):
    port = str(server.server_address[1])
    assert main(["dash", "--source", "recording", "--port", port]) == 2
    said = capsys.readouterr().err
    assert f"port {port} of 127.0.0.1 is in use by another program" in said
    assert "--port" in said


def test_an_address_of_another_machine_is_one_line(board):
    with pytest.raises(OSError, match=r"cannot serve on 192\.0\.2\.1, port 0: .*--host"):
        DashServer(board, "192.0.2.1", 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_an_address_of_ip_6_is_served(board):
    with serving(board, "::1", 0) as running:
        assert running.url == f"http://[::1]:{running.server_address[1]}/"
        assert running.is_private
        connection = http.client.HTTPConnection("::1", running.server_address[1], timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200


def test_unseen_joints_are_left_out_and_people_stay_inside(board):
    layout = get_layout("body13")
    positions = np.tile(np.array([[0.0, 0.0, 2.0]], np.float32), (13, 1))
    positions[1] = (2.0, 0.0, 2.0)
    positions[2] = np.nan
    confidence = np.ones(13, np.float32)
    confidence[2], confidence[3] = 0, 0.2
    person = Skeleton(layout, positions, confidence)
    reader = board.reader()
    Painter(board, 60.0).show(5_000_000_000, [Caption(3, person, None, 0.4, "wave")], None, {"latency_ms": 1.0})
    moment = reader.wait(1).moment
    json.dumps(moment, allow_nan=False)
    points = moment["people"][0]["points"]
    assert points[2] is None
    assert points[3] is None
    assert points[0] == [320, 240]
    assert 320 < points[1][0] <= moment["width"] == 640
    assert (moment["stamp"], moment["people"][0]["id"], moment["people"][0]["best"]) == (5.0, 3, "wave")


def test_readers_wait_for_news_only(board):
    reader = board.reader()
    assert reader.wait(0.01) is None
    threading.Timer(0.05, board.show, [{"stamp": 1}]).start()
    assert reader.wait(5).moment == {"stamp": 1}
    assert reader.wait(0.01) is None


@pytest.mark.slow
def test_a_recording_waits_for_the_first_browser_and_a_signal_ends_it():
    command = [sys.executable, "-m", "csre_ros.app.main", "dash", "--source", "recording", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while "is shown on" not in (line := process.stderr.readline()):
            assert line, "it ended"
        port = int(line.partition("127.0.0.1:")[2].partition("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/events")
        stream = connection.getresponse()
        about, first, second = message(stream), message(stream), message(stream)
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "wave" in about[2]["labels"]
    assert first[0] == second[0] == "moment"
    assert len(second[2]["people"][0]["points"]) == 33
    assert "interrupted" in rest
    assert "Traceback" not in rest
