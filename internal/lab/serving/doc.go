// Package serving runs the real thing for tests and benchmarks: agent0-converge serve, and an engine that has llama.cpp in it,
// behind a socket that stays open when the front ends, as systemd's does.
package serving
