package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// failure is a passing error in words that have no secret in them. It does not unwrap to its cause, whose text may quote
// what a server sent, but errors.Is knows it.
type failure struct {
	words string
	cause error
}

func (e *failure) Error() string        { return e.words }
func (e *failure) Is(target error) bool { return errors.Is(e.cause, target) }

func (x *exchange) refused(format string, args ...any) error {
	return &fetch.RefusedError{Source: x.source.String(), Why: x.clean(fmt.Sprintf(format, args...))}
}

func (x *exchange) failed(err error, format string, args ...any) error {
	return &failure{words: x.clean(fmt.Sprintf(format, args...)), cause: err}
}

// clean takes every secret out of text and makes control characters visible.
func (x *exchange) clean(text string) string { return visible(x.hide(text)) }

func (x *exchange) hide(text string) string {
	for _, secret := range x.secrets() {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}

// said takes every secret out of what a server said, which may be what it was sent, cut in the middle of it.
func (x *exchange) said(text string) string {
	text = x.hide(text)
	for _, secret := range x.secrets() {
		for n := len(secret) - 1; n > 3; n-- {
			if rest, found := strings.CutSuffix(text, secret[:n]); found {
				return rest + hidden
			}
		}
	}
	return text
}

func (x *exchange) secrets() []string {
	return slices.Concat(x.source.client.secrets, x.source.hidden, x.hidden)
}

// hidden stands where a secret was.
const hidden = "***"

// visible writes what is not printable as Go's escapes do.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// secretsOf are the texts that give a token away.
func secretsOf(token string) []string {
	user, password, basic := strings.Cut(token, ":")
	if !basic {
		return long(3, token)
	}
	return userSecrets(url.UserPassword(user, password))
}

func userSecrets(u *url.Userinfo) []string {
	password, _ := u.Password()
	out := long(3, password, url.QueryEscape(password), base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	if password == "" { // the name is the token then
		out = append(out, long(3, u.Username())...)
	}
	return out
}

// querySecrets are the texts of a query that may be a signature or a key.
func querySecrets(u *url.URL) []string {
	out := long(3, u.RawQuery)
	for _, values := range u.Query() {
		for _, v := range values {
			out = append(out, long(8, v, url.QueryEscape(v))...)
		}
	}
	return out
}

// long are the texts of at least n bytes: a shorter one is no secret, and taking it out would spoil the words around it.
func long(n int, texts ...string) []string {
	var out []string
	for _, s := range texts {
		if len(s) >= n {
			out = append(out, s)
		}
	}
	return out
}

// message is what an answer that is not the file says about it, in one line; "" where that is not for people.
func (x *exchange) message(answer *http.Response) string {
	t := mediaType(answer)
	var text string
	switch {
	case answer.Header.Get("Content-Encoding") != "":
	case isPage(answer):
		text = x.title(answer)
	case t == "application/json" || strings.HasSuffix(t, "+json"):
		text = jsonMessage(x.read(answer, 1<<10))
	case t == "" || strings.HasPrefix(t, "text/"):
		if b := x.read(answer, 1<<10); t != "" || strings.HasPrefix(http.DetectContentType(b), "text/plain") {
			text = string(b)
		}
	}
	if text = line(x.said(text)); text == status(answer.StatusCode) {
		return ""
	}
	return text
}

// jsonMessage finds the message where APIs put it: {"message": …}, or "error" or "detail", which may be an object that
// has one, or "errors", a list of them.
func jsonMessage(b []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) != nil {
		return ""
	}
	for _, name := range []string{"message", "error", "detail", "errors"} {
		value := fields[name]
		var text string
		if json.Unmarshal(value, &text) == nil && text != "" {
			return text
		}
		var list []json.RawMessage
		if json.Unmarshal(value, &list) == nil && len(list) > 0 {
			value = list[0]
		}
		var inner struct{ Message string }
		if json.Unmarshal(value, &inner) == nil && inner.Message != "" {
			return inner.Message
		}
	}
	return ""
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`)

// title is that of an HTML page, without secrets, "" where it has none near its beginning.
func (x *exchange) title(answer *http.Response) string {
	m := titleTag.FindSubmatch(x.read(answer, 16<<10))
	if m == nil {
		return ""
	}
	return line(x.said(strings.Join(strings.Fields(html.UnescapeString(string(m[1]))), " ")))
}

// line is the first line of text that has something in it, cut at 200 characters.
func line(text string) string {
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			if r := []rune(l); len(r) > 200 {
				return string(r[:200]) + "…"
			}
			return l
		}
	}
	return ""
}

// quote puts what a server says in brackets behind what we say; nothing where it says nothing.
func quote(text string) string {
	if text == "" {
		return ""
	}
	return ` ("` + text + `")`
}
