package bundle_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

var (
	chat  = newFile("chat", "chat.gguf", 3<<20)
	embed = newFile("embed", "embed.gguf", 1<<20+7)
	empty = newFile("empty", "notes.txt", 0)
)

func TestCreateAndOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stick", "models") // made on the way
	h := onHost(t, host.Options{})
	check(t, create(t, h, dir, chat, embed, empty))
	holds(t, h, dir, chat, embed, empty)
	if left := leftovers(t, dir); left != nil {
		t.Errorf("left %v", left)
	}
}

// A stick that is the root of a host of its own is the same: no link on it leads out of it.
func TestAsRoot(t *testing.T) {
	root := t.TempDir()
	h := onHost(t, host.Options{Root: root})
	check(t, create(t, h, "/", chat))
	holds(t, h, "/", chat)
	holds(t, onHost(t, host.Options{}), root, chat)
}

// Run again it copies nothing, writes nothing and tells of nothing to do; a blob that is cut off is copied again.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	var writes []host.Op
	h := onHost(t, host.Options{Watch: func(op host.Op) error {
		if op.Name != "fsync" && op.Name != "fsyncdir" {
			writes = append(writes, op)
		}
		return nil
	}})
	check(t, create(t, h, dir, chat))
	writes = nil
	again := func(files ...file) (read map[string]bool, total int64) {
		o := &opener{files: files}
		check(t, bundle.Create(t.Context(), h.Files, dir, models(files...), o.open, func(_, all int64) { total = all }))
		return o.read, total
	}
	if read, total := again(chat); len(read) != 0 || total != 0 || len(writes) != 0 {
		t.Errorf("read %v, %d bytes to copy, wrote %v", read, total, writes)
	}
	if read, total := again(chat, embed); len(read) != 1 || !read["embed"] || total != embed.Size {
		t.Errorf("read %v, %d bytes to copy", read, total)
	}
	holds(t, h, dir, chat, embed)
	check(t, os.Truncate(blobFile(dir, chat.Model), 1000))
	if read, _ := again(chat, embed); len(read) != 1 || !read["chat"] {
		t.Errorf("read %v", read)
	}
	holds(t, h, dir, chat, embed)
}

// Sizes that nobody knows are those of the files, and progress ends at all of them.
func TestProgress(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	o := &opener{files: []file{chat, embed}}
	wanted := models(chat, embed)
	wanted[0].Size, wanted[1].Size = 0, 0
	var last, total int64
	check(t, bundle.Create(t.Context(), h.Files, dir, wanted, o.open, func(done, all int64) {
		if done < last {
			t.Errorf("%d after %d", done, last)
		}
		last, total = done, all
	}))
	if last != chat.Size+embed.Size || total != last {
		t.Errorf("ended at %d of %d", last, total)
	}
	holds(t, h, dir, chat, embed)
	last = 0
	check(t, opened(t, h, dir).Verify(t.Context(), func(done, all int64) { last, total = done, all }))
	if last != total || last < chat.Size+embed.Size {
		t.Errorf("verified %d of %d", last, total)
	}
}

// What is not what it should be is not added, and the bundle stays as it was.
func TestWrongFiles(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, dir, chat))
	wrong, short, long := embed, embed, embed
	wrong.content = append([]byte{}, embed.content...)
	wrong.content[len(wrong.content)-1] ^= 1
	short.content, long.content = embed.content[1:], append([]byte{0}, embed.content...)
	failsWith(t, create(t, h, dir, chat, wrong), "cannot add embed (embed.gguf)", "the SHA-256 of its file is")
	failsWith(t, create(t, h, dir, chat, short), "has 1048582 bytes, not 1048583")
	failsWith(t, create(t, h, dir, chat, long), "has 1048584 bytes, not 1048583")
	shrinks := func(m bundle.Model) (io.ReadCloser, int64, error) {
		return io.NopCloser(strings.NewReader("short")), m.Size, nil
	}
	failsWith(t, bundle.Create(t.Context(), h.Files, dir, models(embed), shrinks, nil), "has 5 bytes, not 1048583")
	broken := errors.New("the disk is broken")
	breaks := func(m bundle.Model) (io.ReadCloser, int64, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("GGUF"), failing{broken})), m.Size, nil
	}
	if err := bundle.Create(t.Context(), h.Files, dir, models(embed), breaks, nil); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := os.Stat(blobFile(dir, embed.Model)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a wrong file was added: %v", err)
	}
	if left := leftovers(t, dir); left != nil {
		t.Errorf("left %v", left)
	}
	holds(t, h, dir, chat)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestCancelled(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, dir, chat))
	why := errors.New("nobody wants it any more")
	ctx, cancel := context.WithCancelCause(t.Context())
	o := &opener{files: []file{chat, embed}}
	err := bundle.Create(ctx, h.Files, dir, models(chat, embed), o.open, func(done, _ int64) {
		if done > 0 {
			cancel(why)
		}
	})
	if !errors.Is(err, why) {
		t.Error(err)
	}
	if err := opened(t, h, dir).Verify(ctx, nil); !errors.Is(err, why) {
		t.Error(err)
	}
	holds(t, h, dir, chat)
	check(t, create(t, h, dir, chat, embed))
	holds(t, h, dir, chat, embed)
}

