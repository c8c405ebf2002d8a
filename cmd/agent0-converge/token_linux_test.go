package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// A token of an env_file, or of a credential of the unit that the agent runs in, opens the host that it is for, and is
// nowhere on the machine but where the plan puts it.
func TestTokens(t *testing.T) {
	const token = "hf_canary0123456789"
	var b bytes.Buffer
	if err := gguftest.Write(&b, gguftest.Small()); err != nil {
		t.Fatal(err)
	}
	model := b.Bytes()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(model))
	}))
	defer server.Close()
	at := server.Listener.Addr().String()
	for name, attribute := range map[string]string{
		"env_file":   fmt.Sprintf("tokens = { %q = env_file.agent0.values[\"HF_TOKEN\"] }", at),
		"credential": fmt.Sprintf("credentials = { %q = \"hf-token\" }", at),
		"none":       "",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			root, plan := filepath.Join(dir, "root"), filepath.Join(dir, "plan.hcl")
			text := fmt.Sprintf(`
env_file "agent0" {
  path = "/etc/agent0.env"
  from = [".env"]
}
model "chat" {
  path    = "/opt/chat.gguf"
  sources = ["%s/chat.gguf"]
  sha256  = "%x"
  %s
}
`, server.URL, sha256.Sum256(model), attribute)
			for file, content := range map[string]string{plan: text, filepath.Join(dir, ".env"): "HF_TOKEN=" + token + "\n", filepath.Join(dir, "hf-token"): token + "\n"} {
				if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("agent0-converge", "apply", "--root", root, plan)
			cmd.Env = append(os.Environ(), "CREDENTIALS_DIRECTORY="+dir)
			out, err := cmd.CombinedOutput()
			if (err == nil) != (attribute != "") {
				t.Fatalf("%v\n%s", err, out)
			}
			if bytes.Contains(out, []byte(token)) {
				t.Errorf("the token is shown:\n%s", out)
			}
			if attribute == "" && !bytes.Contains(out, []byte("tokens")) {
				t.Errorf("what to do without a token is not said:\n%s", out)
			}
			noToken(t, root, token)
		})
	}
}

// noToken finds a token in every file of root but the one that the plan makes.
func noToken(t *testing.T, root, token string) {
	t.Helper()
	looked := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Base(p) == "agent0.env" {
			return err
		}
		content, err := os.ReadFile(p)
		if looked++; bytes.Contains(content, []byte(token)) {
			t.Errorf("the token is in %s", p)
		}
		return err
	})
	if err != nil || looked < 3 {
		t.Errorf("%d files were looked at: %v", looked, err)
	}
}
