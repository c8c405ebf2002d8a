// Package reference holds what the kinds' structs say of themselves, for "explain".
package reference

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

// Kind is the documentation of one kind.
type Kind struct {
	Name       string      `json:"name"`
	Doc        string      `json:"doc"`
	Attributes []Attribute `json:"attributes"`
}

// Attribute is the documentation of one attribute or nested block of a kind.
type Attribute struct {
	Name     string      `json:"name"`
	Type     string      `json:"type"`
	Label    bool        `json:"label,omitempty"`
	Required bool        `json:"required,omitempty"`
	Doc      string      `json:"doc"`
	Block    []Attribute `json:"block,omitempty"`
}

// Summary is the first sentence of the documentation.
func (k Kind) Summary() string {
	first, _, _ := strings.Cut(k.Doc, ". ")
	return strings.TrimSuffix(first, ".") + "."
}

//go:embed kinds.json
var words []byte

// Kinds returns the documentation of every kind, by name.
func Kinds() ([]Kind, error) {
	var kinds []Kind
	if err := json.Unmarshal(words, &kinds); err != nil {
		return nil, fmt.Errorf("cannot read the reference: %w", err)
	}
	return kinds, nil
}
