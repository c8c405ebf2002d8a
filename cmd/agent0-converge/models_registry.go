package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
)

func (a *app) bundlePushCmd() *cobra.Command {
	var f access
	cmd := &cobra.Command{
		Use: "push DIR REFERENCE", Short: "Send a bundle to a registry",
		Long: `push sends a bundle to a registry, as REFERENCE ("registry.example.com/agent0/models:1"). Plans then have its models
by a source "oci://registry.example.com/agent0/models", and their sha256.`,
		Args: exactly(2, "a DIR and a REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withBundle(args[0], func(h *host.Host, b *bundle.Bundle) error {
				o, err := f.opener(h.Files.Tree)
				if err != nil {
					return err
				}
				defer o.Close()
				if err := b.Push(cmd.Context(), o.Registry(), args[1]); err != nil {
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
			if err := a.bundlePull(cmd.Context(), f, args[0], args[1]); err != nil {
				return err
			}
			return a.bundleList(args[1])
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) bundlePull(ctx context.Context, f access, ref, dir string) error {
	h, dir, err := openStick(dir)
	if err != nil {
		return err
	}
	defer h.Close()
	o, err := f.opener(h.Files.Tree)
	if err != nil {
		return err
	}
	defer o.Close()
	bars := a.progress()
	defer bars.close()
	err = bundle.Pull(ctx, h.Files, dir, o.Registry(), ref, tellOf("pull", bars))
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
