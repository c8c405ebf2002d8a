package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

func (a *app) graphCmd() *cobra.Command {
	var (
		f      planFlags
		format string
	)
	cmd := &cobra.Command{
		Use:   "graph [PLAN]",
		Short: "Show which resources wait for which",
		Long: `graph lists the resources of a plan in the order in which they are applied, each indented
below what it waits for: what it refers to (after), what must be there first although the plan
does not say so (needs), and what it is restarted or reloaded for. No host is looked at.

With --format dot it is a graph for Graphviz: dashed lines are needs, bold ones restarts and
reloads.`,
		Example: `  agent0-converge graph laptop.hcl
  agent0-converge graph --format dot laptop.hcl | dot -Tsvg > laptop.svg`,
		Args: atMost(1, "PLAN"),
		RunE: func(_ *cobra.Command, args []string) error { return a.graph(planPath(args), format, f) },
	}
	f.input(cmd)
	cmd.Flags().StringVar(&format, "format", "text", `"text" or "dot"`)
	return cmd
}

func (a *app) graph(path, format string, f planFlags) error {
	write := map[string]func(io.Writer, string, []engine.Node){"text": graphText, "dot": graphDot}[format]
	if write == nil {
		return fmt.Errorf(`--format is "text" or "dot", not %q`, format)
	}
	if err := forbidWriting(); err != nil {
		return err
	}
	h, err := a.openHost(f.facts, watchers{})
	if err != nil {
		return err
	}
	defer h.Close()
	plan, err := a.load(path, h, f)
	if err != nil {
		return err
	}
	nodes, mistakes := engine.Graph(plan.Resources)
	if len(mistakes) > 0 {
		return a.failed(plans.Diagnostics(mistakes), plan.Files())
	}
	write(a.stdout, plan.Name, nodes)
	return nil
}

// graphText writes a line for each resource, two columns further in than the deepest of those that
// it waits for.
func graphText(w io.Writer, _ string, nodes []engine.Node) {
	depth := make(map[engine.Addr]int, len(nodes))
	for _, n := range nodes {
		in := 0
		for _, e := range n.Edges {
			in = max(in, depth[e.To]+1)
		}
		depth[n.Addr] = in
		line := pad(strings.Repeat("  ", in)+string(n.Addr)+note(n), 40)
		for _, sort := range []engine.EdgeSort{engine.EdgeAfter, engine.EdgeRestart, engine.EdgeReload, engine.EdgeNeeds} {
			var to []string
			for _, e := range n.Edges {
				if e.Sort == sort {
					to = append(to, string(e.To))
				}
			}
			if len(to) > 0 {
				line += fmt.Sprintf("  %s %s", edgeWords(sort), strings.Join(to, ", "))
			}
		}
		fmt.Fprintln(w, visible(strings.TrimRight(line, " ")))
	}
}

func note(n engine.Node) string {
	switch {
	case n.Implied:
		return " (implied)"
	case n.Absent:
		return " (absent)"
	}
	return ""
}

func edgeWords(s engine.EdgeSort) string {
	switch s {
	case engine.EdgeRestart:
		return "restarts with"
	case engine.EdgeReload:
		return "reloads with"
	}
	return string(s)
}

// graphDot writes the graph in Graphviz's language, with an arrow from each resource to what it
// waits for.
func graphDot(w io.Writer, name string, nodes []engine.Node) {
	fmt.Fprintf(w, "digraph %s {\n  rankdir = \"RL\"\n  node [shape = \"box\"]\n", dotID(name))
	for _, n := range nodes {
		style := ""
		if n.Implied {
			style = ` [style = "dashed"]`
		}
		fmt.Fprintf(w, "  %s%s\n", dotID(string(n.Addr)), style)
	}
	for _, n := range nodes {
		for _, e := range n.Edges {
			style := map[engine.EdgeSort]string{
				engine.EdgeNeeds:   ` [style = "dashed"]`,
				engine.EdgeRestart: ` [style = "bold", label = "restart"]`,
				engine.EdgeReload:  ` [style = "bold", label = "reload"]`,
			}[e.Sort]
			fmt.Fprintf(w, "  %s -> %s%s\n", dotID(string(n.Addr)), dotID(string(e.To)), style)
		}
	}
	fmt.Fprintln(w, "}")
}

// dotID is s in quotes. Backslashes are doubled because a label shows two as one, and because one
// before a quote would end the string.
func dotID(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
