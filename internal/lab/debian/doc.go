// Package debian builds Debian systems for the lab, from the sources that this machine's apt has, and keeps them in the
// user's cache folder: only the first call for a system takes minutes and needs the network.
package debian
