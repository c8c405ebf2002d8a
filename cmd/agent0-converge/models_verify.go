package main

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

func (a *app) modelsVerifyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [PATH...]",
		Short: "Read models again and compare them with what they were; change nothing",
		Long: `verify reads every byte of the models of this host, or of those at PATH, and compares their SHA-256 with
what they had when they were put there. Exit status 2 if one is not what it was, or gone.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.modelsVerify(cmd.Context(), args) },
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) modelsVerify(ctx context.Context, paths []string) error {
	if err := forbidWriting(); err != nil {
		return err
	}
	return a.readHost(func(h *host.Host, j *journal.Journal) error {
		models, err := modelsOf(h.Files.Tree, j)
		if err == nil {
			models, err = named(models, paths)
		}
		if err != nil {
			return asRoot(err)
		}
		wrong, err := a.readModels(ctx, h.Files.Tree, models)
		switch {
		case err != nil:
			return err
		case a.json:
			err = a.writeJSON(map[string]any{"format_version": "1.0", "models": models})
		default:
			a.showVerified(models, wrong)
		}
		if err == nil && wrong > 0 {
			err = &exitStatus{exitDiffers}
		}
		return err
	})
}

// readModels reads models and counts those that are not what they were.
func (a *app) readModels(ctx context.Context, t host.Tree, models []jsonModel) (wrong int, err error) {
	bars := a.progress()
	defer bars.close()
	for i := range models {
		if err := verifyModel(ctx, t, &models[i], bars); err != nil {
			return wrong, err
		}
		if models[i].State != modelVerified {
			wrong++
		}
	}
	return wrong, nil
}

// named leaves the models at paths; one that is none is an error.
func named(models []jsonModel, paths []string) ([]jsonModel, error) {
	if len(paths) == 0 {
		return models, nil
	}
	at := map[string]jsonModel{}
	for _, m := range models {
		at[m.Path] = m
	}
	var out []jsonModel
	for _, p := range paths {
		m, ok := at[p]
		if !ok {
			return nil, fmt.Errorf("no plan has put a model at %s: models list says where they are", p)
		}
		out = append(out, m)
	}
	return out, nil
}

// verifyModel reads m.
func verifyModel(ctx context.Context, t host.Tree, m *jsonModel, bars *progress) error {
	if m.State == modelMissing {
		return nil
	}
	addr := engine.Addr(orElse(string(m.Addr), m.Path))
	sum, err := t.Digest(ctx, m.Path, func(done, size int64) {
		bars.tell(engine.Progress{Addr: addr, Done: done, Total: size})
	})
	bars.tell(engine.Progress{Addr: addr, Ended: true})
	if err != nil {
		return err
	}
	m.State = modelVerified
	if found := hex.EncodeToString(sum.SHA256[:]); found != m.SHA256 {
		m.State, m.Found = modelDiffers, found
	}
	return nil
}

func (a *app) showVerified(models []jsonModel, wrong int) {
	for _, m := range models {
		switch m.State {
		case modelVerified:
			fmt.Fprintf(a.stdout, "  ✓ %s\n", m.Path)
		case modelMissing:
			fmt.Fprintf(a.stdout, "  - %s is gone\n", m.Path)
		default:
			fmt.Fprintf(a.stdout, "  ! %s is not what it was: its sha256 is %s and was %s\n", m.Path, m.Found, m.SHA256)
		}
	}
	switch {
	case len(models) == 0:
		fmt.Fprintln(a.stdout, "No plan has put a model on this host.")
	case wrong == 0:
		fmt.Fprintf(a.stdout, "%d read, all as they were.\n", len(models))
	default:
		fmt.Fprintf(a.stdout, "%d read, %d not as they were. To fetch them again: apply --verify PLAN.\n", len(models), wrong)
	}
}
