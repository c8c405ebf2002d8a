package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/human"
	"github.com/agent0-converge/agent0-converge/plans/lockfile"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/source"
)

// lockBar tells how far the reading of one file is.
type lockBar struct {
	tell  func(engine.Progress)
	now   func() time.Time
	at    engine.Progress
	began time.Time
	last  time.Time
}

// tellEvery is how often a bar moves.
const tellEvery = 250 * time.Millisecond

func (l *locker) bar(t target, p part) *lockBar {
	name := t.name
	if len(t.parts) > 1 {
		name = p.file
	}
	b := &lockBar{tell: l.tell, now: l.now, at: engine.Progress{Addr: engine.Addr(name), From: source.Host(p.url)}}
	b.began = b.now()
	b.last = b.began
	return b
}

// watch is s, a file of size bytes (-1: unknown), whose bytes it tells of.
func (b *lockBar) watch(s *fetch.Whole, size int64) io.Reader {
	b.at.Total = size
	return watched{s, b}
}

type watched struct {
	*fetch.Whole
	bar *lockBar
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.Whole.Read(p)
	b := w.bar
	if err == io.EOF {
		b.at.Total = w.Offset()
	}
	if now := b.now(); now.Sub(b.last) >= tellEvery {
		b.last = now
		b.at.Done, b.at.Note = w.Offset(), ""
		b.at.Rate = float64(w.Offset()) / now.Sub(b.began).Seconds()
		b.tell(b.at)
	}
	return n, err
}

// waits says why the bar stands still.
func (b *lockBar) waits(why error, wait time.Duration) {
	b.at.Note = fmt.Sprintf("%s; again in %s", why, human.About(wait))
	b.tell(b.at)
}

func (b *lockBar) ended(err error) {
	b.at.Ended, b.at.Note = true, ""
	if err != nil {
		b.at.Error = err.Error()
	} else {
		b.at.Done = max(b.at.Done, b.at.Total)
	}
	b.tell(b.at)
}

// jsonLocked is a model as models lock left it.
type jsonLocked struct {
	Name   string     `json:"name"`
	Status lockStatus `json:"status"`
	File   string     `json:"file,omitempty"`
	jsonBlob
	Was    string            `json:"was,omitempty"`
	Shards []jsonLockedShard `json:"shards,omitempty"`
	// What its header says, where it was read.
	Architecture  string `json:"architecture,omitempty"`
	Quantisation  string `json:"quantisation,omitempty"`
	ContextLength uint64 `json:"context_length,omitempty"`
}

type jsonBlob struct {
	URL     string   `json:"url"`
	Mirrors []string `json:"mirrors,omitempty"`
	SHA256  string   `json:"sha256"`
	Size    int64    `json:"size"`
}

type jsonLockedShard struct {
	Name string `json:"name"`
	jsonBlob
}

func lockedJSON(file string, done []locked) any {
	models := make([]jsonLocked, 0, len(done))
	for _, d := range done {
		j := jsonLocked{Name: d.Name, Status: d.Status, File: d.File, jsonBlob: jsonBlob(d.Blob), Was: d.was}
		for _, s := range d.Shards {
			j.Shards = append(j.Shards, jsonLockedShard{s.Name, jsonBlob(s.Blob)})
		}
		if h := d.header; h != nil {
			j.Architecture, j.Quantisation, j.ContextLength = h.Architecture, h.FileType, h.ContextLength
		}
		models = append(models, j)
	}
	return map[string]any{"format_version": "1.0", "lock_file": file, "models": models}
}

// showLocked says what was locked, and how a plan takes it.
func (a *app) showLocked(file string, whole *lockfile.Lock, done []locked) {
	if len(done) == 0 {
		fmt.Fprintf(a.stdout, "%s has no models.\n", visible(file))
		return
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, d := range done {
		line := []string{string(d.Status), d.Name, human.Bytes(d.Bytes()), d.SHA256, visible(strings.Join(notes(d), ", "))}
		fmt.Fprintln(w, strings.Join(nonEmpty(line...), "\t"))
	}
	w.Flush() // to the output, which remembers that it failed
	split := slices.ContainsFunc(whole.Models, func(m lockfile.Model) bool { return len(m.Shards) > 0 })
	fmt.Fprintf(a.stdout, "\nIn %s; a plan beside it takes what is there with\n\n%s", visible(file), usage(file, split))
}

// notes are what else there is to say of a model.
func notes(d locked) []string {
	var out []string
	if h := d.header; h != nil {
		out = append(out, strings.TrimSpace(h.Architecture+" "+h.FileType))
		if h.ContextLength > 0 {
			out = append(out, fmt.Sprintf("context %d", h.ContextLength))
		}
	}
	if n := len(d.Shards); n > 0 {
		out = append(out, fmt.Sprintf("%d files", n+1))
	}
	if n := len(d.Mirrors); n > 0 {
		out = append(out, fmt.Sprintf("%d places", n+1))
	}
	if d.was != "" {
		out = append(out, "was "+d.was)
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// usage is a plan that takes what a lock file says.
func usage(file string, split bool) string {
	text := `  model "locked" {
    for_each = hcldecode(file("` + visible(filepath.Base(file)) + `"))
    path     = "/var/lib/models/${try(each.value.file, "${each.key}.gguf")}"
    sources  = concat([each.value.url], try(each.value.mirrors, []))
    sha256   = each.value.sha256
    size     = each.value.size
`
	if split {
		text += `
    dynamic "shard" {
      for_each = try(each.value.shards, [])
      labels   = [shard.value.name]
      content {
        sources = concat([shard.value.url], try(shard.value.mirrors, []))
        sha256  = shard.value.sha256
        size    = shard.value.size
      }
    }
`
	}
	return text + "  }\n"
}
