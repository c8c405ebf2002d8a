package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/resources/all/reference"
)

func (a *app) explainCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KIND[.ATTRIBUTE]]",
		Short: "Say what a kind and its attributes mean",
		Example: `  agent0-converge explain              # the kinds
  agent0-converge explain file         # its attributes
  agent0-converge explain file.mode`,
		Args: atMost(1, "KIND"),
		RunE: func(_ *cobra.Command, args []string) error {
			kinds, err := reference.Kinds()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				for _, k := range kinds {
					fmt.Fprintf(a.stdout, "%s %s\n", pad(k.Name, 12), k.Summary())
				}
				return nil
			}
			return explain(a.stdout, kinds, strings.Split(args[0], "."))
		},
	}
}

func explain(w io.Writer, kinds []reference.Kind, path []string) error {
	at := slices.IndexFunc(kinds, func(k reference.Kind) bool { return k.Name == path[0] })
	if at < 0 {
		names := make([]string, len(kinds))
		for i, k := range kinds {
			names[i] = k.Name
		}
		return fmt.Errorf("there is no kind %q%s", path[0], didYouMean(path[0], names))
	}
	if len(path) == 1 {
		fmt.Fprintf(w, "%s\n\n%s\n\n", kinds[at].Name, kinds[at].Doc)
		for _, attr := range kinds[at].Attributes {
			describe(w, "  ", attr)
		}
		return nil
	}
	attrs := kinds[at].Attributes
	for i, name := range path[1:] {
		j := slices.IndexFunc(attrs, func(a reference.Attribute) bool { return a.Name == name })
		if j < 0 {
			names := make([]string, len(attrs))
			for i, a := range attrs {
				names[i] = a.Name
			}
			return fmt.Errorf("%s has no attribute %q%s", strings.Join(path[:i+1], "."), name, didYouMean(name, names))
		}
		if i == len(path)-2 {
			describe(w, "", attrs[j])
		}
		attrs = attrs[j].Block
	}
	return nil
}

func describe(w io.Writer, indent string, a reference.Attribute) {
	words := []string{a.Type}
	switch {
	case a.Label:
		return
	case a.Required:
		words = append(words, "required")
	}
	fmt.Fprintf(w, "%s%s (%s)\n", indent, a.Name, strings.Join(words, ", "))
	fmt.Fprintf(w, "%s    %s\n", indent, strings.ReplaceAll(a.Doc, "\n", "\n"+indent+"    "))
	for _, b := range a.Block {
		describe(w, indent+"  ", b)
	}
}

// didYouMean names the nearest of names, if it is near enough to be a slip.
func didYouMean(name string, names []string) string {
	best, distance := "", min(4, max(2, 1+len(name)/2))
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
