package plans

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// chunkSize is about how much of a plan is parsed at once. The parser's memory grows with what it
// is handed, so pieces are faster than the whole even one after the other.
const chunkSize = 32 << 10

// parsers bounds how many pieces are parsed at once, and with it the memory that takes.
const parsers = 8

// parsePlan parses HCL, a long file in pieces. Pieces end where a line is nothing but "}". Where
// that is within something else, a heredoc or an object, the piece before it lacks its end and does
// not parse; then, as for any mistake, the file is parsed as one. If all pieces parse, they are
// the file.
func parsePlan(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	starts := cuts(src)
	if len(starts) < 2 {
		return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	files, ok := parsePieces(src, name, starts)
	if !ok {
		return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	return join(src, files), nil
}

// cuts lists where the pieces of src start.
func cuts(src []byte) []hcl.Pos {
	starts := []hcl.Pos{hcl.InitialPos}
	for at := hcl.InitialPos; len(src)-at.Byte > 2*chunkSize; {
		rest := src[at.Byte+chunkSize:]
		i := bytes.Index(rest, []byte("\n}\n"))
		if i < 0 {
			break
		}
		end := at.Byte + chunkSize + i + len("\n}\n")
		at = hcl.Pos{Line: at.Line + bytes.Count(src[at.Byte:end], []byte("\n")), Column: 1, Byte: end}
		starts = append(starts, at)
	}
	return starts
}

// parsePieces parses the pieces side by side.
func parsePieces(src []byte, name string, starts []hcl.Pos) ([]*hcl.File, bool) {
	files := make([]*hcl.File, len(starts))
	var (
		next   atomic.Int64
		failed atomic.Bool
		wg     sync.WaitGroup
	)
	for range min(parsers, len(starts)) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(starts) {
					return
				}
				end := len(src)
				if i+1 < len(starts) {
					end = starts[i+1].Byte
				}
				f, diags := hclsyntax.ParseConfig(src[starts[i].Byte:end], name, starts[i])
				if len(diags) > 0 {
					failed.Store(true)
				}
				files[i] = f
			}
		})
	}
	wg.Wait()
	return files, !failed.Load()
}

// join makes one file of pieces that follow each other. An attribute outside of all blocks is a
// mistake of every plan, so the first of a name is enough.
func join(src []byte, files []*hcl.File) *hcl.File {
	first := files[0].Body.(*hclsyntax.Body)
	last := files[len(files)-1].Body.(*hclsyntax.Body)
	body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, EndRange: last.EndRange}
	body.SrcRange = hcl.RangeBetween(first.SrcRange, last.SrcRange)
	for _, f := range files {
		b := f.Body.(*hclsyntax.Body)
		for name, a := range b.Attributes {
			if body.Attributes[name] == nil {
				body.Attributes[name] = a
			}
		}
		body.Blocks = append(body.Blocks, b.Blocks...)
	}
	return &hcl.File{Body: body, Bytes: src, Nav: pieces(files)}
}

// pieces tells the writer of diagnostics which block a place is in, as hclsyntax does for a whole
// file.
type pieces []*hcl.File

// ContextString names the block that holds the byte at offset.
func (ps pieces) ContextString(offset int) string {
	for _, f := range ps {
		nav, ok := f.Nav.(interface{ ContextString(int) string })
		if !ok || !f.Body.(*hclsyntax.Body).SrcRange.ContainsPos(hcl.Pos{Byte: offset}) {
			continue
		}
		if s := nav.ContextString(offset); s != "" {
			return s
		}
	}
	return ""
}
