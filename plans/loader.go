package plans

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// shared is what all modules of one plan share.
type shared struct {
	in        Input
	disk      *reading
	autoFiles []string
	files     map[string]*hcl.File
	sums      map[string][sha256.Size]byte // of the files
	texts     []string                     // the plan's and the modules' own files, in order
	folders   map[string]*folder           // of modules, by their absolute names
	modules   int                          // instances so far

	// frugal keeps no more of long files than what they declare; dropped says that there was one.
	frugal, dropped bool
	// early are the resources that were declared while their file was parsed, by file.
	early   map[string][]*resource
	nothing *part // stands for theirs

	kinds        map[string]*kind
	root         *hcl.BodySchema
	checkResults []Check
}

// loader reads one module; the plan itself is the outermost one.
type loader struct {
	*shared
	mistakes
	instanceOf
	dir     string // what names of files are relative to
	name    string
	named   *hcl.Range // where the plan block is
	sources []string
	parsed  bool // all files

	variables      []*variable
	variableByName map[string]*variable
	nodes          map[engine.Addr]*node // locals, resources and modules
	inOrder        []*node               // as they were registered
	labels         map[string][]string   // of every kind, and the names of locals and modules under "local" and "module"
	resources      []*resource
	outputs        []*output
	checks         []*check
	singles        map[string]hcl.Range // outputs and checks by name

	base *hcl.EvalContext // variables, facts and functions
}

// kind is an engine's kind with its schema, made when a plan first uses it.
type kind struct {
	*engine.Kind
	once     sync.Once
	schema   *schema
	exporter bool
	unusable error
}

// prepare makes the schema. The error is why there can be none.
func (k *kind) prepare() error {
	k.once.Do(func() {
		if k.schema, k.unusable = schemaOf(k.Type(), metaFields()); k.unusable != nil {
			k.schema = &schema{typ: k.Type(), byName: map[string]*field{}, body: &hcl.BodySchema{}, open: &hcl.BodySchema{}}
		}
		_, k.exporter = k.NewSpec().(Exporter)
	})
	return k.unusable
}

func newLoader(in Input) *loader {
	s := &shared{
		in: in, disk: newReading(in.Files), files: map[string]*hcl.File{}, kinds: map[string]*kind{},
		sums: map[string][sha256.Size]byte{}, folders: map[string]*folder{}, early: map[string][]*resource{}, nothing: &part{},
	}
	s.root = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "plan"}, {Type: "locals"},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "output", LabelNames: []string{"name"}},
		{Type: "check", LabelNames: []string{"name"}},
		{Type: "module", LabelNames: []string{"name"}},
	}}
	for _, k := range in.Kinds {
		s.kinds[k.Name()] = &kind{Kind: k}
		s.root.Blocks = append(s.root.Blocks, hcl.BlockHeaderSchema{Type: k.Name(), LabelNames: []string{"name"}})
	}
	return s.loader()
}

// loader is a new one, of a module that is yet to be found.
func (s *shared) loader() *loader {
	return &loader{
		shared: s, variableByName: map[string]*variable{}, nodes: map[engine.Addr]*node{}, labels: map[string][]string{},
		singles: map[string]hcl.Range{},
	}
}

// register enters the blocks of one file and the resources that were declared early, in the order
// in which they are written.
func (l *loader) register(body hcl.Body, early []*resource) {
	content, diags := body.Content(l.root)
	l.add(diags...)
	for _, b := range content.Blocks {
		for ; len(early) > 0 && early[0].at.Start.Byte < b.DefRange.Start.Byte; early = early[1:] {
			l.enterResource(early[0])
		}
		if len(b.Labels) > 0 && !hclsyntax.ValidIdentifier(b.Labels[0]) {
			l.errorf(b.LabelRanges[0], &b.DefRange, "Invalid name",
				"A name starts with a letter and holds letters, digits, underscores and dashes only.")
			continue
		}
		switch b.Type {
		case "plan":
			l.registerPlan(b)
		case "variable":
			l.registerVariable(b)
		case "locals":
			l.registerLocals(b)
		case "output":
			l.registerOutput(b)
		case "check":
			l.registerCheck(b)
		case "module":
			l.registerCall(b)
		default:
			l.registerResource(b)
		}
	}
	for _, r := range early {
		l.enterResource(r)
	}
}

