package plans

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// textFunctions are those of strings that cty does not have.
func textFunctions() map[string]function.Function {
	return map[string]function.Function{
		"startswith":  predicate(strings.HasPrefix, "str", "prefix"),
		"endswith":    predicate(strings.HasSuffix, "str", "suffix"),
		"strcontains": predicate(strings.Contains, "str", "substr"),
		"replace":     replaceFunc(),

		"md5":    stringFunc(func(s string) (string, error) { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]), nil }),
		"sha1":   stringFunc(func(s string) (string, error) { b := sha1.Sum([]byte(s)); return hex.EncodeToString(b[:]), nil }),
		"sha256": stringFunc(func(s string) (string, error) { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]), nil }),
		"sha512": stringFunc(func(s string) (string, error) { b := sha512.Sum512([]byte(s)); return hex.EncodeToString(b[:]), nil }),

		"base64encode": stringFunc(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }),
		"base64decode": stringFunc(decodeBase64),

		// Paths of a plan are those of the host it is for, so slashes whatever the build side has.
		"basename": stringFunc(func(s string) (string, error) { return path.Base(s), nil }),
		"dirname":  stringFunc(func(s string) (string, error) { return path.Dir(s), nil }),

		"kib": sizeFunc(1 << 10),
		"mib": sizeFunc(1 << 20),
		"gib": sizeFunc(1 << 30),
	}
}

func decodeBase64(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", errors.New("this is not base64")
	}
	if !utf8.Valid(b) {
		return "", errors.New("what is encoded is not UTF-8")
	}
	return string(b), nil
}

func predicate(f func(a, b string) bool, a, b string) function.Function {
	return simple(cty.Bool, func(args []cty.Value) (cty.Value, error) {
		return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
	}, param(a, cty.String), param(b, cty.String))
}

// replaceFunc replaces a string, or a regular expression that is written between slashes.
func replaceFunc() function.Function {
	return simple(cty.String, func(args []cty.Value) (cty.Value, error) {
		s, old, with := args[0].AsString(), args[1].AsString(), args[2].AsString()
		if len(old) < 2 || old[0] != '/' || old[len(old)-1] != '/' {
			return cty.StringVal(strings.ReplaceAll(s, old, with)), nil
		}
		re, err := regexp.Compile(old[1 : len(old)-1])
		if err != nil {
			return cty.UnknownVal(cty.String), function.NewArgErrorf(1, "this is no regular expression: %s", err)
		}
		return cty.StringVal(re.ReplaceAllString(s, with)), nil
	}, param("str", cty.String), param("substr", cty.String), param("replace", cty.String))
}

// sizeFunc gives so many units in bytes.
func sizeFunc(unit int64) function.Function {
	return simple(cty.Number, func(args []cty.Value) (cty.Value, error) {
		return args[0].Multiply(cty.NumberIntVal(unit)), nil
	}, param("num", cty.Number))
}

// templateFunc is templatefile(path, vars). What vars hold stays as sensitive as it is.
func (b beside) templateFunc() function.Function {
	vars := function.Parameter{Name: "vars", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true}
	return function.New(&function.Spec{
		Params: []function.Parameter{param("path", cty.String), vars},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
			given, marks := args[1].Unmark()
			switch {
			case !args[1].IsWhollyKnown():
				_, deep := args[1].UnmarkDeep()
				return cty.UnknownVal(t).WithMarks(deep), nil
			case !given.Type().IsObjectType() && !given.Type().IsMapType():
				return cty.UnknownVal(t), function.NewArgErrorf(1, "an object of the names that the template uses is required")
			}
			v, err := b.render(args[0].AsString(), given.AsValueMap())
			if err != nil {
				return cty.UnknownVal(t), hidden(err, args[1])
			}
			return v.WithMarks(marks), nil
		},
	})
}

// hidden keeps an error that may show what is sensitive to itself.
func hidden(err error, of cty.Value) error {
	if of.HasMarkDeep(sensitive) {
		return fmt.Errorf("the template cannot be rendered; why is not shown, since it is given sensitive values")
	}
	return err
}
