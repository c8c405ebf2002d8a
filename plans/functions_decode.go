package plans

import (
	"errors"
	"strings"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// codecFunctions read and write data that is text.
func codecFunctions() map[string]function.Function {
	return map[string]function.Function{
		"csvdecode":  stdlib.CSVDecodeFunc,
		"hcldecode":  shallow(hclDecodeFunc()),
		"jsondecode": shallow(stdlib.JSONDecodeFunc), "jsonencode": stdlib.JSONEncodeFunc,
		"yamldecode": shallow(yaml.YAMLDecodeFunc), "yamlencode": yaml.YAMLEncodeFunc,
	}
}

// hclDecodeFunc decodes a text of attributes that are literals.
func hclDecodeFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("src", cty.String)},
		Type: func(args []cty.Value) (cty.Type, error) {
			if !args[0].IsKnown() {
				return cty.DynamicPseudoType, nil
			}
			v, err := decodeHCL(args[0].AsString())
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return decodeHCL(args[0].AsString()) },
	})
}

// shallow is decode for texts that do not nest too deeply: like the parsers of plans, those of data
// recurse.
func shallow(decode function.Function) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("src", cty.String)},
		Type: func(args []cty.Value) (cty.Type, error) {
			if args[0].IsKnown() && mayNestDeeply(args[0].AsString()) {
				return cty.DynamicPseudoType, errors.New("it is nested too deeply")
			}
			return decode.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return decode.Call(args) },
	})
}

// mayNestDeeply counts the brackets that are open, and the lists that begin on one line, in JSON, HCL or
// YAML. What is in strings counts too: no text has thousands of brackets that are never closed.
func mayNestDeeply(src string) bool {
	open := 0
	for line := range strings.Lines(src) {
		dashes := 0
		for line = strings.TrimLeft(line, " "); len(line) > 1 && strings.ContainsRune("-?:", rune(line[0])) && line[1] == ' '; dashes++ {
			line = strings.TrimLeft(line[1:], " ")
		}
		for _, b := range []byte(line) {
			switch b {
			case '[', '{':
				open++
			case ']', '}':
				open = max(open-1, 0)
			}
			if open+dashes > maxDepth {
				return true
			}
		}
	}
	return false
}
