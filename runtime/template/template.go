package template

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Template is a template that has been parsed. It can be rendered by several goroutines at once.
type Template struct {
	body []node

	once   sync.Once
	traits traits
}

// Parse reads a template. What is no template, and what asks for tags, filters or tests that there are not, is a *SyntaxError;
// one that is too long is a *LimitError.
func Parse(source string) (*Template, error) {
	body, err := parse(source)
	if err != nil {
		return nil, err
	}
	return &Template{body: body}, nil
}

// Render prints a template with data: nil, bool, int, int64, float64, string, json.RawMessage, []any and map[string]any.
// Objects in a json.RawMessage keep their order; a map is taken in the order of its keys. The clock of strftime_now says what
// it says now. Errors are *RaisedError, *EvalError and *LimitError; a context that is done counts as time that has run out.
func (t *Template) Render(ctx context.Context, data map[string]any, o Limits) (string, error) {
	vars, err := variables(data)
	if err != nil {
		return "", err
	}
	return t.render(ctx, vars, time.Now(), o)
}

// render prints a template with variables that it may see.
func (t *Template) render(ctx context.Context, vars *dict, now time.Time, o Limits) (string, error) {
	return t.renderWith(&run{budget: newBudget(ctx, o), now: now}, vars)
}

func (t *Template) renderWith(r *run, vars *dict) (out string, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *LimitError:
			out, err = "", p
		default:
			panic(p)
		}
	}()
	given := newScope(nil)
	for i, k := range vars.keys {
		given.vars[k.(string)] = vars.values[i]
	}
	r.tick()
	if _, err := r.execAll(t.body, newScope(given)); err != nil {
		return "", r.located(err)
	}
	return string(r.out), nil
}

// located tells an error where it happened.
func (r *run) located(err error) error {
	var e *EvalError
	if errors.As(err, &e) && e.Line == 0 {
		return &EvalError{r.line, e.Reason}
	}
	return err
}

// variables makes a mapping of Go's data.
func variables(data map[string]any) (*dict, error) {
	v, err := fromGo(data, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot take the data of a template: %w", err)
	}
	return v.(*dict), nil
}
