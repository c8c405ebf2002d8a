package gguf_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

func TestSniff(t *testing.T) {
	lfs := "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
	html := `is an HTML page`
	for _, c := range []struct{ prefix, what string }{
		{"<!DOCTYPE html>\n<html><head>\n<title>\n  Sign in &amp; go \n</title>", `is an HTML page titled "Sign in & go"`},
		{"\ufeff \r\n<HTML><HEAD><TITLE lang=en>Proxy \x1b[31m</TITLE>", `is an HTML page titled "Proxy \x1b[31m"`},
		{"<!do", html},
		{"<!doctype HTML PUBLIC", html},
		{"<htm", html},
		{"<!-- cached --><html><title>cut of", html},
		{"<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\"><html xmlns=\"x\"><title>T</title>", `is an HTML page titled "T"`},
		{lfs, "is a Git LFS pointer, not what it points to"},
		{lfs[:4], "is a Git LFS pointer, not what it points to"},
		{lfs[:30], "is a Git LFS pointer, not what it points to"},
		{"version 2 of the readme", `is text that begins "version 2 of the readme"`},
		{`{"error": {"code": 401, "message": "Invalid \u001b token\n", "type": null}}`, `is a JSON document that says "Invalid \x1b token\n"`},
		{`{"error":"Repository not found"}`, `is a JSON document that says "Repository not found"`},
		{`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"x"}]}`, `is a JSON document that says "manifest unknown"`},
		{`{"detail":"Not found","status":404`, `is a JSON document that says "Not found"`},
		{`[{"x":[1,2,{"Message":"deep"}]}]`, `is a JSON document that says "deep"`},
		{`{"message": "cut o`, `is a JSON document that begins "{\"message\": \"cut o"`},
		{`{"a": 1}`, `is a JSON document that begins "{\"a\": 1}"`},
		{`{}  `, `is a JSON document that begins "{}"`},
		{`[1,2`, `is a JSON document that begins "[1,2"`},
		{`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access &lt;Denied&gt;</Message></Error>`, `is an XML document that says "AccessDenied: Access <Denied>"`},
		{`<?xm`, `is an XML document`},
		{`<Err`, `is an XML document`},
		{"\n\n\n<", `is an XML document`},
		{"   v", `is text that begins "v"`},
		{"\x1f\x8b\x08\x00", "is a gzip archive"},
		{"PK\x03\x04\x14\x00", "is a zip archive"},
		{"PK\x03\x04\x00\x00\x08\x08\x00\x00archive/data.pklFB", "is a PyTorch file (a zip archive with a pickle)"},
		{"\x80\x02\x8a\nl\xfc\x9cF\xf9", "is a PyTorch file (a pickle)"},
		{"\x28\xb5\x2f\xfd\x04", "is a zstd archive"},
		{"\xfd7zXZ\x00", "is an xz archive"},
		{"7z\xbc\xaf\x27\x1c", "is a 7z archive"},
		{"\x10\x02\x00\x00\x00\x00\x00\x00{\"__metadata__\"", "is a safetensors file"},
		{"tjgg\x03\x00\x00\x00", "is a GGML file from before GGUF"},
		{"lmgg", "is a GGML file from before GGUF"},
		{"FUGG\x00\x00\x00\x03", "is a GGUF file for big endian machines"},
		{"\x00\x00\x00\x00", "begins with zeros"},
		{"Entry not found", `is text that begins "Entry not found"`},
		{"Zugang für Gäste gesperrt\nbitte anmelden", `is text that begins "Zugang für Gäste gesperrt"`},
		{"GGUX", `is text that begins "GGUX"`},
		{"ab\x01\x02", `does not begin with GGUF, but with "ab\x01\x02"`},
		{"    ", `does not begin with GGUF, but with "    "`},
		{"{\x00\x01\x02", `does not begin with GGUF, but with "{\x00\x01\x02"`},
		{"\xff\xfe\xfd\xfc", `does not begin with GGUF, but with "\xff\xfe\xfd\xfc"`},
	} {
		err := gguf.Sniff([]byte(c.prefix))
		var e *gguf.ImpostorError
		if !errors.As(err, &e) || e.What != c.what || e.Hint == "" || e.Error() != "the file "+e.What+": "+e.Hint {
			t.Errorf("%q:\ngot  %v\nwant %s", c.prefix, err, c.what)
		}
	}
}

func TestSniffSaysNothingOfGGUFAndOfLittle(t *testing.T) {
	for _, prefix := range []string{"", "<", "<!D", "GGU", "abc", "GGUF", "GGUF\x03\x00\x00\x00", "GGUF<html>"} {
		if err := gguf.Sniff([]byte(prefix)); err != nil {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

func TestSniffSaysWhatToDo(t *testing.T) {
	err := gguf.Sniff([]byte("version https://git-lfs.github.com/spec/v1\n"))
	if err == nil || !strings.Contains(err.Error(), "/resolve/") {
		t.Errorf("got %v", err)
	}
	err = gguf.Sniff([]byte("<html>"))
	if err == nil || !strings.Contains(err.Error(), "a login or proxy page?") {
		t.Errorf("got %v", err)
	}
}

// What a stranger wrote is never shown at length, and never as it is.
func FuzzSniff(f *testing.F) {
	long := strings.Repeat("long \x1b]0;x\a\u202e ", 500)
	for _, s := range []string{`{"message":"` + strings.Repeat("x\\u0007", 400) + `"}`, "<title>" + long + "</title><html>", "<Error><Code>" + long + "</Code>",
		"GGUF", strings.Repeat("[", 5000), "text " + strings.Repeat("ä", 1000), "\x01\x00\x00\x00\x00\x00\x00\x00{}", "version https://git-lfs"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := gguf.Sniff(b)
		if open := len(b) < 4 || string(b[:4]) == "GGUF"; open != (err == nil) {
			t.Fatalf("%q: %v", b, err)
		}
		if err == nil {
			return
		}
		text := err.Error()
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q is shown as it is: %q", b, text)
		}
		if n := utf8.RuneCountInString(text); n > 200+200 {
			t.Fatalf("%q is shown with %d characters: %q", b, n, text)
		}
	})
}
