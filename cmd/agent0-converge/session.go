package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/resources/all"
)

// planFlags are the flags of every command that reads a plan.
type planFlags struct {
	vars, varFiles    []string
	targets, excludes []string
	facts             string
	missingSecrets    string
	parallelism       int
	secrets           string
	verify            bool
	models            []string
}

func (f *planFlags) input(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.vars, "var", nil, "value of a variable, NAME=VALUE (not for sensitive ones)")
	flags.StringArrayVar(&f.varFiles, "var-file", nil, "file with values of variables")
	flags.StringVar(&f.facts, "facts", "", "JSON file with facts that the root cannot tell")
	flags.StringVar(&f.secrets, "secrets", "vault", `"digest-only" keeps no old secret for undo; so it is with --root`)
	flags.StringVar(&f.missingSecrets, "missing-secrets", "error", `"ok" plans without the values of sensitive variables`)
}

func (f *planFlags) selection(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.targets, "target", nil, "only this resource or block, with what it depends on; never prunes")
	flags.StringArrayVar(&f.excludes, "exclude", nil, "leave out this resource or block, with what depends on it")
	flags.StringArrayVar(&f.models, "models", nil, "folder with a bundle of models, which are taken from there before their sources are asked")
	flags.BoolVar(&f.verify, "verify", false, "read models again, and trust no record of what they were found to be")
	flags.IntVar(&f.parallelism, "parallelism", engine.DefaultParallelism, "how many resources are read at once")
}

// session is a plan and the host that it is for.
type session struct {
	path    string
	host    *host.Host
	input   plans.Input // what plan was made from
	plan    *plans.Plan
	journal *journal.Journal
	flags   planFlags
}

// watchers are what a command wants to hear of the host.
type watchers struct {
	ran func(host.Call)
}

// openHost opens the machine or the root that --root names.
func (a *app) openHost(factsFile string, w watchers) (*host.Host, error) {
	log := slog.New(warnings{w: a.stderr, style: styleFor(a.stderr, a.noColor)})
	h, err := host.Open(host.Options{Root: a.rootDir, Ran: w.ran, Log: log})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; make the folder first, or name another with --root", err)
	}
	if err != nil || factsFile == "" {
		return h, err
	}
	facts, err := readFacts(factsFile)
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	h.Facts = h.Facts.Fill(facts)
	return h, nil
}

func readFacts(name string) (host.Facts, error) {
	f, err := os.Open(name)
	if err != nil {
		return host.Facts{}, fmt.Errorf("cannot read facts: %w", err)
	}
	defer f.Close()
	facts, err := host.LoadFacts(f)
	if err != nil {
		return facts, fmt.Errorf("%s: %w", name, err)
	}
	return facts, nil
}

// inputOf is what the plan at path is loaded with for a host with these facts.
func inputOf(path string, facts host.Facts, f planFlags) (plans.Input, error) {
	if f.missingSecrets != "error" && f.missingSecrets != "ok" {
		return plans.Input{}, fmt.Errorf(`--missing-secrets is "error" or "ok", not %q`, f.missingSecrets)
	}
	vars := map[string]string{}
	for _, v := range f.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return plans.Input{}, fmt.Errorf("--var %q is not NAME=VALUE", v)
		}
		vars[name] = value
	}
	return plans.Input{
		Path: path, Vars: vars, VarFiles: f.varFiles, Environ: os.Environ(), Facts: facts,
		Kinds: all.Kinds(), AllowMissingSecrets: f.missingSecrets == "ok",
	}, nil
}

// load evaluates the plan at path and reports what is wrong with it.
func (a *app) load(path string, h *host.Host, f planFlags) (*plans.Plan, error) {
	in, err := inputOf(path, h.Facts, f)
	if err != nil {
		return nil, err
	}
	return a.loadFrom(in)
}

func (a *app) loadFrom(in plans.Input) (*plans.Plan, error) {
	plan, diags := plans.Load(in)
	if diags.HasErrors() {
		return nil, a.failed(diags, plan.Files())
	}
	if !a.json && len(diags) > 0 {
		a.diagnostics(diags, plan.Files())
	}
	return plan, nil
}

// open reads plan, host and journal; nothing is written.
func (a *app) open(path string, f planFlags, w watchers) (*session, error) {
	h, err := a.openHost(f.facts, w)
	if err != nil {
		return nil, err
	}
	h.Reread = f.verify
	s := &session{path: path, host: h, flags: f}
	if s.input, err = inputOf(path, h.Facts, f); err == nil {
		s.plan, err = a.loadFrom(s.input)
	}
	if err == nil {
		err = offer(s.plan.Resources, f.models)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	if s.journal, err = a.openJournal(h); err != nil {
		h.Close()
		return nil, err
	}
	return s, nil
}

// openJournal reads the journal of the root. Its errors name paths in there, and must not be taken
// to mean those of this machine.
func (a *app) openJournal(h *host.Host) (*journal.Journal, error) {
	j, err := journal.Open(h.Files.Tree, kindNamed)
	if err != nil && a.rootDir != "" {
		err = fmt.Errorf("in root %s: %w", a.rootDir, err)
	}
	return j, asRoot(err)
}

// asRoot adds what to do about a lack of rights.
func asRoot(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: run as root", err)
	}
	return err
}

// readHost calls f with the root and its journal at hand.
func (a *app) readHost(f func(*host.Host, *journal.Journal) error) error {
	h, err := a.openHost("", watchers{})
	if err != nil {
		return err
	}
	defer h.Close()
	j, err := a.openJournal(h)
	if err != nil {
		return err
	}
	return f(h, j)
}

// readJournal calls f with the journal of the root at hand.
func (a *app) readJournal(f func(*journal.Journal) error) error {
	return a.readHost(func(_ *host.Host, j *journal.Journal) error { return f(j) })
}

func kindNamed(name string) (*engine.Kind, bool) {
	for _, k := range all.Kinds() {
		if k.Name() == name {
			return k, true
		}
	}
	return nil, false
}

func (s *session) planner(l engine.Ledger) engine.Planner {
	p := engine.Planner{
		ForgetSecrets: s.flags.secrets == "digest-only" || s.host.Offline,
		View:          s.host.View(), Ledger: l, Kinds: kindNamed, Name: s.plan.Name, Parallelism: s.flags.parallelism,
	}
	for _, t := range s.flags.targets {
		p.Targets = append(p.Targets, engine.Addr(t))
	}
	for _, e := range s.flags.excludes {
		p.Excludes = append(p.Excludes, engine.Addr(e))
	}
	return p
}

// changes compares the plan with the host.
func (a *app) changes(ctx context.Context, s *session, l engine.Ledger) (*engine.Plan, error) {
	p, err := s.planner(l).Plan(ctx, s.plan.Resources)
	if err != nil {
		return nil, a.mistakes(err, s.plan.Files())
	}
	return p, nil
}

// planPath is the plan that a command is given, or the folder that it runs in.
func planPath(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return "."
}
