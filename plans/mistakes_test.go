package plans_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/agent0-converge/agent0-converge/plans"
)

const mistakesFile = "testdata/mistakes.txtar"

// TestMistakes holds the whole text of every diagnostic, snippet and all.
func TestMistakes(t *testing.T) {
	update := flag.Lookup("update").Value.String() == "true"
	archive, err := txtar.ParseFile(mistakesFile)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(archive.Files); i++ {
		name, plan := archive.Files[i].Name, archive.Files[i].Data
		beside := map[string][]byte{"plan.hcl": plan}
		for i++; archive.Files[i].Name != name+": says"; i++ {
			beside[strings.TrimPrefix(archive.Files[i].Name, name+": ")] = archive.Files[i].Data
		}
		says := &archive.Files[i].Data
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for name, text := range beside {
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			plan, diags := plans.Load(plans.Input{Path: "plan.hcl", Facts: facts(), Kinds: kinds()})
			if len(diags) == 0 {
				t.Fatal("nothing was found wrong")
			}
			if diags.HasErrors() && len(plan.Resources) > 0 {
				t.Error("a plan with mistakes has resources")
			}
			got := shown(t, plan, diags)
			if strings.Contains(got, "hunter2") && !strings.Contains(name, "sensitive") {
				t.Errorf("a secret is shown:\n%s", got)
			}
			if update {
				*says = []byte(got)
			} else if diff := cmp.Diff(string(*says), got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
	if update {
		if err := os.WriteFile(filepath.FromSlash(mistakesFile), txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
