package host

import "time"

// Dumps reads what the kernel knows of networks: interfaces, addresses, sockets and its packet filter. It is all
// that planning has of netlink(7).
type Dumps struct{ n *Netlink }

// Running reports whether there is a kernel to ask: an image has none.
func (d Dumps) Running() bool { return d.n.running }

// Netlink is the one door to the kernel's packet filter for whoever changes it.
type Netlink struct {
	running bool
	netns   int // a descriptor of the network namespace, 0 for that of the process
	gate    gate
	ran     func(Call)
}

// call is the journal's line about a batch.
func (n *Netlink) call(what string, took time.Duration, err error) Call {
	c := Call{Argv: []string{"netlink", what}, Took: took}
	if err != nil {
		c.Exit, c.Output = 1, err.Error()
	}
	return c
}
