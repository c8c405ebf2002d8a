package registry_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// layer is one of a manifest: of this media type, title and content.
func layer(mediaType, title, content string) map[string]any {
	sum := sha256.Sum256([]byte(content))
	l := map[string]any{"mediaType": mediaType, "digest": "sha256:" + hex.EncodeToString(sum[:]), "size": len(content)}
	if title != "" {
		l["annotations"] = map[string]string{"org.opencontainers.image.title": title}
	}
	return l
}

func manifestOf(t *testing.T, layers ...map[string]any) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": manifestType, "layers": layers})
	check(t, err)
	return string(b)
}

// serveManifest is a registry with what manifest returns under any tag, and the blobs with these contents.
func serveManifest(t *testing.T, mediaType string, manifest func() string, contents ...string) *server {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/models/chat/manifests/") {
			w.Header().Set("Content-Type", mediaType)
			_, _ = w.Write([]byte(manifest()))
			return
		}
		for _, c := range contents {
			sum := sha256.Sum256([]byte(c))
			if strings.HasSuffix(r.URL.Path, hex.EncodeToString(sum[:])) {
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(c))
				return
			}
		}
		http.NotFound(w, r)
	})
}

// Without a SHA-256 the one model of a manifest is what is meant, and stays it while the tag moves on.
func TestModelOfATag(t *testing.T) {
	first := manifestOf(t, layer("application/vnd.oci.image.layer.v1.tar", "README.md", "read me"), layer("application/octet-stream", "dir/chat.GGUF", "GGUF first"))
	second := manifestOf(t, layer(registry.MediaTypeGGUF, "", "GGUF second"))
	var moved atomic.Bool
	reg := serveManifest(t, manifestType, func() string {
		if moved.Load() {
			return second
		}
		return first
	}, "GGUF first", "GGUF second")
	c, ref := client(t, registry.Options{}), "oci://"+reg.host("127.0.0.1")+"/models/chat"
	s := sourceOf(t, c, ref, [32]byte{})
	body, got := get(t, s, 0, -1, "")
	if string(got) != "GGUF first" {
		t.Errorf("got %q", got)
	}
	found, err := c.Resolve(t.Context(), ref)
	check(t, err)
	if found.File != "chat.GGUF" || found.Size != 10 || found.SHA256 != sha256.Sum256([]byte("GGUF first")) || found.Manifest != digestOf(first) {
		t.Errorf("found %+v", found)
	}
	moved.Store(true)
	if _, got := get(t, s, 5, -1, body.Version); string(got) != "first" {
		t.Errorf("a source that was opened goes on with %q", got)
	}
	// A source of a later run begins anew with what the tag is by now.
	later, got := get(t, sourceOf(t, c, ref+":latest", [32]byte{}), 5, 2, body.Version)
	if later.Offset != 0 || string(got) != "GGUF second" {
		t.Errorf("from %d: %q", later.Offset, got)
	}
	contains(t, reg.asked()[0].URL.Path, "/manifests/latest")
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestManifestByDigest(t *testing.T) {
	good := manifestOf(t, layer("application/vnd.docker.ai.gguf.v3", "", "GGUF"))
	reg := serveManifest(t, manifestType, func() string { return good }, "GGUF")
	ref := "oci://" + reg.host("127.0.0.1") + "/models/chat@"
	c := client(t, registry.Options{})
	get(t, sourceOf(t, c, ref+digestOf(good), [32]byte{}), 0, -1, "")
	contains(t, refusal(t, sourceOf(t, c, ref+digestOf("another"), [32]byte{})), "not the one that was asked for, but "+digestOf(good))
}

func TestManifestsThatNameNoModel(t *testing.T) {
	two := manifestOf(t, layer(registry.MediaTypeGGUF, "a.gguf", "a"), layer(registry.MediaTypeGGUF, "b.gguf", "b"))
	for _, c := range []struct{ mediaType, manifest, says string }{
		{manifestType, two, "has 2 models: say which by its sha256: a.gguf " + digestOf("a") + ", b.gguf"},
		{manifestType, manifestOf(t, layer("application/vnd.oci.image.layer.v1.tar", "x.tar", "x")), "has no model"},
		{manifestType, manifestOf(t), "has no model"},
		{manifestType, "{", "cannot be read"},
		{manifestType, `{"layers":[{"mediaType":"application/vnd.gguf","digest":"sha256:../../etc/passwd"}]}`, "is no sha256"},
		{manifestType, strings.Repeat(" ", registry.MaxManifest+1), "larger than 4 MiB"},
		{"application/vnd.oci.image.index.v1+json", `{}`, "no manifest with layers"},
		{"text/html", "<html>", "text/html"},
	} {
		reg := serveManifest(t, c.mediaType, func() string { return c.manifest })
		ref := "oci://" + reg.host("127.0.0.1") + "/models/chat"
		contains(t, refusal(t, sourceOf(t, client(t, registry.Options{}), ref, [32]byte{})), c.says)
	}
}

func TestReferences(t *testing.T) {
	c := client(t, registry.Options{})
	digest := digestOf("x")
	for _, ref := range []string{
		"oci://registry.example.com/chat", "oci://registry.example.com:5000/models/chat:v1.0", "oci://registry.example.com/models/chat@" + digest,
		"oci://registry.example.com/models/chat:v1@" + digest, "oci://[::1]:5000/chat", "oci://localhost/chat",
	} {
		if s := sourceOf(t, c, ref, modelSum); s.String() != ref {
			t.Errorf("%s is called %s", ref, s)
		}
	}
	if s := sourceOf(t, c, "registry.example.com/chat:v1", modelSum); s.String() != "oci://registry.example.com/chat:v1" {
		t.Errorf("without oci:// it is called %s", s)
	}
	for ref, says := range map[string]string{
		"https://registry.example.com/chat":             "begins with oci://",
		"oci://registry.example.com":                    "oci://registry/repository",
		"oci://registry.example.com/Chat":               "invalid repository",
		"oci://registry.example.com/chat:a b":           "invalid tag",
		"oci://registry.example.com/chat?token=s3cret":  "has no query",
		"oci://registry.example.com/chat@sha256:abc":    "invalid",
		"oci://registry.example.com/chat@md5:0123":      "invalid",
		"oci://user:s3cret@registry.example.com/chat:1": "takes no user and password",
	} {
		_, err := c.Source(ref, modelSum)
		if err == nil {
			t.Errorf("%s is taken", ref)
			continue
		}
		contains(t, err.Error(), says)
		noSecret(t, err.Error(), "s3cret")
	}
}
