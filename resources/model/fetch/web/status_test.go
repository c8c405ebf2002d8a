package web_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// status starts a server that answers with a status, headers in pairs, and a body.
func status(t *testing.T, code int, body string, headers ...string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}).URL + "/chat.gguf"
}

func TestStatuses(t *testing.T) {
	for code := 400; code < 600; code++ {
		_, err := get(t, status(t, code, ""))
		says(t, err, fmt.Sprint(code), http.StatusText(code))
		busy, isBusy := errors.AsType[*fetch.BusyError](err)
		_, isRefused := errors.AsType[*fetch.RefusedError](err)
		switch {
		case code == 429 || code == 503:
			if !isBusy || busy.After != 0 {
				t.Errorf("%d: %#v", code, err)
			}
		case code == 408 || code == 425 || code >= 500:
			passing(t, err, "127.0.0.1")
		default:
			if !isRefused {
				t.Errorf("%d: %#v", code, err)
			}
		}
	}
	for _, code := range []int{201, 202, 203, 204, 205, 300, 304, 305, 306, 399, 600, 999} {
		_, err := get(t, status(t, code, ""))
		refused(t, err, fmt.Sprint(code))
	}
}

func TestNoSuchFile(t *testing.T) {
	for _, code := range []int{404, 410} {
		_, err := get(t, status(t, code, "it was here yesterday\nand more", "Content-Type", "text/plain"))
		refused(t, err, "there is no such file", `("it was here yesterday")`)
	}
}

func TestDeniedSaysWhatToSet(t *testing.T) {
	for _, code := range []int{401, 403} {
		url := status(t, code, "")
		host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/chat.gguf")
		_, err := get(t, url)
		refused(t, err, "no token was sent", "in tokens, for \""+host+"\"")
		for token, kind := range map[string]string{"secret-token": "token", "me:secret-word": "user name and password"} {
			c := client(t, web.Options{Tokens: map[string]string{host: token}})
			_, _, err = read(source(t, c, url), 0, -1, "")
			refused(t, err, "it was sent the "+kind+" for "+host)
			silent(t, err, "secret")
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, code := range []int{429, 503} {
		for _, c := range []struct {
			field, date string
			want        time.Duration
		}{
			{"7", "", 7 * time.Second},
			{" 120 ", "", 2 * time.Minute},
			{"0", "", 0},
			{"-5", "", 0},
			{"1.5", "", 0},
			{"soon", "", 0},
			{"", "", 0},
			{"9223372036854775807", "", 365 * 24 * time.Hour},
			{"99999999999999999999999", "", 0},
			{date(90 * time.Second), date(0), 90 * time.Second},
			{date(-90 * time.Second), date(0), 0},
			// A machine whose clock is wrong counts by the server's.
			{"Mon, 02 Jan 2006 15:04:35 GMT", "Mon, 02 Jan 2006 15:04:05 GMT", 30 * time.Second},
			{"Fri, 31 Dec 9999 23:59:59 GMT", date(0), 365 * 24 * time.Hour},
		} {
			headers := []string{"Retry-After", c.field}
			if c.date != "" {
				headers = append(headers, "Date", c.date)
			}
			_, err := get(t, status(t, code, "", headers...))
			busy, ok := errors.AsType[*fetch.BusyError](err)
			if !ok || busy.After != c.want || !strings.Contains(busy.Why, http.StatusText(code)) {
				t.Errorf("%d, Retry-After %q, Date %q: %#v", code, c.field, c.date, err)
			}
		}
	}
}

func TestWhatTheServerSaysIsQuoted(t *testing.T) {
	for _, c := range []struct{ kind, body, want string }{
		{"text/plain", "\r\n  gone fishing \r\nuntil Monday", `("gone fishing")`},
		{"text/plain; charset=utf-8", "red \x1b[31malert\x07\u202e", `("red \x1b[31malert\a\u202e")`},
		{"text/plain", strings.Repeat("ä", 5000), `("` + strings.Repeat("ä", 200) + `…")`},
		{"application/json", `{"error":"Repository not found"}`, `("Repository not found")`},
		{"application/json", `{"error":{"code":5,"message":"quota"}}`, `("quota")`},
		{"application/problem+json", `{"type":"x","detail":"too large"}`, `("too large")`},
		{"application/json", `{"errors":[{"code":"DENIED","message":"no pull"}]}`, `("no pull")`},
		{"application/json", `{"message":"a\nb"}`, `("a")`},
		{"text/html", "<html><head><title>\n Sorry &amp;\tbye </title>", `("Sorry & bye")`},
	} {
		_, err := get(t, status(t, 400, c.body, "Content-Type", c.kind))
		refused(t, err, "400 Bad Request "+c.want)
	}
	for _, c := range []struct{ kind, body, encoding string }{
		{"application/json", `{"error":`, ""}, {"application/json", `{"code":5}`, ""}, {"application/json", `[]`, ""},
		{"application/octet-stream", "abc", ""}, {"application/xml", "<a>", ""}, {"text/plain", "\x1f\x8b", "gzip"},
		{"text/html", "<h1>abc</h1>", ""}, {"text/html", "<title>400 Bad Request</title>", ""},
	} {
		headers := []string{"Content-Type", c.kind}
		if c.encoding != "" {
			headers = append(headers, "Content-Encoding", c.encoding)
		}
		_, err := get(t, status(t, 400, c.body, headers...))
		if refused(t, err, "400 Bad Request"); strings.ContainsAny(err.Error(), `"()<{`) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A server whose words never end is quoted with what came.
func TestWordsThatDoNotEnd(t *testing.T) {
	hung := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(500)
		io.WriteString(w, "let me think")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(hung)
	})
	_, err := get(t, s.URL)
	passing(t, err, "let me think")
	<-hung
}

func TestAnHTMLPageIsNotTheFile(t *testing.T) {
	page := "<!doctype html>\n<HTML><Title lang=en>Sign in\x1b to Corp</tItLe>"
	for _, code := range []int{200, 206} {
		for _, kind := range []string{"text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"} {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", kind)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(page)-1, len(page)))
				w.WriteHeader(code)
				io.WriteString(w, page)
			}).URL
			_, _, err := read(source(t, client(t, web.Options{}), url+"/chat.gguf"), 0, 1000, "")
			refused(t, err, "an HTML page", `Sign in\x1b to Corp`, "a login page, or one of a proxy?")
			for _, path := range []string{"/index.html", "/INDEX.HTM?x=y"} {
				got, _, err := read(source(t, client(t, web.Options{}), url+path), 0, 1000, "")
				if err != nil || string(got) != page {
					t.Errorf("%s: %q, %v", path, got, err)
				}
			}
		}
	}
}
