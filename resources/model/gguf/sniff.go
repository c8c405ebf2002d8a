package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sniffLength is how much of a file Read gives to Sniff, and all that Sniff looks at.
const sniffLength = 4096

// ImpostorError is a file that is no GGUF file.
type ImpostorError struct {
	// What the file is or does, such as `is an HTML page titled "Sign in"`.
	What string
	// Hint says how that may have come, and what to do; may be "".
	Hint string
}

func (e *ImpostorError) Error() string {
	if e.Hint == "" {
		return "the file " + e.What
	}
	return "the file " + e.What + ": " + e.Hint
}

// Sniff tells by the first bytes of a file what it is, if it is no GGUF file: an *ImpostorError, or nil for GGUF and where
// fewer than 4 bytes leave it open. The more of them, the more it has to tell; 4096 are looked at.
func Sniff(prefix []byte) error {
	if len(prefix) < 4 || bytes.HasPrefix(prefix, []byte("GGUF")) {
		return nil
	}
	prefix = prefix[:min(len(prefix), sniffLength)]
	for _, known := range []func([]byte) *ImpostorError{sniffMagic, sniffSafetensors, sniffText} {
		if e := known(prefix); e != nil {
			return e
		}
	}
	return &ImpostorError{What: fmt.Sprintf("does not begin with GGUF, but with %q", prefix[:4]),
		Hint: "it is another format, or damaged"}
}

// magics are the first bytes of what stands where a model should.
var magics = []struct{ begin, what, hint string }{
	{"FUGG", "is a GGUF file for big endian machines", "get the little endian one"},
	{"lmgg", "is a GGML file from before GGUF", "get the model as GGUF"},
	{"fmgg", "is a GGML file from before GGUF", "get the model as GGUF"},
	{"tjgg", "is a GGML file from before GGUF", "get the model as GGUF"},
	{"\x1f\x8b", "is a gzip archive", "unpack it, and give the GGUF file in it"},
	{"\x28\xb5\x2f\xfd", "is a zstd archive", "unpack it, and give the GGUF file in it"},
	{"\xfd7zX", "is an xz archive", "unpack it, and give the GGUF file in it"},
	{"7z\xbc\xaf", "is a 7z archive", "unpack it, and give the GGUF file in it"},
	{"\x80\x02", "is a PyTorch file (a pickle)", "get the model as GGUF: a pickle can run programs"},
	{"\x00\x00\x00\x00", "begins with zeros", "it was never written, or its download never finished"},
}

func sniffMagic(b []byte) *ImpostorError {
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		// torch.save writes a zip whose first member is <name>/data.pkl.
		if bytes.Contains(b, []byte("data.pkl")) {
			return &ImpostorError{What: "is a PyTorch file (a zip archive with a pickle)", Hint: "get the model as GGUF: a pickle can run programs"}
		}
		return &ImpostorError{What: "is a zip archive", Hint: "unpack it, and give the GGUF file in it"}
	}
	for _, m := range magics {
		if bytes.HasPrefix(b, []byte(m.begin)) {
			return &ImpostorError{What: m.what, Hint: m.hint}
		}
	}
	return nil
}

// sniffSafetensors knows the length of a JSON object (at most 100 MB, as its library says) and the object's begin.
func sniffSafetensors(b []byte) *ImpostorError {
	if len(b) < 9 || b[8] != '{' || binary.LittleEndian.Uint64(b) > 100_000_000 {
		return nil
	}
	return &ImpostorError{What: "is a safetensors file", Hint: "get the model as GGUF, or convert it with llama.cpp's convert_hf_to_gguf.py"}
}

// lfsPointer is how a Git LFS pointer begins (github.com/git-lfs/git-lfs, docs/spec.md).
const lfsPointer = "version https://git-lfs"

func sniffText(b []byte) *ImpostorError {
	text := strings.TrimLeftFunc(strings.TrimPrefix(string(b), "\ufeff"), unicode.IsSpace)
	switch {
	case text == "":
		return nil
	case begins(text, lfsPointer):
		return &ImpostorError{What: "is a Git LFS pointer, not what it points to",
			Hint: "use the address that downloads the file: with /resolve/ in it instead of /raw/ or /blob/, or git lfs pull"}
	case text[0] == '<':
		return sniffMarkup(text)
	case (text[0] == '{' || text[0] == '[') && isText(text):
		return sniffJSON(text)
	case isText(text):
		line, _, _ := strings.Cut(text, "\n")
		return &ImpostorError{What: "is text that begins " + visible(line), Hint: "a message of the server instead of the file?"}
	}
	return nil
}

// begins says whether text, of which maybe only the begin is there, begins as mark does. Four characters must agree.
func begins(text, mark string) bool {
	n := min(len(text), len(mark))
	return n >= 4 && strings.EqualFold(text[:n], mark[:n])
}

var (
	htmlTag   = regexp.MustCompile(`(?i)<(?:html|head|body|title|meta|script)[\s>]`)
	htmlTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`)
	xmlText   = regexp.MustCompile(`(?is)<(?:message|code|title|reason)>(.*?)</`)
)

func sniffMarkup(text string) *ImpostorError {
	if begins(text, "<!doctype html") || begins(text, "<html") || htmlTag.MatchString(text) {
		e := &ImpostorError{What: "is an HTML page", Hint: "a login or proxy page? Ask for the address with curl -L and see"}
		if m := htmlTitle.FindStringSubmatch(text); m != nil {
			e.What += " titled " + visible(oneLine(html.UnescapeString(m[1])))
		}
		return e
	}
	e := &ImpostorError{What: "is an XML document", Hint: "an error of the server instead of the file?"}
	var says []string
	for _, m := range xmlText.FindAllStringSubmatch(text, 2) {
		says = append(says, oneLine(html.UnescapeString(m[1])))
	}
	if says != nil {
		e.What += " that says " + visible(strings.Join(says, ": "))
	}
	return e
}

// isText says whether all of text is printable. Its last character may be cut.
func isText(text string) bool {
	for i, r := range text {
		if r == utf8.RuneError && len(text)-i >= utf8.UTFMax {
			return false
		}
		if r != utf8.RuneError && !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
	}
	return true
}
