package spec_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// odd are numbers that C code should not meet unless they are in range.
var odd = []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1),
	math.MaxFloat32, 1e39, -1e39, 0, 1, -1, 0.5, math.MaxInt32, math.MinInt32, math.MaxInt64}

// anyFloat is one of them, or made of any bits.
func anyFloat(r *rand.Rand) float64 {
	if r.IntN(3) > 0 {
		return odd[r.IntN(len(odd))]
	}
	return math.Float64frombits(r.Uint64())
}

func anyInt(r *rand.Rand) int {
	all := []int{0, 1, -1, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64, math.MaxInt32 + 1, 64}
	if r.IntN(3) > 0 {
		return all[r.IntN(len(all))]
	}
	return int(r.Uint64())
}

// anySampling has nothing to be relied on in any of its fields, also in those that are added one day.
func anySampling(t *testing.T, r *rand.Rand) spec.Sampling {
	var s spec.Sampling
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case float64:
			f.SetFloat(anyFloat(r))
		case int:
			f.SetInt(int64(anyInt(r)))
		case uint64:
			f.SetUint(r.Uint64())
		case []string:
			for range r.IntN(40) {
				s.DryBreakers = append(s.DryBreakers, strings.Repeat("x", r.IntN(100)))
			}
		case []spec.Bias:
			for range r.IntN(2000) {
				s.Bias = append(s.Bias, spec.Bias{Token: int32(r.Uint32()) >> r.IntN(32), Bias: anyFloat(r)})
			}
		default:
			t.Fatalf("%s has a type that this test does not know", v.Type().Field(i).Name)
		}
	}
	return s
}

// Whatever a request says, what C sees are numbers that a float or int32 of C holds and that mean something to a sampler; and what was
// brought into range is left as it is.
func TestClamp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		vocabulary, context := 1+r.IntN(1<<r.IntN(20)), 1+r.IntN(1<<r.IntN(20))
		s := anySampling(t, r)
		before := s
		s.Clamp(vocabulary, context)
		inRange(t, before, s, vocabulary, context)
		again := s
		again.Clamp(vocabulary, context)
		if !reflect.DeepEqual(again, s) {
			t.Fatalf("%+v\nbecomes %+v", s, again)
		}
		if s.Seed != before.Seed {
			t.Fatal("the seed became another")
		}
	}
}

func inRange(t *testing.T, before, s spec.Sampling, vocabulary, context int) {
	t.Helper()
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch x := v.Field(i).Interface().(type) {
		case float64:
			// No sampler has use for more than 1000, and a float32 holds all of that.
			if math.IsNaN(x) || math.IsInf(float64(float32(x)), 0) || math.Abs(x) > 1000 {
				t.Fatalf("%s is %g\nof %+v", name, x, before)
			}
			if x < 0 && name != "FrequencyPenalty" && name != "PresencePenalty" {
				t.Fatalf("%s is %g", name, x)
			}
		case int:
			if x < 0 || x > max(vocabulary, context, 2) {
				t.Fatalf("%s is %d with %d tokens and a context of %d", name, x, vocabulary, context)
			}
		}
	}
	for name, p := range map[string]float64{"TopP": s.TopP, "MinP": s.MinP, "TypicalP": s.TypicalP, "XTCProbability": s.XTCProbability, "XTCThreshold": s.XTCThreshold} {
		if p > 1 {
			t.Fatalf("%s is %g", name, p)
		}
	}
	if s.RepeatPenalty <= 0 { // logits are divided by it
		t.Fatalf("RepeatPenalty is %g", s.RepeatPenalty)
	}
	if s.TopK > vocabulary || s.MinKeep > vocabulary || s.RepeatLastN > context || s.DryPenaltyLastN > context || s.Mirostat > 2 {
		t.Fatalf("%+v", s)
	}
	for _, b := range s.Bias {
		if b.Token < 0 || int(b.Token) >= vocabulary || math.IsNaN(b.Bias) || math.Abs(b.Bias) > 1e9 {
			t.Fatalf("%+v of %d tokens", b, vocabulary)
		}
	}
	for _, b := range s.DryBreakers {
		if b == "" || len(b) > 64 {
			t.Fatalf("%q", b)
		}
	}
	if len(s.Bias) > 1024 || len(s.DryBreakers) > 16 {
		t.Fatalf("%d biases, %d breakers", len(s.Bias), len(s.DryBreakers))
	}
}

// What needs no change gets none.
func TestClampLeavesDefaults(t *testing.T) {
	s := spec.DefaultSampling()
	s.Clamp(32000, 4096)
	want := spec.DefaultSampling()
	want.DryPenaltyLastN = 4096 // −1 is the whole context
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v\nwant %+v", s, want)
	}
}
