// Package plans reads plans: HCL goes in, what is declared and every mistake of the plan come out.
//
// A plan is evaluated once, offline and without a host: nothing is unknown after the facts, so
// for_each, count and when are plain values, and the same plan with the same facts and variables
// says the same everywhere.
package plans

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Input is what a plan is made from.
type Input struct {
	// Path is a plan's file, or a directory of *.hcl and *.hcl.json.
	Path string
	// Vars are values of variables by name, as --var gives them.
	Vars map[string]string
	// VarFiles are files of values, later ones win.
	VarFiles []string
	// Environ holds "NAME=value"; AGENT0_VAR_x is the value of variable x.
	Environ []string
	// Facts are what the plan sees as host.
	Facts host.Facts
	// Kinds are all the kinds of resources that a plan may declare.
	Kinds []*engine.Kind
	// AllowMissingSecrets gives a sensitive variable that has no value a placeholder: enough to
	// plan with, never to apply.
	AllowMissingSecrets bool
	// Files is where all of it is read from; nil is the file system.
	Files Files
	// Known, where not nil, is what the variables are, and nothing else is asked for their values. A
	// sensitive one that is no longer what it was defers what needs it. Ref tells what it was.
	Known map[string]Known
	Ref   func(secret string) (string, error)
}

// Plan is what a plan says.
type Plan struct {
	// Name is what the plan is called on its host.
	Name string
	// Digest identifies the sources and the variables that are not sensitive.
	Digest string
	// Sources are the names of the plan's and its modules' files in the order in which they were read.
	Sources []string
	// Resources are in the order in which the plan writes them.
	Resources []engine.Declared
	Variables map[string]Variable
	Outputs   map[string]Output
	Checks    []Check
	// MissingSecrets are the variables for which a placeholder stands. A plan that has any must
	// not be applied.
	MissingSecrets []string

	files map[string]*hcl.File
	sums  map[string][sha256.Size]byte
	disk  *reading

	variables []*variable
}

// Read lists all files that the plan was made from, by name: its own, modules' and what was read or
// seen beside them. Files of values are not among them.
func (p *Plan) Read() []Source { return p.disk.sources() }

// Files are the sources by name, for snippets in diagnostics. Those of a long plan are read again;
// one that is no longer what was read has no snippets.
func (p *Plan) Files() map[string]*hcl.File {
	for name, f := range p.files {
		if f.Bytes != nil {
			continue
		}
		if src, err := p.disk.readFile(name); err == nil && sha256.Sum256(src) == p.sums[name] {
			// It was parsed before: there is nothing to report.
			p.files[name], _ = parseFile(src, name)
		}
	}
	return p.files
}

// Load reads a plan. What it returns is never nil, so that the snippets of diagnostics can be
// shown; only without errors is it a plan. Diagnostics are all the plan's mistakes, in the order
// of its files and lines. A check that fails is a warning.
func Load(in Input) (*Plan, hcl.Diagnostics) {
	l := newLoader(in)
	l.frugal = true
	if plan, diags := l.load(); !l.dropped || l.parsed && len(diags) == 0 {
		return plan, diags
	}
	return newLoader(in).load() // what there is to report was not kept
}

func (l *loader) load() (*Plan, hcl.Diagnostics) {
	if l.read() {
		l.evaluate()
	}
	plan := l.plan()
	found := l.taken()
	diags := found.all()
	if diags.HasErrors() {
		plan.Resources = nil
	}
	return plan, diags
}

// read finds, parses and registers all blocks. False is a plan of which too little was understood to
// look at the rest.
func (l *loader) read() bool {
	l.find()
	l.parse()
	if l.failed() || !l.parsed {
		return false // what a broken file lacks would only be reported as missing
	}
	for _, name := range l.sources {
		l.register(l.files[name].Body, l.early[name])
	}
	return true
}

// evaluate works out everything that was registered, even where there are mistakes, so that all of
// them are reported at once.
func (l *loader) evaluate() {
	l.setVariables()
	l.prepare()
	l.settleAll()
}

func (l *loader) settleAll() {
	for _, n := range l.order() {
		l.settle(n)
	}
	l.settleOutputs()
	l.settleChecks()
}

// declared lists the resources in the order in which they are written, those of a module in its
// place.
func (l *loader) declared(out []engine.Declared) []engine.Declared {
	for _, n := range l.inOrder {
		switch {
		case n.res != nil:
			out = append(out, n.res.declared...)
		case n.call != nil:
			for _, in := range n.call.instances {
				out = in.declared(out)
			}
		}
	}
	return out
}

func (l *loader) plan() *Plan {
	p := &Plan{
		Name: l.name, files: l.files, sums: l.sums, disk: l.disk, variables: l.variables, Sources: l.texts, Outputs: l.outputValues(), Checks: l.checkResults,
		Variables: map[string]Variable{}, Digest: l.digest(),
	}
	for _, v := range l.variables {
		p.Variables[v.name] = v.public()
		if v.placeholder {
			p.MissingSecrets = append(p.MissingSecrets, v.name)
		}
	}
	slices.Sort(p.MissingSecrets)
	p.Resources = l.declared(make([]engine.Declared, 0, len(l.resources)))
	return p
}

// digest leaves sensitive variables out: a digest of a short secret gives it away.
func (l *loader) digest() string {
	h := sha256.New()
	for _, name := range l.texts {
		sum := l.sums[name]
		rel, err := filepath.Rel(l.dir, name) // the same plan from wherever it is read
		if err != nil {
			rel = name
		}
		writeSized(h, filepath.ToSlash(rel))
		writeSized(h, string(sum[:]))
	}
	for _, name := range slices.Sorted(maps.Keys(l.variableByName)) {
		v := l.variableByName[name]
		if v.sensitive || !v.value.IsWhollyKnown() {
			continue
		}
		b, err := ctyjson.Marshal(v.value, v.value.Type())
		if err != nil {
			continue // a value that is no plain data was reported when it was set
		}
		writeSized(h, name)
		writeSized(h, string(b))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeSized keeps "ab"+"c" from having the digest of "a"+"bc".
func writeSized(w io.Writer, s string) { fmt.Fprintf(w, "%d:%s", len(s), s) }
