package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/human"
	"github.com/agent0-converge/agent0-converge/resources/model"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

func (a *app) modelsBundleCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "Carry models to machines without a network, or to a registry",
		Long: `bundle keeps the models of a plan in one folder, such as on a USB stick, as an OCI image layout: oras,
skopeo and registries take it as it is. On a machine without a network, apply --models DIR takes from
there what the plan wants, by its SHA-256, whatever its sources say.`,
		Example: `  agent0-converge models bundle write laptop.hcl /media/usb/models
  agent0-converge apply --models /media/usb/models laptop.hcl     # on a machine without a network
  agent0-converge models bundle push /media/usb/models registry.example.com/agent0/models:2026-11`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.bundleWriteCmd(), a.bundleListCmd(), a.bundleVerifyCmd(), a.bundlePushCmd(), a.bundlePullCmd())
	return cmd
}

func (a *app) bundleWriteCmd() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "write PLAN DIR",
		Short: "Put the models of a plan into a bundle, from this host or from their sources",
		Long: `write makes DIR a bundle of the models that the plan wants, and of no others. What this host has is copied
from there, everything else is fetched; what the bundle has already is neither. A write that was cut short
leaves the bundle as it was, and the next one goes on.`,
		Args: exactly(2, "a PLAN and a DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bundleWrite(cmd.Context(), args[0], args[1], f)
		},
	}
	f.input(cmd)
	return cmd
}

// wanted is a file of a model that a bundle is to have.
type wanted struct {
	addr engine.Addr
	spec *model.Spec
	part model.Part
}

func (a *app) bundleWrite(ctx context.Context, plan, dir string, f planFlags) error {
	s, err := a.open(plan, f, watchers{})
	if err != nil {
		return err
	}
	defer s.host.Close()
	stick, dir, err := openStick(dir)
	if err != nil {
		return err
	}
	defer stick.Close()
	want, err := wantedOf(s.plan.Resources)
	if err != nil {
		return err
	}
	bars := a.progress()
	defer bars.close()
	w := &bundling{from: s.host, stick: stick, dir: dir, tell: bars.tell}
	if err := w.write(ctx, want); err != nil {
		return err
	}
	bars.close()
	return a.bundleList(dir)
}

// openStick opens the machine that this runs on: a bundle lies there, whatever the root of the plan.
func openStick(dir string) (*host.Host, string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, "", err
	}
	h, err := host.Open(host.Options{})
	return h, filepath.ToSlash(abs), err
}

