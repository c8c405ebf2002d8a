// Package scenarios has no code of its own: its tests take the agent through whole stories on a
// machine that has booted a real systemd.
package scenarios
