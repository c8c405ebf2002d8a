package netns

import (
	"net"
	"testing"
)

func TestPair(t *testing.T) {
	host, peer := Pair(t)
	for _, address := range []string{"192.0.2.1:0", "[2001:db8::1]:0"} {
		var l net.Listener
		host.Do(func() (err error) { l, err = net.Listen("tcp", address); return err })
		defer l.Close()
		peer.Do(func() error {
			c, err := net.Dial("tcp", l.Addr().String())
			if err == nil {
				err = c.Close()
			}
			return err
		})
	}
}
