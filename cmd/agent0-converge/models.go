package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/human"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

func (a *app) modelsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List, verify and prune models, lock what they are, and carry them on a stick",
		Long: `models is about the large files that plans declare as "model" and apply fetches. A plan knows them by
their SHA-256; what they were found to be is on record, so that nothing is fetched or read twice.`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.modelsListCmd(), a.modelsVerifyCmd(), a.modelsPruneCmd(), a.modelsLockCmd(), a.modelsBundleCmd())
	return cmd
}

func (a *app) modelsListCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the models of this host, how they are known, and what is left of downloads",
		Example: `  agent0-converge models list
  agent0-converge models list --json | jq '.models[] | select(.state != "verified")'`,
		Args: atMost(0, ""),
		RunE: func(*cobra.Command, []string) error { return a.modelsList() },
	}
	a.jsonFlag(cmd)
	return cmd
}

// modelState says in a word how a model is.
type modelState string

const (
	modelVerified modelState = "verified" // a record of it holds
	modelUnread   modelState = "unread"   // it may have changed since it was read
	modelMissing  modelState = "missing"
	modelDiffers  modelState = "differs" // found by reading it
)

// jsonModel is a model of a host.
type jsonModel struct {
	Path     string       `json:"path"`
	Plan     string       `json:"plan,omitempty"`
	Addr     engine.Addr  `json:"address,omitempty"`
	SHA256   string       `json:"sha256"`
	Size     int64        `json:"size"`
	State    modelState   `json:"state"`
	KnownBy  record.Means `json:"known_by,omitempty"`
	Verified time.Time    `json:"verified"`
	From     string       `json:"from,omitempty"`
	// Found is what reading it found, where that is something else.
	Found string `json:"found,omitempty"`
}

// jsonDownload is what is left of a download.
type jsonDownload struct {
	For    string `json:"for"`
	SHA256 string `json:"sha256,omitempty"`
	// Path is the file that is not complete, and Wrong one that turned out to be something else.
	Path       string `json:"path,omitempty"`
	Have       int64  `json:"have"`
	Size       int64  `json:"size"`
	Wrong      string `json:"wrong,omitempty"`
	WrongBytes int64  `json:"wrong_bytes,omitempty"`
}

func (a *app) modelsList() error {
	return a.readHost(func(h *host.Host, j *journal.Journal) error {
		models, err := modelsOf(h.Files.Tree, j)
		if err != nil {
			return asRoot(err)
		}
		downloads, err := downloadsOf(h.Files.Tree)
		if err != nil {
			return asRoot(err)
		}
		if a.json {
			return a.writeJSON(map[string]any{"format_version": "1.0", "models": models, "downloads": downloads})
		}
		a.showModels(models)
		a.showDownloads(downloads)
		return nil
	})
}

// modelsOf lists what is on record, with who manages it.
func modelsOf(t host.Tree, j *journal.Journal) ([]jsonModel, error) {
	records, err := record.All(t)
	if err != nil {
		return nil, err
	}
	out := []jsonModel{}
	for _, r := range records {
		m, err := modelOf(t, j, r)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b jsonModel) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func modelOf(t host.Tree, j *journal.Journal, r record.Record) (jsonModel, error) {
	m := jsonModel{Path: r.Path, SHA256: r.SHA256, Size: r.Size, Verified: r.Verified, From: r.From, State: modelUnread}
	if head, ok := j.Lookup(engine.PathClaim(r.Path)); ok {
		m.Plan, m.Addr = head.Plan, head.Addr
	}
	var err error
	m.KnownBy, err = r.Now(t)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m.State, err = modelMissing, nil
	case m.KnownBy != "":
		m.State = modelVerified
	}
	return m, err
}

func downloadsOf(t host.Tree) ([]jsonDownload, error) {
	all, err := fetch.List(t)
	if err != nil {
		return nil, err
	}
	out := []jsonDownload{}
	for _, s := range all {
		d := jsonDownload{For: s.For, Path: s.Path, Have: s.Have, Size: s.Size, Wrong: s.Wrong, WrongBytes: s.WrongBytes}
		if !s.Unverified {
			d.SHA256 = fmt.Sprintf("%x", s.SHA256)
		}
		out = append(out, d)
	}
	return out, nil
}

func (a *app) showModels(models []jsonModel) {
	if len(models) == 0 {
		fmt.Fprintln(a.stdout, "No plan has put a model on this host.")
		return
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MODEL\tPATH\tSIZE\tSHA256\tSTATE")
	for _, m := range models {
		state := string(m.State)
		if m.State == modelVerified {
			state = fmt.Sprintf("verified %s (%s)", m.Verified.Local().Format(time.DateTime), m.KnownBy)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", orElse(string(m.Addr), "-"), m.Path, human.Bytes(m.Size), m.SHA256[:min(12, len(m.SHA256))], state)
	}
	w.Flush() // to the output, which remembers that it failed
}

func (a *app) showDownloads(downloads []jsonDownload) {
	for _, d := range downloads {
		if d.Have > 0 {
			fmt.Fprintf(a.stdout, "\n%s of %s are here (%s); the next apply goes on from there.\n", amount(d.Have, d.Size), d.For, d.Path)
		}
		if d.Wrong != "" {
			fmt.Fprintf(a.stdout, "\n%s were sent for %s and are something else: kept as %s until models prune.\n", human.Bytes(d.WrongBytes), d.For, d.Wrong)
		}
	}
}
