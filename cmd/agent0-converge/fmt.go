package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/plans"
)

func (a *app) fmtCmd() *cobra.Command {
	var check, diff bool
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Rewrite plans in the canonical layout",
		Long: `fmt changes white space only. A file that does not parse is left as it is.
PATH is a file, a folder (its *.hcl files), or - for standard input; without one, this folder.`,
		Example: `  agent0-converge fmt plans/
  agent0-converge fmt --check .   # exit status 1 if a file is not in the canonical layout`,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.format(args, check, diff)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit status 1 if a file would change")
	cmd.Flags().BoolVar(&diff, "diff", false, "show what changes")
	return cmd
}

func (a *app) format(args []string, check, diff bool) error {
	if len(args) == 0 {
		args = []string{"."}
	}
	if slices.Equal(args, []string{"-"}) {
		return a.formatStdin()
	}
	files, err := planFiles(args)
	if err != nil {
		return err
	}
	failed, differs := false, false
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("cannot format: %w", err)
		}
		out, diags := plans.Format(src, name)
		if diags.HasErrors() {
			a.diagnostics(diags, map[string]*hcl.File{name: {Bytes: src}})
			failed = true
			continue
		}
		if bytes.Equal(src, out) {
			continue
		}
		differs = true
		fmt.Fprintln(a.stdout, name)
		if diff {
			fmt.Fprint(a.stdout, udiff.Unified(name, name, string(src), string(out)))
		}
		if check {
			continue
		}
		if err := rewrite(name, out); err != nil {
			return err
		}
	}
	if failed || check && differs {
		return &exitStatus{exitError}
	}
	return nil
}

func (a *app) formatStdin() error {
	src, err := io.ReadAll(a.stdin)
	if err != nil {
		return err
	}
	out, diags := plans.Format(src, "<stdin>")
	if diags.HasErrors() {
		a.diagnostics(diags, map[string]*hcl.File{"<stdin>": {Bytes: src}})
		return &exitStatus{exitError}
	}
	_, err = a.stdout.Write(out)
	return err
}

// planFiles lists the files that the arguments name.
func planFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, fmt.Errorf("cannot format: %w", err)
		}
		if !info.IsDir() {
			if !strings.HasSuffix(arg, ".hcl") {
				return nil, fmt.Errorf("cannot format %s: its name does not end in .hcl", arg)
			}
			files = append(files, arg)
			continue
		}
		found, err := filepath.Glob(filepath.Join(arg, "*.hcl"))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

// rewrite replaces a file of the user's whole, or makes it: half a plan would be worse than an unformatted one.
func rewrite(name string, content []byte) error {
	mode := fs.FileMode(0o644)
	switch info, err := os.Stat(name); {
	case err == nil:
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".agent0-converge-fmt-*")
	if err != nil {
		return fmt.Errorf("cannot rewrite %s: %w", name, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	for _, step := range []func() error{
		func() error { return tmp.Chmod(mode) }, tmp.Sync, tmp.Close,
		func() error { return os.Rename(tmp.Name(), name) },
	} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return fmt.Errorf("cannot rewrite %s: %w", name, err)
	}
	return nil
}
