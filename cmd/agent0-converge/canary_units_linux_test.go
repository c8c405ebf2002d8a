package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// exposing is a plan of secrets where everybody would see them.
const exposing = `
plan { name = "exposing" }
variable "token" {
  type      = string
  sensitive = true
}
unit "section" {
  service = { ExecStart = "/bin/sh", Environment = ["A=1", "TOKEN=${var.token}"] }
}
unit "whole" {
  content = "[Service]\nExecStart=/bin/sh\nEnvironment=TOKEN=${var.token}\n"
}
unit "dropin" {
  service = { ExecStart = "/bin/sh" }
  dropin "50-section" {
    service = { Environment = "TOKEN=${var.token}" }
  }
}
unit "text" {
  service = { ExecStart = "/bin/sh" }
  dropin "50-text" {
    content = "[Service]\nEnvironment=TOKEN=${var.token}\n"
  }
}
user "comment" {
  comment = var.token
}
group "member" {
  members = [var.token]
}
gpu_group "group" {
  groups = [var.token]
}
sysctl "value" {
  name  = "kernel.domainname"
  value = var.token
}
logrotate "script" {
  paths      = ["/var/log/x"]
  postrotate = ["echo ${var.token}"]
}
drift "command" {
  command = "/bin/${var.token}"
}
`

// TestCanaryIsRefused: a secret where a kind would show it is a mistake, told without the secret, and
// nothing is written.
func TestCanaryIsRefused(t *testing.T) {
	c := newCage(t)
	c.write(t, "work/exposing.hcl", exposing)
	for _, args := range [][]string{{"validate"}, {"plan"}, {"plan", "--json"}, {"apply"}, {"apply", "--json"}} {
		c.printed.Reset()
		c.run(t, 1, 0, append(args, "exposing.hcl")...)
		said := c.printed.String()
		if strings.Contains(said, c.secrets[0]) {
			t.Errorf("%v prints the secret:\n%s", args, said)
		}
		for _, block := range []string{"section", "whole", "dropin", "text", "comment", "member", "group", "value", "script", "command"} {
			if plain := strings.ReplaceAll(said, `\"`, `"`); !strings.Contains(plain, ` "`+block+`"`) {
				t.Errorf("%v does not refuse %s:\n%s", args, block, said)
			}
		}
	}
	found, err := findSecret(filepath.Join(c.dir, "machine"), c.secrets[0])
	if err != nil || len(found) > 0 {
		t.Errorf("the secret is in %v, %v", found, err)
	}
}

// following is a unit that is restarted when a secret changes.
func following(token, other string) []string {
	return []string{
		fmt.Sprintf("env_file \"app\" {\n  path   = \"/etc/app.env\"\n  values = { TOKEN = sensitive(%q), OTHER = %q }\n  public = [\"OTHER\"]\n}\n", token, other),
		"unit \"app\" {\n  service = {\n    ExecStart       = \"/bin/sh -c 'sleep inf'\"\n    EnvironmentFile = env_file.app.path\n  }\n  state = \"running\"\n}\n",
	}
}

// TestRestartsGoByKeyedDigests: what a unit was started with is kept under /run. That holds no secret,
// and nothing by which one could be guessed: on another host, the digest of the same secret is another.
func TestRestartsGoByKeyedDigests(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: the machines' files have owners")
	}
	const token, then = "canary-of-the-first-run", "canary-of-the-second"
	one, two := running(t), running(t)
	one.apply(load(t, "p", following(token, "same")))
	two.apply(load(t, "p", following(token, "same")))
	first, elsewhere := one.started(), two.started()
	if first == elsewhere {
		t.Errorf("two hosts have the same digest of the same secret: %s", first)
	}
	if n := one.apply(load(t, "p", following(token, "same"))); n != 0 || one.started() != first {
		t.Errorf("%d changes without a cause, and %s became %s", n, first, one.started())
	}
	if n := one.apply(load(t, "p", following(then, "same"))); n != 2 || one.started() == first {
		t.Errorf("%d changes for another secret, not 2, and the digest is %s", n, one.started())
	}
	if text := one.m.Get("/etc/app.env"); !strings.Contains(text, then) {
		t.Errorf("the secret is not where it belongs: %s", text)
	}
	for _, secret := range []string{token, then} {
		sum := sha256.Sum256([]byte(secret))
		for _, sign := range []string{secret, hex.EncodeToString(sum[:16]), base64.StdEncoding.EncodeToString(sum[:])[:20]} {
			for _, dir := range []string{"/run", "/var"} {
				if found, err := findSecret(one.m.Path(dir), sign); err != nil || len(found) > 0 {
					t.Errorf("%s is in %v, %v", sign, found, err)
				}
			}
		}
	}
}

// running is a machine with a service manager.
func running(t *testing.T) rig {
	t.Helper()
	return rig{t, hosttest.New(t, hosttest.Config{Systemd: &hosttest.SystemdConfig{}, Files: map[string]hosttest.File{
		"/bin/sh": {Mode: 0o755}, "/run": {Dir: true}, "/proc/sys/kernel/random/boot_id": {Content: "this-boot\n"},
	}})}
}

// started is the record of what the unit was started with, less when and under which name.
func (r rig) started() string {
	record := r.m.Get(engine.RunDir + "/units/app.service")
	_, digest, ok := strings.Cut(record, `"restart":"`)
	if !ok {
		r.t.Fatalf("no digest of what it refers to: %s", record)
	}
	digest, _, _ = strings.Cut(digest, `"`)
	return digest
}
