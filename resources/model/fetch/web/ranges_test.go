package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

func TestEveryRangeIsAskedForAndChecked(t *testing.T) {
	var seen http.Header
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { seen = r.Header.Clone(); content(w, r, `"v1"`) })
	src := source(t, client(t, web.Options{}), s.URL+"/chat.gguf")
	size := int64(len(file))
	for _, c := range []struct {
		off, length   int64
		same          string
		wantRange, ir string
	}{
		{0, -1, "", "", ""},
		{0, -1, `"v1"`, "", ""},
		{0, 1000, "", "bytes=0-999", ""},
		{0, size, `"v1"`, fmt.Sprintf("bytes=0-%d", size-1), `"v1"`},
		{1 << 20, 1 << 20, `"v1"`, "bytes=1048576-2097151", `"v1"`},
		{1 << 20, -1, "", "bytes=1048576-", ""},
		{size - 1, 1, `W/"v1"`, fmt.Sprintf("bytes=%d-%d", size-1, size-1), ""},
		{size - 5, 1000, "", fmt.Sprintf("bytes=%d-%d", size-5, size+994), ""},
		{size - 5, 1<<63 - 1, "", fmt.Sprintf("bytes=%d-", size-5), ""},
	} {
		got, b, err := read(src, c.off, c.length, c.same)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		end := size
		if c.length >= 0 {
			end = c.off + min(c.length, size-c.off)
		}
		if !bytes.Equal(got, file[c.off:end]) || b.Offset != c.off || b.Size != size || b.Version != `"v1"` || !b.Ranges {
			t.Errorf("%+v: got %d bytes, offset %d, size %d, version %s, ranges %t", c, len(got), b.Offset, b.Size, b.Version, b.Ranges)
		}
		if seen.Get("Range") != c.wantRange || seen.Get("If-Range") != c.ir {
			t.Errorf("%+v: asked with Range %q, If-Range %q", c, seen.Get("Range"), seen.Get("If-Range"))
		}
		if seen.Get("Accept-Encoding") != "identity" || seen.Get("User-Agent") != "agent0-converge" {
			t.Errorf("%+v: asked with %v", c, seen)
		}
	}
}

