package web_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// socks is a SOCKS5 proxy (RFC 1928, with the user name and password of RFC 1929) that alone knows where hosts are.
func socks(t *testing.T, hosts map[string]string, login string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { defer c.Close(); socksTunnel(c, hosts, login) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}

func socksTunnel(c net.Conn, hosts map[string]string, login string) {
	next := func(n byte) []byte { b := make([]byte, n); io.ReadFull(c, b); return b }
	next(next(2)[1]) // methods
	c.Write([]byte{5, 2})
	user := next(next(2)[1])
	password := next(next(1)[0])
	if string(user)+":"+string(password) != login {
		c.Write([]byte{1, 1})
		return
	}
	c.Write([]byte{1, 0})
	if head := next(4); head[3] != 3 { // a name
		return
	}
	name := string(next(next(1)[0]))
	to := hosts[fmt.Sprintf("%s:%d", name, binary.BigEndian.Uint16(next(2)))]
	far, err := net.Dial("tcp", to)
	if err != nil {
		c.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0}) // host unreachable
		return
	}
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	join(c, far)
}

func TestSOCKS(t *testing.T) {
	p, _, ca := beyond(t)
	address := socks(t, p.hosts, "me:secret-word")
	t.Setenv("HTTPS_PROXY", "socks5://me:secret-word@"+address)
	c := client(t, web.Options{CA: ca.pem})
	defer c.Close()
	got, _, err := read(source(t, c, "https://models.example.com/chat.gguf"), 5, 1000, "")
	if err != nil || !bytes.Equal(got, file[5:1005]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_, _, err = read(source(t, c, "https://unknown.example.com/chat.gguf"), 5, 1000, "")
	passing(t, err, "cannot reach unknown.example.com through the proxy "+address, "host unreachable")
	t.Setenv("HTTPS_PROXY", "socks5://me:wrong-word@"+address)
	_, _, err = read(source(t, client(t, web.Options{CA: ca.pem}), "https://models.example.com/chat.gguf"), 5, 1000, "")
	passing(t, err, "through the proxy "+address)
	silent(t, err, "wrong-word")
}
