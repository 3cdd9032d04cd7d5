"""Settings of all tests."""

from hypothesis import settings

# No test is about time, and a busy machine is not a fault: hypothesis' deadline for a case is off.
settings.register_profile("ohmflow", deadline=None)
settings.load_profile("ohmflow")
