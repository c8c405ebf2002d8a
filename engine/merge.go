package engine

// Merger brings two looks at one thing together: earlier is as it was before one run, later as it was
// before a run after that, which asked for more. What earlier does not tell is as later tells. Neither is
// nil or changed. Kinds that report no more than a block asks for need it; without it earlier tells all.
type Merger[S any] interface {
	Merge(earlier, later *S) *S
}

// Merges reports whether Merge may return anything but earlier.
func (k *Kind) Merges() bool { return k.merge != nil }

// Merge is what there was before both of two runs, by what each found. A thing that was not there before
// the first was not, whatever came later.
func (k *Kind) Merge(earlier, later any) any {
	if earlier == nil || later == nil || k.merge == nil {
		return earlier
	}
	return k.merge(earlier, later)
}
