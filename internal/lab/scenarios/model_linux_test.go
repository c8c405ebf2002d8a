package scenarios

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// TestModelOnATimer: a model that somebody removes, or writes into, is fetched again by the timer's service, within its
// limits; while it is as it should be, no source is asked.
func TestModelOnATimer(t *testing.T) {
	h := booted(t)
	var b bytes.Buffer
	if err := gguftest.Write(&b, gguftest.Small()); err != nil {
		t.Fatal(err)
	}
	model := b.String()
	h.put("/media/usb/chat.gguf", model, 0o644)
	h.put("/root/plan/plan.hcl", fmt.Sprintf(`plan {
  name = "laptop"
}

user "agent0" {
  system = true
}

model "chat" {
  path    = "/opt/agent0/chat.gguf"
  sources = ["file:///media/usb/chat.gguf"]
  sha256  = "%x"
  owner   = user.agent0.name
  mode    = "0640"
}

drift "laptop" {
  every = "1h"
}
`, sha256.Sum256(b.Bytes())), 0o644)
	h.run(agent, "apply", "--auto-approve", "/root/plan")
	const service = "agent0-converge-drift.service"
	for name, damage := range map[string]func(){
		"removed": func() { h.run("rm", "/opt/agent0/chat.gguf") },
		"written into": func() {
			h.run("dd", "if=/dev/zero", "of=/opt/agent0/chat.gguf", "bs=1", "seek=9999", "count=9", "conv=notrunc")
		},
	} {
		damage()
		h.run("systemctl", "start", service)
		if got := h.property(service, "Result"); got != "success" {
			t.Errorf("%s: the service ended as %s", name, got)
		}
		if h.get("/opt/agent0/chat.gguf") != model {
			t.Errorf("%s: the model is not as it was", name)
		}
	}
	h.run("rm", "/media/usb/chat.gguf")
	h.run("systemctl", "start", service)
	has(t, h.run(agent, "show"), "path:/opt/agent0/chat.gguf", "cached record of ")
	has(t, h.run("stat", "-c", "%U %a", "/opt/agent0/chat.gguf"), "agent0 640")
}
