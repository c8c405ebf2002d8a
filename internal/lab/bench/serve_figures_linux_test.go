package main

import (
	"math"
	"testing"
)

// The interval is that of a textbook: 10 values of mean 5.5 and variance 55/6.
func TestEstimated(t *testing.T) {
	got, err := estimated([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	if err != nil {
		t.Fatal(err)
	}
	half := 2.262 * math.Sqrt(55.0/6/10)
	for what, pair := range map[string][2]float64{
		"low": {got.low, 5.5 - half}, "mean": {got.mean, 5.5}, "high": {got.high, 5.5 + half},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-9 {
			t.Errorf("%s is %v, not %v", what, pair[0], pair[1])
		}
	}
	if got, err := estimated([]float64{2, 2}); err != nil || got != (estimate{2, 2, 2}) {
		t.Errorf("of what does not spread: %v, %v", got, err)
	}
	if got, err := estimated([]float64{2}); err == nil {
		t.Errorf("of one value: %v", got)
	}
}

func TestMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 9}, 3}} {
		if got := middle(c.values); got != c.want {
			t.Errorf("of %v it is %v", c.values, got)
		}
	}
}
