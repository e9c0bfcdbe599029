"""Hiding native chatter: only chatter is lost, whatever else happens inside the block."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from csre_ros.pose.native_log import native_chatter_hidden

CHATTER = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1795344230.016532    4635 task_runner.cc:85] GPU suport is not available\n"
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    b"W0000 00:00:1795344230.230134    4668 inference_feedback_manager.cc:114] Disabling support\n"
    b"WARNING: [model_load.cc:402] Sparsity tensors may not yet be fully supported.\n"
    b"WARNING: Read-only tensor #1 (pad/paddings) has an unaligned buffer (0x7f1d0f0cdd26, required alignment 4)\n"
    b"WARNING: Logging before InitGoogle() is written to STDERR\n"
    b"INFO: [accelerator_registry.cc:43] DestroyAccelerator: ptr=0x7ffa28004810, name=CpuAccelerator\n"
)


def test_only_chatter_is_dropped(capfd):
    with native_chatter_hidden():
        os.write(2, CHATTER)
        os.write(2, b"E0000 00:00:1795344230.016532    4635 calculator.cc:1] it failed\n")
        os.write(2, b"something else\n")
    os.write(2, CHATTER[:20] + b"\n")
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "E0000 00:00:1795344230.016532    4635 calculator.cc:1] it failed",
        "something else",
        "WARNING: All log mes",
    ]


def test_an_exception_inside_restores_standard_error(capfd):
    def fail() -> None:
        with native_chatter_hidden():
            os.write(2, b"before\n" + CHATTER)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_a_process_without_standard_error_is_left_alone():
    code = (
        "import os, sys; os.close(2); sys.stderr = None\n"
        "from csre_ros.pose.native_log import native_chatter_hidden\n"
        "with native_chatter_hidden(): os.write(1, b'inside ')\n"
        "os.write(1, b'after')"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"inside after"
