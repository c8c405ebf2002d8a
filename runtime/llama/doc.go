// Package llama is llama.cpp behind one C++ shim. It links C and C++ and so belongs into the engine's process alone: what
// fails an assertion there ends that process, and nothing else.
//
// It is compiled with the build tag llama only, and with the flags that the Makefile sets: without them it is several
// times slower. The numbers that it is given are the caller's to check, but for what is out of range for the model at
// hand, which it refuses.
package llama
