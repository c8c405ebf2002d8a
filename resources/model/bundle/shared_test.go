package bundle_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/content/oci"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
)

// What others put into the layout, here with oras, stays in it, also when the bundle changes and is pruned.
func TestLayoutSharedWithOras(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, dir, chat, embed))
	store, err := oci.New(dir)
	check(t, err)
	layer, err := oras.PushBytes(t.Context(), store, "application/vnd.example", []byte("of another"))
	check(t, err)
	other, err := oras.PackManifest(t.Context(), store, oras.PackManifestVersion1_1, "application/vnd.example", oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}})
	check(t, err)
	check(t, store.Tag(t.Context(), other, "other"))
	check(t, create(t, h, dir, chat))
	holds(t, h, dir, chat)
	left := filepath.Join(dir, "blobs", "sha256", host.TempName("a blob that a stopped run was writing"))
	check(t, os.WriteFile(left, []byte("half"), 0o600))
	freed, err := bundle.Prune(h.Files, dir)
	check(t, err)
	if freed < embed.Size || freed > embed.Size+4096 { // with its manifest
		t.Errorf("freed %d bytes", freed)
	}
	if _, err := os.Stat(blobFile(dir, embed.Model)); !os.IsNotExist(err) {
		t.Errorf("what nothing names is still there: %v", err)
	}
	holds(t, h, dir, chat)
	store, err = oci.New(dir)
	check(t, err)
	if found := leftovers(t, dir); found != nil {
		t.Errorf("left %v", found)
	}
	for _, ref := range []string{"other", bundle.Ref} {
		if _, err := oras.Copy(t.Context(), store, ref, memory.New(), "", oras.DefaultCopyOptions); err != nil {
			t.Errorf("oras cannot read %s: %v", ref, err)
		}
	}
}

// A layout that oras made is a bundle as far as it has models.
func TestLayoutOfOras(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	store, err := oci.New(dir)
	check(t, err)
	var layers []ocispec.Descriptor
	for title, content := range map[string][]byte{"dir/../chat.gguf": chat.content, "README.md": []byte("read me")} {
		layer, err := oras.PushBytes(t.Context(), store, "application/octet-stream", content)
		check(t, err)
		layer.Annotations = map[string]string{ocispec.AnnotationTitle: title}
		layers = append(layers, layer)
	}
	made, err := oras.PackManifest(t.Context(), store, oras.PackManifestVersion1_1, "application/vnd.example", oras.PackManifestOptions{Layers: layers})
	check(t, err)
	check(t, store.Tag(t.Context(), made, "v1"))
	nameless := chat
	nameless.Name = ""
	holds(t, h, dir, nameless)
}

// Two models whose files are called the same can both be taken out by oras, which writes a file for each title.
func TestTitlesDiffer(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	one, two := newFile("one", "model.gguf", 10), newFile("two", "model.gguf", 20)
	check(t, create(t, h, dir, one, two, one))
	got := opened(t, h, dir).Models()
	if len(got) != 3 || got[0].File != "model.gguf" || got[1].File == "model.gguf" || got[1].Name != "two" || got[2].File == got[0].File {
		t.Errorf("it has %+v", got)
	}
	check(t, opened(t, h, dir).Verify(t.Context(), nil))
}

// skopeo copies a bundle whole.
func TestSkopeo(t *testing.T) {
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("skopeo is missing: apt-get install skopeo")
	}
	dir, to, h := t.TempDir(), t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, dir, chat, embed))
	for _, argv := range [][]string{
		{"inspect", "--raw", "oci:" + dir + ":" + bundle.Ref},
		{"--insecure-policy", "copy", "oci:" + dir + ":" + bundle.Ref, "oci:" + to + ":" + bundle.Ref},
	} {
		if out, err := exec.Command(skopeo, argv...).CombinedOutput(); err != nil {
			t.Fatalf("skopeo %v: %v: %s", argv, err, out)
		}
	}
	holds(t, h, to, chat, embed)
}

func TestPruneLeavesWhatItDoesNotUnderstand(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, dir, chat, embed))
	check(t, create(t, h, dir, chat))
	file := filepath.Join(dir, "index.json")
	raw, err := os.ReadFile(file)
	check(t, err)
	var index ocispec.Index
	check(t, json.Unmarshal(raw, &index))
	index.Manifests = append(index.Manifests, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: ocispec.DescriptorEmptyJSON.Digest})
	raw, err = json.Marshal(index)
	check(t, err)
	check(t, os.WriteFile(file, raw, 0o644))
	_, err = bundle.Prune(h.Files, dir)
	failsWith(t, err, "what that needs is not known")
	if _, err := os.Stat(blobFile(dir, embed.Model)); err != nil {
		t.Error(err)
	}
}
