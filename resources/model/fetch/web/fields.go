package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ContentRange is a Content-Range of bytes: First to Last of a file of Size, which is -1 where the server does not say.
type ContentRange struct{ First, Last, Size int64 }

// ParseContentRange reads the field of RFC 9110, 14.4.
func ParseContentRange(s string) (ContentRange, bool) {
	unit, rest, _ := strings.Cut(s, " ")
	span, size, ok := strings.Cut(rest, "/")
	from, to, dash := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !ok || !dash {
		return ContentRange{}, false
	}
	c := ContentRange{Size: -1}
	fields := []struct {
		to   *int64
		text string
	}{{&c.First, from}, {&c.Last, to}, {&c.Size, size}}
	for _, f := range fields {
		if f.to == &c.Size && f.text == "*" {
			continue
		}
		n, err := strconv.ParseUint(f.text, 10, 63)
		if err != nil {
			return ContentRange{}, false
		}
		*f.to = int64(n)
	}
	return c, c.First <= c.Last && (c.Size == -1 || c.Last < c.Size)
}

// longest is the longest wait that a server is believed to ask for.
const longest = 365 * 24 * time.Hour

// RetryAfter is how long a server asks for (RFC 9110, 10.2.3), in seconds or until when, by its own clock where it tells
// that. 0 is not at all.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	field := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(field, 10, 63); err == nil {
		return time.Duration(min(n, uint64(longest/time.Second))) * time.Second
	}
	until, err := http.ParseTime(field)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), longest)
}
