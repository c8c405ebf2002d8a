// Package clients holds the server against clients as their users have them: the Go and JavaScript clients of OpenAI's API,
// unmodified, ask a real front with a real engine and model. What only a real model can show is tested here, too: that
// constrained output is complete, and that sampling parameters do what they say.
package clients
