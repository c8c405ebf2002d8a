package grammar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
)

// keywords are those of JSON Schema 2020-12, 2019-09 and draft 7, and OpenAPI's nullable: a use of each, and whether it
// is followed, an annotation, or refused.
var keywords = map[string]struct{ use, is string }{
	"$schema":               {`"https://json-schema.org/draft/2020-12/schema"`, "annotation"},
	"$id":                   {`"https://example.org/x"`, "annotation"},
	"$comment":              {`"x"`, "annotation"},
	"$defs":                 {`{"a":{"type":"null"}}`, "annotation"},
	"definitions":           {`{"a":{"type":"null"}}`, "annotation"},
	"title":                 {`"x"`, "annotation"},
	"description":           {`"x"`, "annotation"},
	"default":               {`1`, "annotation"},
	"examples":              {`[1]`, "annotation"},
	"deprecated":            {`true`, "annotation"},
	"readOnly":              {`true`, "annotation"},
	"writeOnly":             {`true`, "annotation"},
	"$ref":                  {`"#/type"`, "followed"},
	"allOf":                 {`[{"type":"null"}]`, "followed"},
	"anyOf":                 {`[{"type":"null"}]`, "followed"},
	"oneOf":                 {`[{"type":"null"}]`, "followed"},
	"type":                  {`"null"`, "followed"},
	"enum":                  {`[1]`, "followed"},
	"const":                 {`1`, "followed"},
	"multipleOf":            {`1`, "followed"},
	"maximum":               {`1`, "followed"},
	"exclusiveMaximum":      {`1`, "followed"},
	"minimum":               {`1`, "followed"},
	"exclusiveMinimum":      {`1`, "followed"},
	"maxLength":             {`1`, "followed"},
	"minLength":             {`1`, "followed"},
	"pattern":               {`"x"`, "followed"},
	"format":                {`"date"`, "followed"},
	"items":                 {`{"type":"null"}`, "followed"},
	"prefixItems":           {`[{"type":"null"}]`, "followed"},
	"additionalItems":       {`{"type":"null"}`, "followed"},
	"maxItems":              {`1`, "followed"},
	"minItems":              {`1`, "followed"},
	"properties":            {`{"a":{"type":"null"}}`, "followed"},
	"additionalProperties":  {`{"type":"null"}`, "followed"},
	"required":              {`["a"]`, "followed"},
	"nullable":              {`true`, "followed"},
	"maxProperties":         {`1`, "refused"},
	"minProperties":         {`1`, "refused"},
	"uniqueItems":           {`true`, "refused"},
	"contains":              {`{"type":"null"}`, "refused"},
	"minContains":           {`1`, "refused"},
	"maxContains":           {`1`, "refused"},
	"patternProperties":     {`{"x":true}`, "refused"},
	"propertyNames":         {`{"maxLength":1}`, "refused"},
	"dependencies":          {`{"a":["b"]}`, "refused"},
	"dependentRequired":     {`{"a":["b"]}`, "refused"},
	"dependentSchemas":      {`{"a":true}`, "refused"},
	"unevaluatedItems":      {`false`, "refused"},
	"unevaluatedProperties": {`false`, "refused"},
	"if":                    {`true`, "refused"},
	"then":                  {`true`, "refused"},
	"else":                  {`true`, "refused"},
	"not":                   {`{"type":"null"}`, "refused"},
	"contentEncoding":       {`"base64"`, "refused"},
	"contentMediaType":      {`"text/plain"`, "refused"},
	"contentSchema":         {`true`, "refused"},
	"$anchor":               {`"x"`, "refused"},
	"$dynamicAnchor":        {`"x"`, "refused"},
	"$dynamicRef":           {`"#x"`, "refused"},
	"$recursiveAnchor":      {`true`, "refused"},
	"$recursiveRef":         {`"#"`, "refused"},
	"$vocabulary":           {`{}`, "refused"},
	"madeUp":                {`1`, "refused"},
}

// A keyword changes the grammar, is an annotation, or is refused by its name.
func TestEveryKeyword(t *testing.T) {
	counts := map[string]int{}
	for key, k := range keywords {
		bases := []string{`{`, `{"type":["string","number","array","object"],`, `{"items":[true],`, `{"type":"string",`}
		if key == "$ref" {
			bases, k.use = []string{`{`}, `"#/$defs/a","$defs":{"a":{"type":"null"}}`
		}
		changed, refusals := false, 0
		for _, base := range bases {
			if strings.Contains(base, `"`+key+`"`) {
				continue
			}
			without, err := grammar.Schema([]byte(strings.TrimSuffix(base, ",")+`}`), grammar.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			with, err := grammar.Schema(fmt.Appendf(nil, `%s%q:%s}`, base, key, k.use), grammar.Limits{})
			var e *grammar.Error
			if errors.As(err, &e) && e.Keyword == key {
				refusals++
			} else if err != nil && k.is != "followed" {
				t.Errorf("%s: %v", key, err)
			}
			changed = changed || err == nil && with != without
		}
		if is := map[string]bool{"followed": changed, "annotation": !changed && refusals == 0, "refused": refusals > 0 && !changed}; !is[k.is] {
			t.Errorf("%s is not %s: changed %v, %d refusals", key, k.is, changed, refusals)
		}
		counts[k.is]++
	}
	t.Log(len(keywords), "keywords:", counts)
}
