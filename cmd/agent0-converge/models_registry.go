package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/model"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// access is how commands that are given an address reach it.
type access struct {
	tokens []string
	caFile string
}

func (f *access) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.tokens, "token", nil, "HOST=VARIABLE: for HOST, the token or user:password in that environment variable")
	cmd.Flags().StringVar(&f.caFile, "ca-file", "", "file with certificates (PEM) of authorities that are trusted too")
}

// read returns the tokens by host, and the certificates.
func (f *access) read() (tokens map[string]string, ca []byte, err error) {
	tokens = map[string]string{}
	for _, said := range f.tokens {
		at, variable, ok := strings.Cut(said, "=")
		if !ok || at == "" || variable == "" {
			return nil, nil, fmt.Errorf("--token is HOST=VARIABLE, the name of an environment variable: a token in an argument would be seen by everybody")
		}
		token, set := os.LookupEnv(variable)
		if !set {
			return nil, nil, fmt.Errorf("--token: there is no environment variable %s", variable)
		}
		tokens[at] = token
	}
	if f.caFile != "" {
		if ca, err = os.ReadFile(f.caFile); err != nil {
			return nil, nil, fmt.Errorf("cannot read --ca-file: %w", err)
		}
	}
	return tokens, ca, nil
}

func (f *access) registry() (*registry.Client, error) {
	tokens, ca, err := f.read()
	if err != nil {
		return nil, err
	}
	return registry.NewClient(registry.Options{Tokens: tokens, CA: ca, UserAgent: "agent0-converge/" + version})
}

func (a *app) bundlePushCmd() *cobra.Command {
	var f access
	cmd := &cobra.Command{
		Use: "push DIR REFERENCE", Short: "Send a bundle to a registry",
		Long: `push sends a bundle to a registry, as REFERENCE ("registry.example.com/agent0/models:1"). Plans then have its models
by a source "oci://registry.example.com/agent0/models", and their sha256.`,
		Args: exactly(2, "a DIR and a REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.registry()
			if err != nil {
				return err
			}
			return withBundle(args[0], func(b *bundle.Bundle) error {
				if err := b.Push(cmd.Context(), c, args[1]); err != nil {
					return err
				}
				fmt.Fprintf(a.stdout, "%d models are at oci://%s.\n", len(b.Models()), strings.TrimPrefix(args[1], "oci://"))
				return nil
			})
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) bundlePullCmd() *cobra.Command {
	var f access
	cmd := &cobra.Command{
		Use: "pull REFERENCE DIR", Short: "Make a bundle of what a registry has",
		Args: exactly(2, "a REFERENCE and a DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.registry()
			if err != nil {
				return err
			}
			if err := a.bundlePull(cmd.Context(), c, args[0], args[1]); err != nil {
				return err
			}
			return a.bundleList(args[1])
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) bundlePull(ctx context.Context, c *registry.Client, ref, dir string) error {
	h, dir, err := openStick(dir)
	if err != nil {
		return err
	}
	defer h.Close()
	bars := a.progress()
	defer bars.close()
	err = bundle.Pull(ctx, h.Files, dir, c, ref, tellOf("pull", bars))
	bars.tell(engine.Progress{Addr: "pull", Ended: true})
	return err
}

// offered opens the bundles that --models names.
func offered(dirs []string) ([]*bundle.Bundle, error) {
	var out []*bundle.Bundle
	for _, dir := range dirs {
		h, dir, err := openStick(dir) // which holds nothing open: it is the running system
		if err != nil {
			return nil, err
		}
		b, err := bundle.Open(h.Files.Tree, dir)
		if err != nil {
			return nil, fmt.Errorf("--models: %w", err)
		}
		out = append(out, b)
	}
	return out, nil
}

// offer has the models of a plan taken from bundles, where they have them.
func offer(ds []engine.Declared, dirs []string) error {
	bundles, err := offered(dirs)
	if err != nil {
		return err
	}
	for _, d := range ds {
		if spec, ok := d.Spec.(*model.Spec); ok {
			for _, b := range bundles {
				spec.Offer(b)
			}
		}
	}
	return nil
}
