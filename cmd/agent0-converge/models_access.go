package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/source"
)

// access is how commands that are given an address reach it.
type access struct {
	tokens []string
	caFile string
}

func (f *access) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.tokens, "token", nil, "HOST=VARIABLE: token for a host, or user:password, from an environment variable (again for more)")
	cmd.Flags().StringVar(&f.caFile, "ca-file", "", "file with certificates (PEM) of authorities that are trusted too")
}

// opener opens addresses; files are those of t.
func (f *access) opener(t host.Tree) (*source.Opener, error) {
	tokens, err := tokensFrom(f.tokens, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	var ca []byte
	if f.caFile != "" {
		if ca, err = os.ReadFile(f.caFile); err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
	}
	return source.NewOpener(source.Options{Files: t, Tokens: tokens, CA: ca, UserAgent: "agent0-converge/" + version})
}

// tokensFrom reads HOST=VARIABLE. The value is never an argument: everybody on the machine can read those.
func tokensFrom(said []string, lookup func(string) (string, bool)) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range said {
		name, variable, ok := strings.Cut(s, "=")
		u, err := url.Parse("//" + name)
		if !ok || variable == "" || err != nil || u.Host != name || u.Hostname() == "" {
			return nil, fmt.Errorf(`--token is HOST=VARIABLE, as in "models.example.com=MODELS_TOKEN", with the token in that environment variable`)
		}
		value, ok := lookup(variable)
		if value = strings.TrimSpace(value); !ok || value == "" {
			return nil, fmt.Errorf("--token for %s: the environment variable that it names is not set: the token itself does not belong here", name)
		}
		out[name] = value
	}
	return out, nil
}
