// Package netns makes network namespaces for tests: a kernel's interfaces, sockets and packet filter of one's own,
// alone or two with a cable between them.
package netns
