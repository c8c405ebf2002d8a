package plans

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/agent0-converge/agent0-converge/engine"
)

// beside are the files beside the plan, or beside the module that names them. They are read where the
// plan is, never from the host's root.
type beside struct {
	l   *loader
	use Use
	// read, where not nil, collects the names of the files.
	read *[]string
}

var _ engine.Sources = beside{}

func (b beside) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(b.l.dir, name)
}

// ReadFile implements engine.Sources.
func (b beside) ReadFile(name string) ([]byte, error) {
	src, err := b.l.disk.read(b.path(name), b.use)
	if b.read != nil {
		*b.read = append(*b.read, b.path(name))
	}
	if err != nil {
		return nil, b.unread(name, err)
	}
	return src, nil
}

// unread names the file as the plan does.
func (b beside) unread(name string, err error) error {
	where := "plan"
	if b.l.call != nil {
		where = "module"
	}
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("cannot read %s beside the %s: %w", name, where, err)
}

// Render implements engine.Sources.
func (b beside) Render(name string, vars map[string]any) (string, error) {
	values := make(map[string]cty.Value, len(vars))
	for key, x := range vars {
		values[key] = ctyValue(x)
	}
	v, err := b.render(name, values)
	if err != nil {
		return "", err
	}
	if whys := reasons(v); !v.IsWhollyKnown() && len(whys) > 0 {
		return "", &GoneError{Name: whys[0].fact}
	}
	v, _ = v.Unmark()
	return v.AsString(), nil
}

// render evaluates a template file. The result is as sensitive as what it shows, and unknown with the
// reason where it shows a file that holds secrets and is gone.
func (b beside) render(name string, vars map[string]cty.Value) (cty.Value, error) {
	src, err := b.ReadFile(name)
	if err != nil {
		return cty.NilVal, err
	}
	if !utf8.Valid(src) {
		return cty.NilVal, fmt.Errorf("cannot render %s: it is not UTF-8", name)
	}
	if diags := refusedTemplate(src, name); diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("cannot render: %w", diags[0])
	}
	expr, diags := hclsyntax.ParseTemplate(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("cannot render: %w", diags.Errs()[0])
	}
	for _, t := range expr.Variables() {
		if _, ok := vars[t.RootName()]; !ok {
			known := make([]string, 0, len(vars))
			for name := range vars {
				known = append(known, name)
			}
			return cty.NilVal, fmt.Errorf("cannot render %s:%d: the template is not given %q.%s",
				name, t.SourceRange().Start.Line, t.RootName(), didYouMean(t.RootName(), known))
		}
	}
	ctx := &hcl.EvalContext{Variables: vars, Functions: b.l.templateFunctions()}
	v, diags := expr.Value(ctx)
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("cannot render: %w", redact(diags[0], expr, ctx))
	}
	if v, err = convert.Convert(v, cty.String); err != nil {
		return cty.NilVal, fmt.Errorf("cannot render %s: %w", name, err)
	}
	if bare, _ := v.Unmark(); !bare.IsKnown() && len(reasons(v)) > 0 {
		return v, nil
	} else if !bare.IsKnown() || bare.IsNull() {
		return cty.NilVal, fmt.Errorf("cannot render %s: its value cannot be told", name)
	}
	return v, nil
}