func TestAsksForNothingThatIsNoRange(t *testing.T) {
	src := source(t, client(t, web.Options{}), "http://127.0.0.1:1/chat.gguf")
	for _, c := range [][2]int64{{-1, 5}, {0, 0}, {0, -2}} {
		if _, _, err := read(src, c[0], c[1], ""); err == nil || !strings.Contains(err.Error(), "cannot ask") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestAnotherVersionComesFromTheBeginning(t *testing.T) {
	deaf := func(w http.ResponseWriter, r *http.Request) { r.Header.Del("If-Range"); content(w, r, `"v2"`) }
	for name, h := range map[string]http.HandlerFunc{
		"by If-Range":                 func(w http.ResponseWriter, r *http.Request) { content(w, r, `"v2"`) },
		"though If-Range is not read": deaf,
	} {
		src := source(t, client(t, web.Options{}), serve(t, h).URL)
		got, b, err := read(src, 1<<20, 1<<20, `"v1"`)
		if err != nil || b.Offset != 0 || b.Version != `"v2"` || !b.Ranges || !bytes.Equal(got, file) {
			t.Errorf("%s: %v, %d bytes, %+v", name, err, len(got), b)
		}
	}
	// One that has only a weak tag now cannot be told from another version.
	src := source(t, client(t, web.Options{}), serve(t, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-Range")
		content(w, r, `W/"v1"`)
	}).URL)
	if got, b, err := read(src, 1<<20, 1<<20, `"v1"`); err != nil || b.Offset != 0 || b.Version != "" || !bytes.Equal(got, file) {
		t.Errorf("weak now: %v, %d bytes, %+v", err, len(got), b)
	}
}

// A part in answer to If-Range may leave the tag out.
func TestAPartWithoutATagIsOfTheVersionAskedFor(t *testing.T) {
	url := answer(t, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/100\r\nContent-Length: 5\r\n\r\nfghij")
	got, b, err := read(source(t, client(t, web.Options{}), url), 5, 5, `"v1"`)
	if err != nil || string(got) != "fghij" || b.Version != `"v1"` || b.Offset != 5 {
		t.Errorf("%q, %+v, %v", got, b, err)
	}
}

func TestOnlyAStrongTagIsAVersion(t *testing.T) {
	for tag, want := range map[string]string{
		`"a"`: `"a"`, `""`: `""`, `W/"a"`: "", `a`: "", `"a`: "", `"`: "", `"a b"`: "", ``: "",
	} {
		url := answer(t, "HTTP/1.1 200 OK\r\nETag: "+tag+"\r\nLast-Modified: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 1\r\n\r\nx")
		_, b, err := read(source(t, client(t, web.Options{}), url), 0, -1, "")
		if err != nil || b.Version != want {
			t.Errorf("%s: %v, %+v", tag, err, b)
		}
	}
}

func TestServersWithoutRanges(t *testing.T) {
	for _, c := range []struct {
		name, head string
		off        int64
		same       string
		ranges     bool
		size       int64
	}{
		{"says nothing", "Content-Length: 3", 0, "", false, 3},
		{"says none", "Content-Length: 3\r\nAccept-Ranges: none", 0, "", false, 3},
		{"offers them", "Content-Length: 3\r\nAccept-Ranges: bytes", 0, "", true, 3},
		{"offers them without a length", "Accept-Ranges: bytes", 0, "", false, -1},
		{"offers them and does not keep it", "Content-Length: 3\r\nAccept-Ranges: bytes", 1, "", false, 3},
		{"does not keep it with the same version", "Content-Length: 3\r\nAccept-Ranges: bytes\r\nETag: \"a\"", 1, `"a"`, false, 3},
		{"sends another version", "Content-Length: 3\r\nAccept-Ranges: bytes\r\nETag: \"b\"", 1, `"a"`, true, 3},
	} {
		url := answer(t, "HTTP/1.1 200 OK\r\n"+c.head+"\r\nConnection: close\r\n\r\nabc")
		got, b, err := read(source(t, client(t, web.Options{}), url), c.off, -1, c.same)
		if err != nil || string(got) != "abc" || b.Offset != 0 || b.Ranges != c.ranges || b.Size != c.size {
			t.Errorf("%s: %q, %+v, %v", c.name, got, b, err)
		}
	}
}

func TestAWrongContentRangeIsNamed(t *testing.T) {
	for _, field := range []string{
		"", "bytes", "bytes 4-8/100", "bytes 0-4/100", "bytes 6-10/100", "lines 5-9/100", "bytes 5-9", "bytes 5/100",
		"bytes 9-5/100", "bytes 5-9/9", "bytes 5-9/x", "bytes -5-9/100", "bytes 5-+9/100", "bytes */100", "bytes 5-8/100",
		"bytes 5-99999999999999999999/*",
	} {
		url := answer(t, "HTTP/1.1 206 Partial Content\r\nContent-Range: "+field+"\r\nContent-Length: 5\r\n\r\nfghij")
		_, _, err := read(source(t, client(t, web.Options{}), url), 5, 5, "")
		refused(t, err, "Content-Range", strconv.Quote(field))
	}
}

func TestAPartOfAFileOfUnknownSize(t *testing.T) {
	url := answer(t, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/*\r\nContent-Length: 5\r\n\r\nfghij")
	got, b, err := read(source(t, client(t, web.Options{}), url), 5, -1, "")
	if err != nil || string(got) != "fghij" || b.Size != -1 || b.Offset != 5 {
		t.Errorf("%q, %+v, %v", got, b, err)
	}
}

func TestWhatIsNotTheFileItself(t *testing.T) {
	for name, c := range map[string]struct{ head, word string }{
		"multipart": {"206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=x", "multipart/byteranges"},
		"gzip":      {"200 OK\r\nContent-Encoding: gzip", `"gzip"`},
		"gzip part": {"206 Partial Content\r\nContent-Range: bytes 5-9/100\r\nContent-Encoding: gzip", `"gzip"`},
	} {
		url := answer(t, "HTTP/1.1 "+c.head+"\r\nContent-Length: 5\r\n\r\nfghij")
		_, _, err := read(source(t, client(t, web.Options{}), url), 5, 5, "")
		if refused(t, err, c.word); t.Failed() {
			t.Fatal(name)
		}
	}
	got, err := get(t, answer(t, "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nabcde"))
	if err != nil || string(got) != "abcde" {
		t.Errorf("identity: %q, %v", got, err)
	}
}

func TestAnAnswerThatBreaksOffIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		head        string
		off, length int64
		want        string
	}{
		"whole":                    {"200 OK\r\nContent-Length: 10", 0, -1, "fghij"},
		"chunks":                   {"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfghij\r\n", 0, -1, "fghij"},
		"part":                     {"206 Partial Content\r\nContent-Range: bytes 5-14/100\r\nContent-Length: 10", 5, 10, "fghij"},
		"part without a length":    {"206 Partial Content\r\nContent-Range: bytes 5-14/100", 5, 10, "fghij"},
		"part, chunks, proper end": {"206 Partial Content\r\nContent-Range: bytes 5-14/100\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfghij\r\n0\r\n\r\n", 5, 10, "fghij"},
		"less than asked for":      {"206 Partial Content\r\nContent-Range: bytes 5-9/100\r\nContent-Length: 5", 5, 10, "fghij"},
		"not to the end":           {"206 Partial Content\r\nContent-Range: bytes 5-9/100\r\nContent-Length: 5", 5, -1, "fghij"},
	} {
		text := "HTTP/1.1 " + c.head
		if !strings.Contains(c.head, "fghij") {
			text += "\r\n\r\nfghij"
		}
		got, _, err := read(source(t, client(t, web.Options{}), answer(t, text)), c.off, c.length, "")
		if !errors.Is(err, io.ErrUnexpectedEOF) || string(got) != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
			continue
		}
		passing(t, err, "127.0.0.1", "broke off after 5")
	}
}

func TestNoByteComesThatWasNotAskedFor(t *testing.T) {
	for name, head := range map[string]string{
		"more than asked for":    "Content-Range: bytes 5-9/100\r\nContent-Length: 5\r\n\r\nfghij",
		"more than it says":      "Content-Range: bytes 5-7/100\r\nConnection: close\r\n\r\nfghijklmnop",
		"and the size not known": "Content-Range: bytes 5-9/*\r\nContent-Length: 5\r\n\r\nfghij",
	} {
		got, _, err := read(source(t, client(t, web.Options{}), answer(t, "HTTP/1.1 206 Partial Content\r\n"+head)), 5, 3, "")
		if err != nil || string(got) != "fgh" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestAFileShorterThanTheOffset(t *testing.T) {
	src := source(t, client(t, web.Options{}), serve(t, func(w http.ResponseWriter, r *http.Request) { content(w, r, `"v1"`) }).URL)
	size := int64(len(file))
	got, b, err := read(src, size, -1, `"v1"`) // just as long
	if err != nil || len(got) != 0 || b.Offset != size || b.Size != size || b.Version != `"v1"` {
		t.Errorf("%d bytes, %+v, %v", len(got), b, err)
	}
	_, _, err = read(src, size+1, -1, "")
	refused(t, err, "416", fmt.Sprintf("the file has %d bytes", len(file)))
	_, _, err = read(source(t, client(t, web.Options{}), answer(t, "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n")), 5, -1, "")
	refused(t, err, "the file has no bytes from 5 on")
}
