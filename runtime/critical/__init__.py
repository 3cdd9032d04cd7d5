"""The critical path of a step: what made it as long as it is, and what shorter service times would gain."""
