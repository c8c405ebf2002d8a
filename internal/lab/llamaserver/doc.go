// Package llamaserver runs llama-server as Debian ships it (package llama.cpp-tools, of its unstable suite), for benchmarks to
// measure beside. It is kept in the user's cache folder, and runs with its own libraries in a root of its own.
package llamaserver
