package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// table is what was measured, a line for each tool, with the ratio to each of some tools.
type table struct {
	out    *tabwriter.Writer
	beside []string
}

func newTable(things string, beside ...string) *table {
	t := &table{tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight), beside}
	fmt.Fprintf(t.out, "what\t%s\ttool\tmedian ms\tmin\tmax\tCPU ms\ta second\tRssAnon MiB\t", things)
	for _, name := range beside {
		fmt.Fprintf(t.out, "of %s\t", name)
	}
	fmt.Fprintln(t.out)
	return t
}

// add is what tools took for n things, by the name of the tool.
func (t *table) add(what string, n int, tools []tool, samples map[string][]sample) {
	for _, tool := range tools {
		ss := sorted(samples[tool.name])
		middle := median(ss)
		var rss int64
		for _, s := range ss {
			rss = max(rss, s.rssAnon)
		}
		rate := ""
		if tool.name != empty { // which does nothing with them
			rate = fmt.Sprintf("%.0f", float64(n)*1000/middle)
		}
		fmt.Fprintf(t.out, "%s\t%d\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%.1f\t", what, n, tool.name, middle,
			ms(ss[0].took), ms(ss[len(ss)-1].took), ms(ss[len(ss)/2].cpu), rate, float64(rss)/1024)
		for _, name := range t.beside {
			ratio := ""
			if peer := samples[name]; len(peer) > 0 && name != tool.name {
				ratio = fmt.Sprintf("%.2f", middle/median(sorted(peer)))
			}
			fmt.Fprintf(t.out, "%s\t", ratio)
		}
		fmt.Fprintln(t.out)
	}
}

func median(sorted []sample) float64 { return ms(sorted[len(sorted)/2].took) }

func sorted(ss []sample) []sample {
	return slices.SortedFunc(slices.Values(ss), func(a, b sample) int { return int(a.took - b.took) })
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
