package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/human"
	"github.com/agent0-converge/agent0-converge/plans/lockfile"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// smallModel is a model that llama.cpp would take, another for each seed.
func smallModel(t *testing.T, seed uint64) []byte {
	t.Helper()
	o := gguftest.Small()
	o.Seed = seed
	var b bytes.Buffer
	if err := gguftest.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// smallShards is a model in count files, by their names.
func smallShards(t *testing.T, seed uint64, count int) map[string][]byte {
	t.Helper()
	o := gguftest.Small()
	o.Seed = seed
	files := map[string]*shardFile{}
	err := gguftest.WriteShards(o, "big", count, func(name string) (io.WriteCloser, error) {
		files[name] = &shardFile{}
		return files[name], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for name, f := range files {
		out[name] = f.Bytes()
	}
	return out
}

type shardFile struct{ bytes.Buffer }

func (*shardFile) Close() error { return nil }

func sumOf(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// requests remembers what a server was asked.
type requests struct {
	mu  sync.Mutex
	all []*http.Request
}

func (r *requests) note(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.all = append(r.all, req.Clone(req.Context()))
		r.mu.Unlock()
		h.ServeHTTP(w, req)
	})
}

func (r *requests) headers(name string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, req := range r.all {
		out = append(out, req.Header.Get(name))
	}
	return out
}

// serveFiles serves files by name, with an ETag for what each is.
func serveFiles(files map[string][]byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"`+sumOf(b)[:16]+`"`)
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	})
}

// runLock is the command in a folder of its own, and the lock file afterwards.
func runLock(t *testing.T, status int, args ...string) (out string, lock *lockfile.Lock) {
	t.Helper()
	var both bytes.Buffer
	file := args[0]
	if code := run(t.Context(), append([]string{"models", "lock", "--out"}, args...), nil, &both, &both); code != status {
		t.Fatalf("exit status %d, not %d:\n%s", code, status, both.String())
	}
	src, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return both.String(), &lockfile.Lock{}
	}
	if err != nil {
		t.Fatal(err)
	}
	lock, diags := lockfile.Read(src, file)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, src)
	}
	return both.String(), lock
}

// TestLockOverTheWeb locks a model from two servers: one with a token and certificates of its own, one without.
func TestLockOverTheWeb(t *testing.T) {
	model := smallModel(t, 1)
	var private, public requests
	tls := httptest.NewTLSServer(private.note(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer geheim" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serveFiles(map[string][]byte{"models/Chat.v1.gguf": model}).ServeHTTP(w, r)
	})))
	defer tls.Close()
	plain := httptest.NewServer(public.note(serveFiles(map[string][]byte{"chat.gguf": model})))
	defer plain.Close()
	dir := t.TempDir()
	ca, file := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "models.lock.hcl")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MODELS_TOKEN", "geheim\n")
	host := strings.TrimPrefix(tls.URL, "https://")
	secure, open := tls.URL+"/models/Chat.v1.gguf?download=true", plain.URL+"/chat.gguf"

	out, lock := runLock(t, 1, file, "--ca-file", ca, secure)
	if !strings.Contains(out, "401") && !strings.Contains(out, "token") || len(lock.Models) != 0 {
		t.Errorf("without its token: %s", out)
	}
	if out, _ = runLock(t, 1, file, "--token", host+"=MODELS_TOKEN", secure); !strings.Contains(out, "certificate") {
		t.Errorf("without its certificate: %s", out)
	}
	out, lock = runLock(t, 0, file, "--ca-file", ca, "--token", host+"=MODELS_TOKEN", secure, "Chat-v1="+open)
	want := &lockfile.Lock{Models: []lockfile.Model{{Name: "Chat-v1",
		Blob: lockfile.Blob{URL: secure, Mirrors: []string{open}, SHA256: sumOf(model), Size: int64(len(model))}}}}
	if !reflect.DeepEqual(lock, want) {
		t.Errorf("it is locked as %+v", lock)
	}
	for _, word := range []string{"new", "Chat-v1", human.Bytes(int64(len(model))), sumOf(model), "llama Q8_0", "context 512", `hcldecode(file("models.lock.hcl"))`} {
		if !strings.Contains(out, word) {
			t.Errorf("%q is not in:\n%s", word, out)
		}
	}
	for _, sent := range public.headers("Authorization") {
		if sent != "" {
			t.Errorf("the token went to another host: %q", sent)
		}
	}
	for _, text := range []string{out, string(lock.Format())} {
		if strings.Contains(text, "geheim") {
			t.Errorf("the token is shown:\n%s", text)
		}
	}
}

// TestLockSplitModel locks all files of a model by the URL of the first, from two places.
func TestLockSplitModel(t *testing.T) {
	files := smallShards(t, 1, 3)
	one := httptest.NewServer(serveFiles(files))
	defer one.Close()
	two := httptest.NewServer(serveFiles(files))
	defer two.Close()
	file := filepath.Join(t.TempDir(), "models.lock.hcl")
	name := func(no int) string { return fmt.Sprintf("big-%05d-of-00003.gguf", no) }
	blob := func(no int) lockfile.Blob {
		b := files[name(no)]
		return lockfile.Blob{URL: one.URL + "/" + name(no) + "?x=1", Mirrors: []string{two.URL + "/" + name(no)}, SHA256: sumOf(b), Size: int64(len(b))}
	}
	out, lock := runLock(t, 0, file, one.URL+"/"+name(1)+"?x=1", two.URL+"/"+name(1))
	want := &lockfile.Lock{Models: []lockfile.Model{{Name: "big", File: name(1), Blob: blob(1),
		Shards: []lockfile.Shard{{Name: name(2), Blob: blob(2)}, {Name: name(3), Blob: blob(3)}}}}}
	if !reflect.DeepEqual(lock, want) {
		t.Errorf("it is locked as %s", lock.Format())
	}
	if !strings.Contains(out, "3 files, 2 places") || !strings.Contains(out, `dynamic "shard"`) {
		t.Errorf("it says\n%s", out)
	}
	before := string(lock.Format())
	out, lock = runLock(t, 0, file, "--update")
	if !strings.Contains(out, "same") || string(lock.Format()) != before {
		t.Errorf("looked at again, it is\n%s", lock.Format())
	}

	third := files[name(3)]
	files[name(3)] = smallShards(t, 2, 3)[name(2)]
	if out, _ = runLock(t, 1, file, "other="+one.URL+"/"+name(1)); !strings.Contains(out, "shard 3 of 3") {
		t.Errorf("with a shard that is another: %s", out)
	}
	delete(files, name(3))
	if out, _ = runLock(t, 1, file, "other="+one.URL+"/"+name(1)); !strings.Contains(out, name(3)) {
		t.Errorf("with a shard that is gone: %s", out)
	}
	files["alone.gguf"] = third
	if out, _ = runLock(t, 1, file, one.URL+"/alone.gguf"); !strings.Contains(out, "split.count is 3") {
		t.Errorf("a shard by another name: %s", out)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != before {
		t.Errorf("something was written: %v\n%s", err, after)
	}
}

// TestLockFromRegistry locks what a tag names, and what it names later only with --update.
func TestLockFromRegistry(t *testing.T) {
	content := map[string][]byte{"chat": smallModel(t, 1)}
	sent := content["chat"]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sumOf(content["chat"])
		switch r.URL.Path {
		case "/v2/models/chat/manifests/q8", "/v2/models/untitled/manifests/latest":
			title := `,"annotations":{"org.opencontainers.image.title":"Chat Q8.gguf"}`
			if strings.Contains(r.URL.Path, "untitled") {
				title = ""
			}
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":"application/vnd.gguf","digest":"sha256:%s","size":%d%s}]}`,
				sum, len(content["chat"]), title)
		case "/v2/models/chat/blobs/sha256:" + sum, "/v2/models/untitled/blobs/sha256:" + sum:
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sent))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "models.lock.hcl")
	at := "oci://" + strings.TrimPrefix(server.URL, "http://") + "/models/"
	_, lock := runLock(t, 0, file, at+"chat:q8", at+"untitled")
	blob := func(url string) lockfile.Blob {
		return lockfile.Blob{URL: url, SHA256: sumOf(sent), Size: int64(len(sent))}
	}
	want := &lockfile.Lock{Models: []lockfile.Model{{Name: "Chat-Q8", Blob: blob(at + "chat:q8")}, {Name: "untitled", Blob: blob(at + "untitled")}}}
	if !reflect.DeepEqual(lock, want) {
		t.Errorf("it is locked as\n%s", lock.Format())
	}

	before := sent
	content["chat"] = smallModel(t, 2)
	if out, _ := runLock(t, 1, file, "--update"); !strings.Contains(out, "cannot lock Chat-Q8") {
		t.Errorf("a registry that sends another blob: %s", out)
	}
	sent = content["chat"]
	if _, lock = runLock(t, 0, file, at+"chat:q8"); lock.Models[0].SHA256 != sumOf(before) {
		t.Errorf("the tag moved, and with it what is locked:\n%s", lock.Format())
	}
	if _, lock = runLock(t, 0, file, "--update"); lock.Models[0].SHA256 != sumOf(sent) || lock.Models[1].SHA256 != sumOf(sent) {
		t.Errorf("it was not locked anew:\n%s", lock.Format())
	}
}

