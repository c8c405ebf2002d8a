// Command agent0-engine is one worker of llama.cpp: it loads a model, says when it has generated a token with it, and then
// computes what a front asks for. It links C and C++, runs as a process of its own, and may be killed at any time: the front
// has what was asked on another.
package main
