"""`trace.json`: what every unit and link did in a window of steps, for Perfetto and chrome://tracing."""
