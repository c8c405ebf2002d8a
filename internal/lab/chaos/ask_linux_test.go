package chaos_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
)

// ask is what a client asks for.
type ask struct {
	chat   bool
	stream bool
	body   map[string]any
}

// key tells what is asked, however it is to be delivered.
func (a *ask) key() string {
	b, err := json.Marshal(a.body) // with sorted keys
	if err != nil {
		panic(err) // bodies are made of texts and numbers
	}
	return fmt.Sprint(a.chat, " ", string(b))
}

// with returns the same with more fields.
func (a ask) with(fields map[string]any) ask {
	a.body = maps.Clone(a.body)
	maps.Copy(a.body, fields)
	return a
}

// answer is what a client got.
type answer struct {
	// status is HTTP's, 0 where there was none.
	status int
	header http.Header
	text   string
	// pieces counts what a stream brought; whole says that the answer came to its end.
	pieces int
	whole  bool
	// said is the error's message and code of the server's, "" for none.
	said, code string
	// err is what kept the client from reading the answer.
	err error
	raw []byte
}

// failure is an error as the API has it.
type failure struct {
	Error *struct {
		Message, Type string
		Code          *string
	}
}

// reply is an answer in one piece, or an event of a stream, of both kinds.
type reply struct {
	Choices []struct {
		Text           string
		Message, Delta struct{ Content string }
		Logprobs       json.RawMessage
	}
	Usage *struct {
		Tokens int `json:"completion_tokens"`
	}
	failure
}

// do asks, and calls piece for each piece of a stream.
func (a *ask) do(ctx context.Context, client *http.Client, url string, piece func()) answer {
	body := maps.Clone(a.body)
	if a.stream {
		body["stream"] = true
	}
	b, err := json.Marshal(body)
	if err != nil {
		return answer{err: err}
	}
	path := "/v1/completions"
	if a.chat {
		path = "/v1/chat/completions"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+path, bytes.NewReader(b))
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	out := answer{status: res.StatusCode, header: res.Header}
	if res.StatusCode == http.StatusOK && a.stream {
		out.read(res.Body, piece)
		return out
	}
	if out.raw, out.err = io.ReadAll(res.Body); out.err == nil {
		out.err = out.take(out.raw)
		out.whole = out.err == nil && out.status == http.StatusOK
	}
	return out
}

// take adds what a reply says.
func (a *answer) take(b []byte) error {
	var r reply
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	if e := r.Error; e != nil {
		a.said = e.Message
		if e.Code != nil {
			a.code = *e.Code
		}
	}
	for _, c := range r.Choices {
		a.text += c.Text + c.Message.Content + c.Delta.Content
	}
	return nil
}

// read takes in a stream.
func (a *answer) read(body io.Reader, piece func()) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
			continue
		case data == "[DONE]":
			a.whole = true
			continue
		}
		if a.err = a.take([]byte(data)); a.err != nil {
			return
		}
		a.pieces++
		if piece != nil {
			piece()
		}
	}
	if a.err = lines.Err(); a.err == nil && !a.whole && a.said == "" {
		a.err = errors.New("the stream ended before its end")
	}
}

// refused reports whether the server said that it has no room or no engine, and whether it said when to try again.
func (a *answer) refused() (refused, properly bool) {
	if a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable {
		return false, false
	}
	return true, a.header.Get("Retry-After") != "" && a.said != ""
}

// String says what came, for a test that did not expect it.
func (a *answer) String() string {
	return fmt.Sprintf("status %d, text %q, %d pieces, whole %v, %q (%s), %v", a.status, a.text, a.pieces, a.whole, a.said, a.code, a.err)
}
