package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/human"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

func (a *app) modelsPruneCmd() *cobra.Command {
	var (
		dryRun bool
		wait   time.Duration
	)
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what is left of downloads: parts, and files that turned out wrong",
		Long: `prune removes what downloads have left: files that are not complete, which an apply would go on from, files
that turned out to be something else than was wanted, and records of models that are gone. A download that is
under way is left alone, and so is every model that is in its place: what a plan no longer has, apply removes.`,
		Args: atMost(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.modelsPrune(cmd.Context(), dryRun, wait) },
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing")
	cmd.Flags().DurationVar(&wait, "lock-timeout", 0, "how long to wait for another run on this root to end")
	return cmd
}

func (a *app) modelsPrune(ctx context.Context, dryRun bool, wait time.Duration) (err error) {
	h, err := a.openHost("", watchers{})
	if err != nil {
		return err
	}
	defer h.Close()
	if !dryRun {
		j, err := a.openJournal(h)
		if err != nil {
			return err
		}
		rec, err := a.start(ctx, h, j, journal.Info{Verb: "models prune"}, runFlags{lockTimeout: wait, secrets: "vault"})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rec.Close()) }()
	}
	freed, err := a.pruneDownloads(ctx, h, dryRun)
	if err == nil {
		err = a.pruneRecords(h, dryRun)
	}
	if err != nil {
		return asRoot(err)
	}
	verb := "Freed"
	if dryRun {
		verb = "It would free"
	}
	fmt.Fprintf(a.stdout, "%s %s.\n", verb, human.Bytes(freed))
	return nil
}

func (a *app) pruneDownloads(ctx context.Context, h *host.Host, dryRun bool) (freed int64, err error) {
	all, err := fetch.List(h.Files.Tree)
	if err != nil {
		return 0, err
	}
	for _, s := range all {
		var held *host.LockedError
		if !dryRun {
			err = fetch.Forget(ctx, h.Files, s.Key)
		}
		if errors.As(err, &held) {
			fmt.Fprintf(a.stdout, "  · %s is being fetched\n", s.For)
			continue
		}
		if err != nil {
			return freed, err
		}
		if s.Path != "" {
			fmt.Fprintf(a.stdout, "  - %s   %s of %s\n", s.Path, amount(s.Have, s.Size), s.For)
		}
		if s.Wrong != "" {
			fmt.Fprintf(a.stdout, "  - %s   not what %s should be\n", s.Wrong, s.For)
		}
		freed += s.Have + s.WrongBytes
	}
	return freed, nil
}

func (a *app) pruneRecords(h *host.Host, dryRun bool) error {
	records, err := record.All(h.Files.Tree)
	if err != nil {
		return err
	}
	for _, r := range records {
		if _, err := h.Files.Lstat(r.Path); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.stdout, "  - the record of %s, which is gone\n", r.Path)
		if dryRun {
			continue
		}
		if err := record.Remove(h.Files, r.Path); err != nil {
			return err
		}
	}
	return nil
}
