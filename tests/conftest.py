"""Settings of all tests."""

import signal

from hypothesis import settings

# No test is about time, and a busy machine is not a fault: hypothesis' deadline for a case is off.
settings.register_profile("ohmflow", deadline=None)
settings.load_profile("ohmflow")

# Started in the background by a shell, a process ignores Ctrl-C, and so would the trainings that tests interrupt.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