// layOut lays the body of a block of the language itself out.
func (l *loader) layOut(b *hcl.Block, fields ...*field) *part {
	s := fixedSchema(fields)
	return s.lay(b.Body, true, &l.mistakes)
}

func (l *loader) registerPlan(b *hcl.Block) {
	if l.call != nil {
		l.errorf(b.DefRange, nil, "Plan block in a module", "Only a plan has a name on its host; a module is a part of it. Remove the block.")
		return
	}
	if l.named != nil {
		l.duplicate("plan block", b.DefRange, *l.named)
		return
	}
	l.named = &b.DefRange
	a, ok := l.layOut(b, planFields()...).get("name")
	if !ok {
		return
	}
	v, diags := a.expr.Value(nil)
	l.add(diags...)
	if diags.HasErrors() {
		return
	}
	if v.Type() != cty.String || v.IsNull() || !v.IsKnown() || !goodName(v.AsString()) {
		l.errorf(a.expr.Range(), &b.DefRange, "Invalid name of the plan",
			"The name is a string of up to 64 letters, digits, dots, underscores and dashes.")
		return
	}
	l.name = v.AsString()
}

// duplicate reports something declared twice, with both places.
func (l *loader) duplicate(what string, at, first hcl.Range) {
	l.errorf(at, nil, "Duplicate "+what, "It was first declared at %s:%d. Remove or rename one of them.", first.Filename, first.Start.Line)
}

// single enters a name that must be the only one of its sort.
func (l *loader) single(sort string, b *hcl.Block) bool {
	key := sort + "." + b.Labels[0]
	if first, ok := l.singles[key]; ok {
		l.duplicate(sort+" "+b.Labels[0], b.DefRange, first)
		return false
	}
	l.singles[key] = b.DefRange
	return true
}

func (l *loader) registerLocals(b *hcl.Block) {
	attrs, diags := b.Body.JustAttributes()
	l.add(diags...)
	for _, a := range inOrder(attrs) {
		n := l.newNode("local", a.Name, a.NameRange)
		if n.local = a.Expr; !l.isNew("local "+a.Name, n) {
			continue
		}
		l.enter("local", a.Name, n)
	}
}

func (l *loader) registerResource(b *hcl.Block) {
	k := l.kinds[b.Type]
	if err := k.prepare(); err != nil {
		l.errorf(b.TypeRange, nil, "Unusable kind", "The kind %s cannot be declared in a plan: %s.", b.Type, err)
		return
	}
	r := l.newResource(k, b.Labels[0], b.DefRange)
	r.body = b.Body
	l.enterResource(r)
}

func (l *loader) newResource(k *kind, label string, at hcl.Range) *resource {
	n := l.newNode(k.Name(), label, at)
	n.res = &resource{block: block{node: n}, kind: k, label: label}
	return n.res
}

func (l *loader) enterResource(r *resource) {
	if l.isNew("resource "+string(r.addr), r.node) {
		l.enter(r.kind.Name(), r.label, r.node)
		l.resources = append(l.resources, r)
	}
}

func (l *loader) newNode(sort, name string, at hcl.Range) *node {
	addr := engine.Addr(sort + "." + name)
	return &node{addr: addr, full: l.full(addr), at: at}
}

// isNew reports a second node of one address.
func (l *loader) isNew(what string, n *node) bool {
	first := l.nodes[n.addr]
	if first != nil {
		l.duplicate(what, n.at, first.at)
	}
	return first == nil
}

func (l *loader) enter(sort, name string, n *node) {
	l.nodes[n.addr] = n
	l.inOrder = append(l.inOrder, n)
	l.labels[sort] = append(l.labels[sort], name)
}

// addrOf is the address of an instance.
func addrOf(base engine.Addr, key cty.Value) engine.Addr {
	if key.Type() == cty.Number {
		return engine.Addr(fmt.Sprintf("%s[%s]", base, key.AsBigFloat().Text('f', -1)))
	}
	return engine.Addr(fmt.Sprintf("%s[%q]", base, key.AsString()))
}
