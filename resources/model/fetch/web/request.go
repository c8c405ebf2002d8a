package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// errOtherVersion is a server that sends part of another version though it was told not to.
var errOtherVersion = errors.New("the server has another version by now")

// request is which bytes are asked for, as in fetch.Source.
type request struct {
	off, length int64
	same        string // a strong ETag or ""
}

func (r request) whole() bool { return r.off == 0 && r.length == -1 }

// describe sets the headers that ask for it.
func (r request) describe(h http.Header) {
	if r.whole() {
		return
	}
	end := ""
	if r.length > 0 && r.length <= math.MaxInt64-r.off {
		end = strconv.FormatInt(r.off+r.length-1, 10)
	}
	h.Set("Range", fmt.Sprintf("bytes=%d-%s", r.off, end))
	if r.same != "" {
		h.Set("If-Range", r.same)
	}
}

// versionOf is the version of a part. One without any is of the version asked for: the server was told to send a part of
// no other, and may leave the tag out then.
func (r request) versionOf(h http.Header) (string, error) {
	if r.same == "" {
		return version(h), nil
	}
	if tag := h.Get("ETag"); tag != "" && tag != r.same {
		return "", errOtherVersion
	}
	return r.same, nil
}

// version is the strong ETag, or "". A weak one says that two contents do the same, not that they are the same bytes,
// and If-Range must not have it. Neither is Last-Modified used: a file that was changed twice in a second has the same,
// as have two mirrors that set it to the day of a release. Without a version the file's SHA-256 still decides.
func version(h http.Header) string {
	if tag := h.Get("ETag"); strong(tag) {
		return tag
	}
	return ""
}

func strong(tag string) bool {
	return len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' && !strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
