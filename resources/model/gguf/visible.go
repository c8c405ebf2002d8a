package gguf

import (
	"encoding/json"
	"strconv"
	"strings"
)

// quoted is how many characters of a stranger's text are shown.
const quoted = 200

// visible quotes text from elsewhere: what is not printable is escaped, and what is long is cut to quoted characters.
func visible(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		q := strconv.QuoteRune(r)
		q = q[1 : len(q)-1]
		switch r {
		case '\'':
			q = "'"
		case '"':
			q = `\"`
		}
		shown := len([]rune(q))
		if n+shown > quoted-1 { // one is for the mark of the cut
			b.WriteString("…")
			break
		}
		n += shown
		b.WriteString(q)
	}
	return `"` + b.String() + `"`
}

// oneLine is text without line breaks and blanks that only lay out a page.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// sniffJSON shows the message of an error such as {"error": {"message": "…"}}, {"error": "…"} or {"errors": [{"message": "…"}]},
// which may be cut off.
func sniffJSON(text string) *ImpostorError {
	e := &ImpostorError{What: "is a JSON document", Hint: "an error of the server instead of the file?"}
	if m := jsonMessage(text); m != "" {
		e.What += " that says " + visible(m)
		return e
	}
	e.What += " that begins " + visible(oneLine(text))
	return e
}

// jsonMessage is the string under the key that tells most, at any depth; "" where there is none.
func jsonMessage(text string) string {
	keys := []string{"message", "error_description", "detail", "error", "reason", "title"}
	found := make([]string, len(keys))
	d := json.NewDecoder(strings.NewReader(text))
	var walk func(key string) error
	walk = func(key string) error {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case string:
			for i, k := range keys {
				if strings.EqualFold(key, k) && found[i] == "" {
					found[i] = t
				}
			}
		case json.Delim:
			return walkJSON(d, t, key, walk)
		}
		return nil
	}
	_ = walk("") // what is cut off or no JSON ends it, and what was found until then counts
	for _, m := range found {
		if m != "" {
			return m
		}
	}
	return ""
}

// walkJSON walks what is in an object or array that began with open. An array's elements have the array's key.
func walkJSON(d *json.Decoder, open json.Delim, key string, walk func(string) error) error {
	for d.More() {
		if open == '{' {
			k, err := d.Token()
			if err != nil {
				return err
			}
			key, _ = k.(string)
		}
		if err := walk(key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}
