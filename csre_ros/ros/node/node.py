"""The lifecycle node: an adapter between ROS 2 and :class:`csre_ros.pipeline.Pipeline`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from csre_ros.foreign_text import sentence
from csre_ros.paths import user_path
from csre_ros.pipeline import Pipeline
from csre_ros.ros.health import Health
from csre_ros.ros.inputs.contract import Input, InputContext, check_dims
from csre_ros.ros.inputs.table import make_input
from csre_ros.ros.node import parameters, services
from csre_ros.ros.node.diagnostics import (
    ERROR,
    OK,
    WARN,
    Observation,
    Status,
    model_status,
    observe,
    runtime_statuses,
    to_message,
)
from csre_ros.ros.node.logs import RosLogHandler
from csre_ros.ros.node.patience import patiently
from csre_ros.ros.node.recognition_worker import RecognitionWorker
from csre_ros.ros.node.teacher import Teacher
from csre_ros.ros.outputs.publishers import Publishers
from csre_ros.ros.qos import NEWEST, overridable
from csre_ros.ros.settings import AUTO, NodeSettings, fixed, options, unknown
from csre_ros.teaching import Gallery

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
_DIAGNOSTICS_PERIOD_S, _WATCH_PERIOD_S = 1.0, 0.1


class ActionNode(LifecycleNode):
    """Recognises actions and publishes them.

    Transitions: *configure* loads and warms the models and makes the publishers, *activate* starts the worker and opens
    the input, *deactivate* stops both and forgets all people, *cleanup* frees the models. What fails is undone, logged
    with its reason and answered with FAILURE; the node stays alive.

    Args:
        stopping: Set when the process is to end: no transition waits any longer for a model or a source then.

    Attributes:
        finished: Set when a finite source has ended and the settings say that the node ends with it.
    """

    def __init__(self, stopping: threading.Event | None = None) -> None:
        self.finished = threading.Event()
        self._stopping = stopping or threading.Event()
        self._faults = self._judged_faults = 0
        self._fault = ""
        self._health = Health()
        self._judged: Observation | None = None  # what the last diagnostics were about
        self._refusal = ""
        self._configured = False
        self._announced_dims: int | None = None  # of the first layout since the activation, which chooses the bundle
        self._loaded: NodeSettings | None = None  # the settings that the parts below were made with
        self._pipeline: Pipeline | None = None
        self._outputs: Publishers | None = None
        self._input: Input | None = None
        self._worker: RecognitionWorker | None = None
        self._teacher: Teacher | None = None
        super().__init__("action_node")
        self._log_handler = RosLogHandler(self.get_logger())
        self._log_handler.attach()
        parameters.declare(self, lambda: self.active)
        for complaint in unknown(self._parameter_overrides):
            self.get_logger().warning(complaint)
        self._settings = parameters.read(self)
        self.add_post_set_parameters_callback(self._adopt)
        services.offer(self, self.reset, self.set_enabled)
        if gallery := self._settings.recognizer.gallery:
            self._teacher = Teacher(user_path(gallery))
            services.offer_teaching(self, self.start_teaching, self.stop_teaching)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", **overridable(NEWEST))
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self.create_timer(_DIAGNOSTICS_PERIOD_S, self._diagnose, clock=steady)
        self.create_timer(_WATCH_PERIOD_S, self._watch, clock=steady)

    def fault(self, error: Exception) -> None:
        """A request, message or timer made rclpy or the node raise. It is counted and said, and the node goes on."""
        self._faults += 1
        self._fault = f"{type(error).__name__}: {sentence(error)}"
        self.get_logger().error(f"a callback failed: {self._fault}", throttle_duration_sec=5.0)

    def start(self) -> None:
        """Configure and activate, if the parameter ``autostart`` says so."""
        if self._settings.node.autostart and self.trigger_configure() == SUCCESS:
            self.trigger_activate()
        if self._settings.node.exit_at_end and self._refusal:
            self.finished.set()  # what never begins has no end to wait for

    @property
    def refused(self) -> bool:
        """Whether the last transition that was asked for failed."""
        return bool(self._refusal)

    @property
    def active(self) -> bool:
        """Whether it looks at its input."""
        return self._worker is not None and self._worker.active

    def reset(self) -> services.Answer:
        """Forget everybody in view, as after a bag was changed."""
        if self._worker is None or not self._worker.active:
            return False, "the node is not active; there is nobody to forget"
        self._worker.reset()
        self._drop_lesson("everybody was forgotten")
        return True, "everybody is forgotten"

    def start_teaching(self) -> services.Answer:
        """Record who is in view as an example of what the parameter ``teach_name`` says."""
        assert self._teacher is not None
        return self._teacher.start(self._settings.node.teach_name, self._pipeline if self.active else None)

    def stop_teaching(self) -> services.Answer:
        """End that recording, teach what it holds, and save it."""
        assert self._teacher is not None
        return self._teacher.stop(self._pipeline if self.active else None, self._learn)

    def _learn(self, gallery: Gallery) -> None:
        if self._worker is not None:
            self._worker.teach(gallery)

    def _drop_lesson(self, reason: str) -> None:
        if self._teacher is not None:
            self._teacher.drop(reason)

    def set_enabled(self, enabled: bool) -> services.Answer:
        """Activate, configuring first where needed, or deactivate; for those who do not speak lifecycle."""
        if enabled != self.active:
            ready = not enabled or self._configured or self.trigger_configure() == SUCCESS
            if not ready or (self.trigger_activate() if enabled else self.trigger_deactivate()) != SUCCESS:
                return False, self._refusal
        return True, "active" if enabled else "inactive"

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm the models, make the publishers. FAILURE: stays unconfigured."""
        try:
            self._load()
        except Exception as error:  # rclpy would swallow it, and the reason with it
            return self._refuse("configure", error)
        self._refusal = ""
        self._configured = True
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and open the input, after parameters that were set meanwhile. FAILURE: stays inactive."""
        try:
            if self._loaded is None or fixed(self._loaded) != fixed(self._settings):
                self._load()
        except Exception as error:
            return self._refuse("activate", error)
        assert self._worker is not None
        assert self._input is not None
        super().on_activate(state)
        try:
            self._health.begin()
            self._worker.start(self._input)
            self._input.open()
        except Exception as error:
            self._stop()
            super().on_deactivate(state)
            return self._refuse("activate", error)
        self._refusal = ""
        self.get_logger().info(f"active; people come from {self._input.what}")
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the input, stop the worker, withdraw the action and forget all people."""
        self._stop()
        self._announced_dims = None
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Remove the publishers and free the models."""
        self._free()
        self._configured = False
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As deactivate and cleanup, from whatever state."""
        self._stop()
        return self.on_cleanup(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to unconfigured."""
        return self.on_shutdown(state)

    def destroy_node(self) -> None:
        """Stop everything, then leave the graph."""
        self._stop()
        self._free()
        self._log_handler.detach()
        super().destroy_node()

    def _load(self) -> None:
        """Make everything that the settings name; whatever fails leaves nothing behind."""
        self._free()
        try:
            self._make_parts()
        except Exception:
            self._free()
            raise
        self._loaded = self._settings

    def _make_parts(self) -> None:
        self._settings = parameters.read(self)
        self._health, self._judged = Health(), None
        # Before the models: what it delivers chooses the bundle, and what it lacks is the first thing to be told.
        self._input = make_input(
            InputContext(self, self._settings, self._health, self._deliver, self._deliver_end, self._stopping)
        )
        config, dims = self._settings.pipeline, self._input.dims or self._announced_dims
        self._pipeline = patiently(lambda: Pipeline(config, dims), "loading the bundle", self._stopping)
        recognizer = self._pipeline.recognizer
        check_dims(self._input, recognizer.info)
        self._outputs = Publishers(self, recognizer, self._settings)
        see = self._teacher.see if self._teacher is not None else None
        self._worker = RecognitionWorker(self._pipeline, self._outputs, self._health, self.get_logger(), self._end, see)
        if self._input.images:  # the first picture loads the pose model
            patiently(self._pipeline.warm_up, "loading the pose model", self._stopping)

    def _deliver(self, item: Any) -> None:
        if self._worker is not None:
            self._worker.deliver(item)

    def _deliver_end(self) -> None:
        if self._worker is not None:
            self._worker.end()

    def _stop(self) -> None:
        feed, worker = self._input, self._worker
        self._drop_lesson("the node was deactivated")
        self._undo(feed.close if feed else None, worker.stop if worker else None)

    def _free(self) -> None:
        outputs, pipeline = self._outputs, self._pipeline
        self._worker = self._outputs = self._pipeline = self._input = self._loaded = None
        self._undo(outputs.destroy if outputs else None, pipeline.close if pipeline else None)

    def _undo(self, *steps: Callable[[], None] | None) -> None:
        """Take every step, whatever the others come to: what cannot be undone must not keep the rest alive."""
        for step in steps:
            try:
                if step is not None:
                    step()
            except Exception as error:
                self.fault(error)

    def _refuse(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        self._refusal = sentence(f"cannot {transition}: {error}")
        self.get_logger().error(self._refusal)
        return FAILURE

    def _adopt(self, changed: list[Parameter[Any]]) -> None:
        """Let changed parameters take effect; those that do not change while active wait for the next activation."""
        if not any(parameter.name in options() for parameter in changed):
            return  # those of rclpy, of which every publisher declares several
        self._settings = parameters.read(self)
        if self._outputs is None or self._pipeline is None or self._loaded is None:
            return
        if fixed(self._loaded) == fixed(self._settings):
            self._outputs.config = self._settings.node
            self._pipeline.recognizer.reconfigure(self._settings.recognizer)

    def _end(self) -> None:
        if self._settings.node.exit_at_end:
            self.finished.set()

    def _watch(self) -> None:
        """Take the bundle that fits what comes in; withdraw what was said when it has grown old."""
        self._choose_bundle()
        if self._worker is not None and self._health.stale_s > self._settings.node.input_timeout_s:
            self._worker.fall_silent()

    def _choose_bundle(self) -> None:
        """Where nothing else says whether people come in metres, the first layout that is announced chooses."""
        if self._input is None or self._pipeline is None or not self.active or self._announced_dims is not None:
            return
        dims = self._announced_dims = self._input.dims
        if dims in (None, self._pipeline.recognizer.info.dims) or self._settings.recognizer.bundle != AUTO:
            return
        self.get_logger().info(f"{self._input.what} announces {dims}-D skeletons: the bundle for them is loaded")
        self.trigger_deactivate()
        self._announced_dims, self._loaded = dims, None
        self.trigger_activate()

    def _diagnose(self) -> None:
        name = self.get_fully_qualified_name().removeprefix("/")
        hardware = self._input.what if self._input is not None else "none"
        self._diagnostics.publish(to_message(self._statuses(), name, hardware, self.get_clock().now().to_msg()))

    def _statuses(self) -> list[Status]:
        return [*self._runtime_statuses(), self._callback_status()]

    def _runtime_statuses(self) -> list[Status]:
        statuses = [Status("model", ERROR, self._refusal)] if self._refusal else []
        if self._pipeline is None or self._outputs is None or self._worker is None or self._input is None:
            return statuses or [Status("model", OK, "not loaded")]
        statuses.append(model_status(self._pipeline))
        if not self._worker.active:
            return [*statuses, Status("input", OK, "inactive")]
        now = observe(
            self._health,
            self._pipeline,
            self._input,
            alive=self._worker.alive,
            unpublished=self._outputs.counts,
            recording_failure=self._outputs.recording_failure,
        )
        before, self._judged = self._judged, now
        return statuses + runtime_statuses(now, before, self._settings.node.input_timeout_s)

    def _callback_status(self) -> Status:
        """WARN while callbacks fail: somebody sends what neither rclpy nor the node understands."""
        new, self._judged_faults = self._faults - self._judged_faults, self._faults
        values = {"failures": self._faults}
        if new:
            return Status("callbacks", WARN, f"{new} failed, the last with {self._fault}", values)
        return Status("callbacks", OK, "working", values)
