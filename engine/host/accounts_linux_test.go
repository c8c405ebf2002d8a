package host_test

import (
	"context"
	"errors"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

const passwd = `# comment
root:x:0:0:root:/root:/bin/sh
+nis
alice:x:1000:1000::/home/alice:/bin/sh
twin:x:1000:1000::/:/bin/sh
alice:x:2000:2000::/:/bin/sh
broken
wrong:x:many:0
`

// directory plays a name service that knows ldap, number 5000, and fails for "down".
func directory(asked *int) hosttest.Program {
	return func(_ context.Context, _ *hosttest.Machine, argv []string, _ []byte) (host.Output, error) {
		*asked++
		switch argv[2] {
		case "ldap", "5000":
			return host.Output{Stdout: []byte("ldap:*:5000:5000:::\n")}, nil
		case "down":
			return host.Output{Exit: 3, Stderr: []byte("no server")}, nil
		}
		return host.Output{Exit: 2}, nil
	}
}

func TestAccounts(t *testing.T) {
	asked := 0
	m := hosttest.New(t, hosttest.Config{
		Files:    map[string]hosttest.File{"/etc/passwd": {Content: passwd}, "/etc/group": {Content: "users:x:100:alice\n"}},
		Programs: map[string]hosttest.Program{"getent": directory(&asked)},
	})
	a := m.View().Accounts
	for name, want := range map[string]int{"root": 0, "alice": 1000, "twin": 1000, "1234": 1234, "ldap": 5000, "0": 0} {
		if got, err := a.UID(name); got != want || err != nil {
			t.Errorf("UID(%s) = %d, %v", name, got, err)
		}
	}
	for id, want := range map[int]string{0: "root", 1000: "alice", 5000: "ldap", 777: "777"} {
		if got := a.UserName(id); got != want {
			t.Errorf("UserName(%d) = %s", id, got)
		}
	}
	if gid, err := a.GID("users"); gid != 100 || a.GroupName(100) != "users" || err != nil {
		t.Errorf("GID(users) = %d, %v", gid, err)
	}
	for _, name := range []string{"nobody", "wrong", "", "-h", "a:b", "nis", "4294967295", "99999999999"} {
		_, err := a.UID(name)
		if unknown, ok := errors.AsType[*host.UnknownAccountError](err); !ok || unknown.Kind != "user" {
			t.Errorf("UID(%q): %v", name, err)
		}
	}
	var failed *host.ProgramError
	if _, err := a.GID("down"); !errors.As(err, &failed) {
		t.Errorf("a name service that is down: %v", err)
	}
}

func TestAccountsAreRememberedAndForgotten(t *testing.T) {
	asked := 0
	nothing := func(context.Context, *hosttest.Machine, []string, []byte) (host.Output, error) {
		return host.Output{}, nil
	}
	m := hosttest.New(t, hosttest.Config{
		Files:    map[string]hosttest.File{"/etc/passwd": {Content: passwd}},
		Programs: map[string]hosttest.Program{"getent": directory(&asked), "useradd": nothing},
	})
	a := m.View().Accounts
	for range 1000 {
		if _, err := a.UID("bob"); err == nil || a.UserName(777) != "777" {
			t.Fatal("bob is there already")
		}
	}
	if asked != 2 {
		t.Errorf("the name service was asked %d times", asked)
	}
	// A program may have told the name service of someone new.
	_, err := m.Host().Programs.Run(context.Background(), "useradd", "bob")
	check(t, err)
	if _, err := a.UID("bob"); err == nil || asked != 3 {
		t.Errorf("the name service was asked %d times", asked)
	}
	check(t, m.Host().Files.Write("/etc/passwd", []byte(passwd+"bob:x:777:777:::\n"), keep(0o644)))
	if uid, err := a.UID("bob"); uid != 777 || a.UserName(777) != "bob" || err != nil {
		t.Errorf("bob is %d, %v", uid, err)
	}
}

func TestAccountsOfAnImage(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Offline: true})
	a := m.View().Accounts
	if uid, err := a.UID("root"); uid != 0 || err != nil || a.UserName(0) != "root" || a.GroupName(5) != "5" {
		t.Errorf("root is %d, %v", uid, err)
	}
	if _, err := a.UID("daemon"); err == nil {
		t.Error("the accounts of the build host were asked")
	}
}

func BenchmarkUID(b *testing.B) {
	h := open(b, host.Options{})
	for b.Loop() {
		if _, err := h.Accounts.UID("daemon"); err != nil {
			b.Fatal(err)
		}
	}
}
