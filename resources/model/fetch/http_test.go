package fetch

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ranged is a source that asks an HTTP server for ranges, without any of what makes that fit for the world.
type ranged struct {
	url    string
	client *http.Client
}

func newRanged(url string) *ranged {
	return &ranged{url, &http.Client{Transport: &http.Transport{ReadBufferSize: 64 << 10, MaxIdleConnsPerHost: 8}}}
}

func (r *ranged) String() string { return r.url }

func (r *ranged) Open(ctx context.Context, off, length int64, same string) (*Body, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Range", "bytes="+rangeOf(off, length))
	if same != "" {
		req.Header.Set("If-Range", same)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	b := &Body{ReadCloser: resp.Body, Size: resp.ContentLength, Version: resp.Header.Get("ETag")}
	switch resp.StatusCode {
	case http.StatusOK:
		return b, nil
	case http.StatusPartialContent:
		_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		b.Size, err = strconv.ParseInt(total, 10, 64)
		b.Offset, b.Ranges = off, true
		return b, err
	}
	resp.Body.Close()
	return nil, &RefusedError{r.url, resp.Status}
}

func rangeOf(off, length int64) string {
	if length < 0 {
		return fmt.Sprintf("%d-", off)
	}
	return fmt.Sprintf("%d-%d", off, off+length-1)
}
