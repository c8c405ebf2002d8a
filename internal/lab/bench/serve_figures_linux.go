package main

import (
	"fmt"
	"math"
	"slices"
)

// student are the 0.975 quantiles of Student's t distribution, of 1 to 30 degrees of freedom: what is within so many standard
// errors of a mean is its 95 % interval.
var student = []float64{
	12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
	2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
}

// estimate is a mean with its 95 % interval.
type estimate struct{ low, mean, high float64 }

// estimated is the mean of what pairs differ by. It takes 2 of them or more, as one says nothing of how they spread.
func estimated(values []float64) (estimate, error) {
	n := len(values)
	if n < 2 {
		return estimate{}, fmt.Errorf("an interval needs 2 values or more, not %d", n)
	}
	var sum, squares float64
	for _, v := range values {
		sum += v
	}
	mean := sum / float64(n)
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	half := student[min(n-1, len(student))-1] * math.Sqrt(squares/float64(n-1)/float64(n))
	return estimate{mean - half, mean, mean + half}, nil
}

// middle is the median.
func middle(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
