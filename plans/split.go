package plans

import (
	"bufio"
	"bytes"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// chunkSize is about how much of a plan is parsed at once. What the parser makes of a text takes
// many times its memory, so pieces are faster than the whole even one after the other.
const chunkSize = 32 << 10

// maxParsers bounds how many pieces are parsed at once, and with it the memory that takes.
const maxParsers = 8

// parsePlan parses HCL, a long file in pieces. Pieces end where a line is nothing but "}". Where
// that is within something else, a heredoc or an object, the piece before it lacks its end and does
// not parse; then, as for any mistake, the file is parsed as one. If all pieces parse, they are
// the file.
func parsePlan(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if len(src) > 2*chunkSize {
		if ps, ok := parsePieces(bytes.NewReader(src), name, parsePiece); ok {
			return &hcl.File{Body: join(ps), Bytes: src, Nav: pieces(ps)}, nil
		}
	}
	return parseText(src, name, hcl.InitialPos)
}

// parseText parses HCL that starts at a place in its file.
func parseText(src []byte, name string, at hcl.Pos) (*hcl.File, hcl.Diagnostics) {
	if diags := refused(src, name, at); diags.HasErrors() {
		return &hcl.File{Body: hcl.EmptyBody(), Bytes: src}, diags
	}
	return hclsyntax.ParseConfig(src, name, at)
}

// piece is a part of a file.
type piece struct {
	*hcl.File
	body *hclsyntax.Body
	// settled are the resources that were taken out of body.
	settled []*resource
}

// cutter reads a file in pieces.
type cutter struct {
	src *bufio.Reader
	at  hcl.Pos // where the next piece starts
}

// next returns the next piece and where it starts; it is empty at the end.
func (c *cutter) next() ([]byte, hcl.Pos, error) {
	start := c.at
	src := make([]byte, chunkSize, chunkSize+chunkSize/4)
	n, err := io.ReadFull(c.src, src)
	for src = src[:n]; err == nil && !bytes.HasSuffix(src, []byte("\n}\n")); {
		var more []byte
		if more, err = c.src.ReadSlice('\n'); err == bufio.ErrBufferFull {
			err = nil
		}
		src = append(src, more...)
	}
	c.at = hcl.Pos{Line: start.Line + bytes.Count(src, []byte("\n")), Column: 1, Byte: start.Byte + len(src)}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return src, start, err
}

// parsePiece parses the text of a piece that starts at a place in the file name.
func parsePiece(p *piece, text []byte, name string, at hcl.Pos) (ok bool) {
	f, diags := parseText(text, name, at)
	if len(diags) > 0 {
		return false
	}
	p.File, p.body = f, f.Body.(*hclsyntax.Body)
	return true
}

// parsePieces parses the pieces of a file side by side. Without ok they are not the file.
func parsePieces(src io.Reader, name string, parse func(*piece, []byte, string, hcl.Pos) bool) (ps []*piece, ok bool) {
	var (
		c      = cutter{src: bufio.NewReaderSize(src, chunkSize), at: hcl.InitialPos}
		mu     sync.Mutex
		failed atomic.Bool
		wg     sync.WaitGroup
	)
	next := func() (*piece, []byte, hcl.Pos) {
		mu.Lock()
		defer mu.Unlock()
		text, at, err := c.next()
		if err != nil {
			failed.Store(true)
		}
		if len(text) == 0 || err != nil {
			return nil, nil, at
		}
		p := &piece{}
		ps = append(ps, p)
		return p, text, at
	}
	for range min(maxParsers, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for p, text, at := next(); p != nil && !failed.Load(); p, text, at = next() {
				if !parse(p, text, name, at) {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return ps, !failed.Load() && len(ps) > 0
}

// join makes one body of pieces that follow each other. An attribute outside of all blocks is a
// mistake of every plan, so the first of a name is enough.
func join(ps []*piece) *hclsyntax.Body {
	last := ps[len(ps)-1].body
	body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, EndRange: last.EndRange}
	body.SrcRange = hcl.RangeBetween(ps[0].body.SrcRange, last.SrcRange)
	for _, p := range ps {
		for name, a := range p.body.Attributes {
			if body.Attributes[name] == nil {
				body.Attributes[name] = a
			}
		}
		body.Blocks = append(body.Blocks, p.body.Blocks...)
	}
	return body
}

// pieces tells the writer of diagnostics which block a place is in, as hclsyntax does for a whole
// file.
type pieces []*piece

// ContextString names the block that holds the byte at offset.
func (ps pieces) ContextString(offset int) string {
	for _, p := range ps {
		nav, ok := p.Nav.(interface{ ContextString(int) string })
		if !ok || !p.body.SrcRange.ContainsPos(hcl.Pos{Byte: offset}) {
			continue
		}
		if s := nav.ContextString(offset); s != "" {
			return s
		}
	}
	return ""
}
