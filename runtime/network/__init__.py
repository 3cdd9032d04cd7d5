"""The network on chip alone, flit by flit: a mesh of input-queued routers with virtual channels and credits."""
