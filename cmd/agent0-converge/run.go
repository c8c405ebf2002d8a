package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/server"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

func (a *app) runCmd() *cobra.Command {
	var (
		f planFlags
		r runFlags
	)
	cmd := &cobra.Command{
		Use:   "run [PLAN]",
		Short: "Apply a plan and serve its models in the foreground, without systemd",
		Long: `run applies the plan, as apply does, and then serves what its server blocks say until it is told to end:
for containers, and to try something. Each engine is its child, which confines itself; what it could not have stands in /health.
With --root it serves from that tree. SIGTERM and SIGINT let requests be answered first; exit status 0 then.`,
		Example: `  agent0-converge run laptop.hcl
  agent0-converge run --root /mnt/image laptop.hcl`,
		Args: atMost(1, "PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd.Context(), planPath(args), f, r)
		},
	}
	f.input(cmd)
	f.selection(cmd)
	r.add(cmd)
	a.jsonFlag(cmd)
	cmd.Flags().BoolVar(&r.allowPrune, "allow-prune", false, "off a terminal: remove also users, models or more than half of what the plan had")
	return cmd
}

func (a *app) run(ctx context.Context, path string, f planFlags, r runFlags) (err error) {
	servers, err := a.servers(path, f)
	if err != nil {
		return err
	}
	if err := a.apply(ctx, path, f, r); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "agent0-run-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		work sync.WaitGroup
		errs = make([]error, len(servers))
	)
	for i, s := range servers {
		work.Go(func() {
			if errs[i] = a.serveBlock(ctx, s, dir); errs[i] != nil {
				stop(errs[i]) // what the plan wants is all of them
			}
		})
	}
	work.Wait()
	return errors.Join(errs...)
}

// servers are the server blocks of a plan: it is an error if there is none.
func (a *app) servers(path string, f planFlags) ([]*server.Spec, error) {
	s, err := a.open(path, f, watchers{})
	if err != nil {
		return nil, err
	}
	defer s.host.Close()
	var all []*server.Spec
	for _, d := range s.plan.Resources {
		if block, ok := d.Spec.(*server.Spec); ok && served(d) {
			all = append(all, block)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no server block: there is nothing to run (apply applies it)", path)
	}
	return all, nil
}

func served(d engine.Declared) bool { return !d.Absent && !d.LeftOut && d.Deferred == "" }

// serveBlock serves what a block says, with its configuration in a folder of this run's.
func (a *app) serveBlock(ctx context.Context, block *server.Spec, dir string) error {
	root, err := filepath.Abs(cmp.Or(a.rootDir, "/")) // the configuration is in another folder
	if err != nil {
		return err
	}
	b, err := json.Marshal(rooted(block.Runtime(false), root))
	if err != nil {
		return err
	}
	file := filepath.Join(dir, block.Label+".json")
	if err := os.WriteFile(file, b, 0o644); err != nil { // it has no secret, and the engine may be another user
		return err
	}
	return a.serve(ctx, file)
}

// rooted has paths begin in the tree that was applied to.
func rooted(r spec.Runtime, root string) spec.Runtime {
	for _, p := range []*string{&r.Server.KeysFile, &r.Engine.Backends, &r.Engines} {
		if *p != "" {
			*p = filepath.Join(root, *p)
		}
	}
	for i, p := range r.Engine.Model {
		r.Engine.Model[i] = filepath.Join(root, p)
	}
	return r
}