// wantedOf lists the files of the models that are declared.
func wantedOf(ds []engine.Declared) ([]wanted, error) {
	var out []wanted
	for _, d := range ds {
		spec, ok := d.Spec.(*model.Spec)
		if !ok || d.Absent || d.LeftOut {
			continue
		}
		for _, p := range spec.Parts() {
			if p.SHA256 == [32]byte{} {
				return nil, fmt.Errorf("%s is unverified, and a bundle keeps models by their sha256: models lock finds it out (%s)", d.Addr, d.Place)
			}
			out = append(out, wanted{d.Addr, spec, p})
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the plan has no models")
	}
	return out, nil
}

// bundling makes a bundle.
type bundling struct {
	from, stick *host.Host
	dir         string
	tell        func(engine.Progress)
}

func (b *bundling) write(ctx context.Context, want []wanted) error {
	var models []bundle.Model
	at := map[[32]byte]opening{}
	for _, w := range want {
		if _, twice := at[w.part.SHA256]; twice {
			continue
		}
		open, err := b.at(ctx, w)
		if err != nil {
			return err
		}
		at[w.part.SHA256] = open
		models = append(models, bundle.Model{Name: string(w.addr), SHA256: w.part.SHA256, Size: max(w.part.Size, 0), File: filepath.Base(w.part.Path)})
	}
	open := func(m bundle.Model) (io.ReadCloser, int64, error) { return at[m.SHA256]() }
	const whole = engine.Addr("bundle")
	err := bundle.Create(ctx, b.stick.Files, b.dir, models, open, func(done, total int64) {
		b.tell(engine.Progress{Addr: whole, Done: done, Total: total})
	})
	b.tell(engine.Progress{Addr: whole, Ended: true})
	return err
}

// opening opens a file, and says how long it is.
type opening func() (io.ReadCloser, int64, error)

func fileAt(t host.Tree, p string) opening {
	return func() (io.ReadCloser, int64, error) {
		f, err := t.Open(p)
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
		return f, info.Size(), nil
	}
}

// at is where a file is: on the host, in the bundle, or there once it is fetched.
func (b *bundling) at(ctx context.Context, w wanted) (opening, error) {
	here, err := known(b.from.Files.Tree, w.part)
	if err != nil {
		return nil, err
	}
	if here {
		return fileAt(b.from.Files.Tree, w.part.Path), nil
	}
	blob := bundle.Blob(b.dir, w.part.SHA256)
	if info, err := b.stick.Files.Lstat(blob); err == nil && info.Kind == host.File {
		return fileAt(b.stick.Files.Tree, blob), nil
	}
	if err := b.stick.Files.MkdirAll(filepath.ToSlash(filepath.Dir(blob)), 0o755); err != nil {
		return nil, err
	}
	err = w.spec.Fetch(ctx, b.from.View(), b.stick, w.part, blob, func(p engine.Progress) { p.Addr = w.addr; b.tell(p) })
	b.tell(engine.Progress{Addr: w.addr, Ended: true})
	return fileAt(b.stick.Files.Tree, blob), err
}

func (a *app) bundleListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list DIR", Short: "List the models in a bundle",
		Args: exactly(1, "a DIR"),
		RunE: func(_ *cobra.Command, args []string) error { return a.bundleList(args[0]) },
	}
}

func (a *app) bundleList(dir string) error {
	return withBundle(dir, func(_ *host.Host, b *bundle.Bundle) error {
		w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "MODEL\tFILE\tSIZE\tSHA256")
		for _, m := range b.Models() {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", orElse(m.Name, "-"), orElse(m.File, "-"), human.Bytes(m.Size), hex.EncodeToString(m.SHA256[:6]))
		}
		return w.Flush()
	})
}

// withBundle calls f with the bundle in a folder of this machine.
func withBundle(dir string, f func(*host.Host, *bundle.Bundle) error) error {
	h, dir, err := openStick(dir)
	if err != nil {
		return err
	}
	defer h.Close()
	b, err := bundle.Open(h.Files.Tree, dir)
	if err != nil {
		return err
	}
	return f(h, b)
}

func (a *app) bundleVerifyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "verify DIR", Short: "Read every model in a bundle and compare it with its sha256",
		Args: exactly(1, "a DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			bars := a.progress()
			defer bars.close()
			return withBundle(args[0], func(_ *host.Host, b *bundle.Bundle) error {
				err := b.Verify(cmd.Context(), tellOf("verify", bars))
				bars.tell(engine.Progress{Addr: "verify", Ended: true})
				if bars.close(); err == nil {
					fmt.Fprintf(a.stdout, "%d models, all as they should be.\n", len(b.Models()))
				}
				return err
			})
		},
	}
}

// tellOf tells of something that has no address.
func tellOf(what engine.Addr, p *progress) func(done, total int64) {
	return func(done, total int64) { p.tell(engine.Progress{Addr: what, Done: done, Total: total}) }
}

// known reports whether the host has a file, by a record of it.
func known(t host.Tree, p model.Part) (bool, error) {
	r, err := record.Of(t, p.Path)
	if err != nil || r == nil || r.SHA256 != hex.EncodeToString(p.SHA256[:]) {
		return false, asRoot(err)
	}
	by, err := r.Now(t)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // then it is fetched
	}
	return by != "", err
}
