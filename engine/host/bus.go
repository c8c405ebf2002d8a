package host

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// BusCall is one call of a method over the system's message bus (D-Bus).
type BusCall struct {
	// Name is the service's, such as "org.fedoraproject.FirewallD1", Path the object's, and Method is written with its
	// interface, "org.fedoraproject.FirewallD1.zone.addPort".
	Name, Path, Method string
	Args               []any
}

// BusFunc calls, and returns what the answer holds. An error of the service is a dbus.Error.
type BusFunc func(ctx context.Context, call BusCall) ([]any, error)

// BusQueries asks services of the message bus what only tells. It is all that planning has of the bus.
type BusQueries struct{ b *Bus }

// Running reports whether there may be a bus: not in an image.
func (q BusQueries) Running() bool { return q.b.running }

// Get calls a method whose name says that it only tells: it begins with get, query or list, or asks the bus itself
// who is there. Any other is an error.
func (q BusQueries) Get(ctx context.Context, call BusCall) ([]any, error) {
	method := strings.ToLower(call.Method[strings.LastIndexByte(call.Method, '.')+1:])
	for _, verb := range []string{"get", "query", "list", "namehasowner"} {
		if strings.HasPrefix(method, verb) {
			return q.b.call(ctx, call)
		}
	}
	return nil, fmt.Errorf("cannot ask %s: it may change something", call.Method)
}

// Bus is the one door to services of the message bus for whoever changes things.
type Bus struct {
	running bool
	gate    gate
	ran     func(Call)
	play    BusFunc // in place of a real bus

	mu   sync.Mutex
	conn *dbus.Conn
}

// Call calls a method that changes something. What describes it, for the watcher and the journal: no secrets.
func (b *Bus) Call(ctx context.Context, what string, call BusCall) (out []any, err error) {
	start, told := time.Now(), false
	err = b.gate.do("dbus", what, func() (err error) {
		told = true
		out, err = b.call(ctx, call)
		return err
	})
	if err != nil {
		err = fmt.Errorf("cannot %s: %w", what, err)
	}
	if told && b.ran != nil {
		c := Call{Argv: []string{"dbus", what}, Took: time.Since(start)}
		if err != nil {
			c.Exit, c.Output = 1, err.Error()
		}
		b.ran(c)
	}
	return out, err
}

// busDeadline ends a call whose context sets no deadline.
const busDeadline = 60 * time.Second

func (b *Bus) call(ctx context.Context, call BusCall) ([]any, error) {
	if !b.running {
		return nil, &OfflineError{"D-Bus"}
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, busDeadline)
		defer cancel()
	}
	if b.play != nil {
		return b.play(ctx, call)
	}
	conn, err := b.connect()
	if err != nil {
		return nil, err
	}
	answer := conn.Object(call.Name, dbus.ObjectPath(call.Path)).CallWithContext(ctx, call.Method, 0, call.Args...)
	return answer.Body, answer.Err
}

// connect returns the connection, which is made when it is first needed, and again when it was lost.
func (b *Bus) connect() (*dbus.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil && b.conn.Connected() {
		return b.conn, nil
	}
	conn, err := dbus.ConnectSystemBus()
	if err != nil {
		return nil, fmt.Errorf("cannot reach the message bus (D-Bus): %w", err)
	}
	b.conn = conn
	return conn, nil
}

func (b *Bus) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil {
		return nil
	}
	err := b.conn.Close()
	b.conn = nil
	return err
}
