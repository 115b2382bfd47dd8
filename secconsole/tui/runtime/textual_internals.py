"""Private names of Textual that the console uses, and what for.

A test checks each against the installed version. Before a new version of Textual is taken, read what became of these. A
private name that is not listed here fails the test, as does an own name that hides one of Textual's.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Internal(NamedTuple):
    """A private name: its module and class in Textual, and why no public name will do."""

    module: str
    owner: str
    name: str
    why: str


_APP, _DRIVER, _LINUX, _PUMP = "textual.app", "textual.driver", "textual.drivers.linux_driver", "textual.message_pump"
_WORKERS = "textual.worker_manager"

INTERNALS: Final[tuple[Internal, ...]] = (
    # Errors: a traceback of Textual's shows local variables, secrets among them.
    Internal(_APP, "App", "_handle_exception", "errors end in words and a report, without local variables"),
    Internal(_APP, "App", "_fatal_error", "as above: Textual's renders a traceback"),
    Internal(_APP, "App", "_print_error_renderables", "what is left on the terminal is one line"),
    Internal(_APP, "App", "_exit_renderables", "holds that line until the terminal is restored"),
    Internal(_APP, "App", "_exception", "tests of Textual's pilot raise what is kept here"),
    Internal(_APP, "App", "_exception_event", "wakes the pilot for it"),
    Internal(_APP, "App", "_return_code", "exit code of a crash"),
    Internal(_PUMP, "MessagePump", "_close_messages_no_wait", "ends the app from within an error"),
    # Work in the background.
    Internal(_APP, "App", "_workers", "replaced by a manager that reports errors nobody awaited"),
    Internal(_WORKERS, "WorkerManager", "_app", "the app to report them to"),
    Internal(_WORKERS, "WorkerManager", "_remove_worker", "the one place where every finished worker passes"),
    # Screens and keys.
    Internal(_APP, "App", "_screen_stack", "before the first screen, `screen_stack` raises"),
    Internal(
        "textual.screen", "Screen", "_push_result_callback", "lets the default screen be replaced by `switch_screen`"
    ),
    Internal(_PUMP, "MessagePump", "_flush_next_callbacks", "`push_screen_wait` needs it, as Textual's own does"),
    Internal("textual.dom", "DOMNode", "_bindings", "keys of a place come from its actions, not from a class variable"),
    # Looks.
    Internal(_APP, "App", "_reactive_theme", "the theme has to be set before App.__init__ reads it"),
    Internal(_APP, "App", "_watch_theme", "draws an edited theme of the same name again"),
    Internal(_APP, "App", "_clipboard", "emptied when the console locks: it may hold a secret"),
    Internal(_APP, "App", "_notifications", "a code that is no longer waited for is taken away"),
    Internal(_APP, "App", "_unnotify", "as above"),
    # The terminal.
    Internal(_APP, "App", "_driver", "writes to the terminal outside of a frame, and restores it after a signal"),
    Internal(_DRIVER, "Driver", "_app", "the app that a lost terminal ends"),
    Internal(_DRIVER, "Driver", "_loop", "the input thread hands over to it"),
    Internal(_DRIVER, "Driver", "_mouse", "whether the mouse is taken, changed while the program runs"),
    Internal(_LINUX, "LinuxDriver", "_enable_mouse_support", "as above"),
    Internal(_LINUX, "LinuxDriver", "_disable_mouse_support", "as above"),
    Internal(_LINUX, "LinuxDriver", "_file", "the stream that cell-by-cell output is written to"),
    Internal(
        _LINUX, "LinuxDriver", "_run_input_thread", "a terminal that hangs up ends the program instead of the thread"
    ),
)
