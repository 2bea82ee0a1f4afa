"""The engine: state machines, runner, gates, ladders, rip-cord, sweep. See README.md beside this file."""