// TestLockMeanwhile holds that two who lock different models at once keep both, and who lock the same are told.
func TestLockMeanwhile(t *testing.T) {
	a := &app{}
	file := filepath.Join(t.TempDir(), "models.lock.hcl")
	one := func(name, sum string) locked {
		return locked{Status: lockNew, Model: lockfile.Model{Name: name, Blob: lockfile.Blob{URL: "file:///" + name, SHA256: strings.Repeat(sum, 64), Size: 1}}}
	}
	for _, m := range []locked{one("a", "a"), one("b", "b")} {
		if _, err := a.writeLock(file, &lockfile.Lock{}, []locked{m}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.readLock(file)
	if err != nil || len(got.Models) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := a.writeLock(file, &lockfile.Lock{}, []locked{one("b", "c")}); err == nil || !strings.Contains(err.Error(), "somebody else has locked b") {
		t.Errorf("b was locked over: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 && info.Mode().Perm() != 0o666 { // 0666 on Windows
		t.Errorf("others cannot read the file: %v, %v", info.Mode(), err)
	}
}

func TestNamesOfModels(t *testing.T) {
	for file, want := range map[string]string{
		"chat.gguf": "chat", "Chat.GGUF": "Chat", "Qwen2.5-7B-Instruct-Q4_K_M.gguf": "Qwen2-5-7B-Instruct-Q4_K_M", "7b.gguf": "model-7b",
		"big-00001-of-00003.gguf": "big", "with space.gguf": "with-space", "größe.gguf": "gr--e", ".gguf": "", "....gguf": "", "weights.bin": "weights-bin", "_x.gguf": "_x",
	} {
		got := nameOfModel(file)
		if got != want || got != "" && !lockfile.ValidName(got) {
			t.Errorf("%s is called %q, not %q", file, got, want)
		}
	}
}