// Every bit of every file of a bundle matters to Verify, which names what is wrong.
func TestVerifyFindsDamage(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, dir, chat, embed))
	b := opened(t, h, dir)
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	check(t, err)
	if len(blobs) != 4 { // two models, the manifest and its configuration
		t.Fatalf("it has the blobs %v", blobs)
	}
	for _, name := range blobs {
		good, err := os.ReadFile(name)
		check(t, err)
		bad := append([]byte{}, good...)
		bad[len(bad)/2] ^= 0x10
		for _, content := range [][]byte{bad, good[:len(good)-1], append(bad, 0)} {
			check(t, os.WriteFile(name, content, 0o644))
			failsWith(t, b.Verify(t.Context(), nil), filepath.Base(name), "is damaged")
		}
		check(t, os.Remove(name))
		failsWith(t, b.Verify(t.Context(), nil), "is missing", filepath.Base(name))
		check(t, os.WriteFile(name, good, 0o644))
	}
	check(t, os.Truncate(blobFile(dir, chat.Model), 5))
	check(t, os.Truncate(blobFile(dir, embed.Model), 5))
	failsWith(t, b.Verify(t.Context(), nil), "chat (chat.gguf) is damaged", "embed (embed.gguf) is damaged")
}

func TestSourceParts(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, dir, chat))
	b := opened(t, h, dir)
	s, _ := b.Source(chat.SHA256)
	for _, part := range []struct{ off, length, first, last int64 }{
		{0, -1, 0, chat.Size}, {5, 10, 5, 15}, {chat.Size - 3, 10, chat.Size - 3, chat.Size}, {chat.Size, -1, chat.Size, chat.Size},
	} {
		body, got := get(t, s, part.off, part.length, "")
		if string(got) != string(chat.content[part.first:part.last]) || body.Offset != part.off || body.Size != chat.Size || !body.Ranges || body.Version == "" {
			t.Errorf("from %d, %d bytes: %+v with %d", part.off, part.length, body, len(got))
		}
	}
	if body, got := get(t, s, 100, 10, "another"); body.Offset != 0 || len(got) != len(chat.content) {
		t.Errorf("of another version it sends %d bytes from %d on", len(got), body.Offset)
	}
	if _, ok := b.Source(embed.SHA256); ok {
		t.Error("it has what was never put into it")
	}
	body, err := s.Open(t.Context(), 0, -1, "")
	check(t, err)
	check(t, os.Truncate(blobFile(dir, chat.Model), 10))
	if _, err := io.ReadAll(body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("of a file that is cut off while it is read: %v", err)
	}
	check(t, body.Close())
	refused(t, s, "has 10 bytes, not 3145728")
	check(t, os.Remove(blobFile(dir, chat.Model)))
	refused(t, s, "has lost its file of chat (chat.gguf)")
}

func refused(t *testing.T, s fetch.Source, says string) {
	t.Helper()
	_, err := s.Open(t.Context(), 0, -1, "")
	if _, ok := errors.AsType[*fetch.RefusedError](err); !ok {
		t.Fatalf("not refused: %v", err)
	}
	failsWith(t, err, says)
}

func TestWhatIsNoBundle(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	fails := func(says string) {
		t.Helper()
		_, err := bundle.Open(h.Files.Tree, dir)
		failsWith(t, err, says)
	}
	fails("there is no bundle in " + dir)
	check(t, os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"2.0.0"}`), 0o644))
	fails("no OCI image layout of version 1.0.0")
	check(t, os.Remove(filepath.Join(dir, "oci-layout")))
	check(t, create(t, h, dir, chat))
	index := filepath.Join(dir, "index.json")
	good, err := os.ReadFile(index)
	check(t, err)
	for content, says := range map[string]string{
		`{`: "it is damaged: remove it",
		`{"manifests":[{"mediaType":"` + ocispec.MediaTypeImageManifest + `","digest":"sha256:../../x"}]}`: "no sha256",
		strings.Repeat(" ", 5<<20): "larger than 4 MiB",
	} {
		check(t, os.WriteFile(index, []byte(content), 0o644))
		fails(says)
	}
	check(t, os.WriteFile(index, good, 0o644))
	var parsed ocispec.Index
	check(t, json.Unmarshal(good, &parsed))
	name := filepath.Join(dir, "blobs", "sha256", parsed.Manifests[0].Digest.Encoded())
	check(t, os.WriteFile(name, []byte("{}"), 0o644))
	fails("is damaged: make the bundle again")
	check(t, create(t, h, dir, chat))
	holds(t, h, dir, chat)
	check(t, os.Remove(name))
	fails("the bundle is not complete")
}
