package server

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// The buckets are vLLM's (vllm/v1/metrics/loggers.py), so that dashboards for it fit.
var (
	firstTokenBuckets = []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	interTokenBuckets = []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	requestBuckets    = []float64{.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
)

// metrics are what the server counts, in a registry of its own.
type metrics struct {
	registry                                  *prometheus.Registry
	firstToken, interToken, request, wait     prometheus.Histogram
	tokens, requests, rejections, generations *prometheus.CounterVec
	panics                                    prometheus.Counter
}

func newMetrics(e Engine, d *doors) *metrics {
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "agent0_" + name, Help: help, Buckets: buckets})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agent0_" + name, Help: help}, labels)
	}
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		firstToken:  histogram("time_to_first_token_seconds", "Time from a sequence's request to its first token.", firstTokenBuckets),
		interToken:  histogram("inter_token_latency_seconds", "Time between two tokens of a sequence.", interTokenBuckets),
		request:     histogram("request_duration_seconds", "Time from a sequence's request to its end.", requestBuckets),
		wait:        histogram("queue_wait_seconds", "Time from a sequence's request until an engine began to compute it.", requestBuckets),
		tokens:      counters("tokens_total", "Tokens of sequences: of prompts, of those the ones that were in the cache, and generated.", "type"),
		requests:    counters("http_requests_total", "Answered requests.", "path", "code"),
		rejections:  counters("admission_rejections_total", "Requests that were refused with a Retry-After.", "reason"),
		generations: counters("sequences_total", "Sequences by how they ended.", "reason"),
		panics:      prometheus.NewCounter(prometheus.CounterOpts{Name: "agent0_http_panics_total", Help: "Panics that were caught, each at the cost of one request."}),
	}
	for _, t := range []string{"prompt", "cached", "generated"} {
		m.tokens.WithLabelValues(t)
	}
	m.registry.MustRegister(m.firstToken, m.interToken, m.request, m.wait, m.tokens, m.requests, m.rejections, m.generations, m.panics,
		&engineCollector{e, d}, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	return m
}

func (m *metrics) answered(path string, status int) {
	m.requests.WithLabelValues(path, strconv.Itoa(status)).Inc()
}

func (m *metrics) rejected(reason string) { m.rejections.WithLabelValues(reason).Inc() }

// watch measures one sequence.
type watch struct {
	m           *metrics
	began, last time.Time // last is when the latest token came
}

func (m *metrics) begin(now time.Time) *watch { return &watch{m: m, began: now} }

func (w *watch) saw(e *wire.Event, now time.Time) {
	switch {
	case e.Begun != nil:
		w.m.wait.Observe(now.Sub(w.began).Seconds())
	case e.Accepted != nil:
		w.m.tokens.WithLabelValues("prompt").Add(float64(e.Accepted.Prompt))
	case e.Token != nil:
		if w.last.IsZero() {
			w.m.firstToken.Observe(now.Sub(w.began).Seconds())
		} else {
			w.m.interToken.Observe(now.Sub(w.last).Seconds())
		}
		w.last = now
		w.m.tokens.WithLabelValues("generated").Inc()
	case e.Done != nil:
		w.m.tokens.WithLabelValues("cached").Add(float64(e.Done.Cached))
		w.m.request.Observe(now.Sub(w.began).Seconds())
		if e.Done.Reason == wire.Length {
			w.m.generations.WithLabelValues(wire.Length).Inc()
		} else {
			w.m.generations.WithLabelValues(wire.Stop).Inc()
		}
	}
}

// ended counts a sequence that did not come to its end.
func (w *watch) ended(err error) {
	var refused *wire.Refused
	var none *wire.UnavailableError
	switch {
	case err == nil:
		return
	case errors.As(err, &refused):
		w.m.generations.WithLabelValues("refused").Inc()
	case errors.As(err, &none):
		w.m.generations.WithLabelValues("unavailable").Inc()
	default:
		w.m.generations.WithLabelValues("cancelled").Inc()
	}
}

// engineCollector tells of the engine when it is asked.
type engineCollector struct {
	engine Engine
	doors  *doors
}

var (
	descInFlight    = prometheus.NewDesc("agent0_http_requests_in_flight", "Requests that are being worked on or wait.", nil, nil)
	descReady       = prometheus.NewDesc("agent0_engine_ready", "Whether an engine has generated a token and takes requests.", nil, nil)
	descDegraded    = prometheus.NewDesc("agent0_engine_degraded", "How many things the engine could have and has not; /health names them.", nil, nil)
	descInfo        = prometheus.NewDesc("agent0_engine_info", "What computes.", []string{"version", "build", "backend", "device"}, nil)
	descRunning     = prometheus.NewDesc("agent0_requests_running", "Sequences that are being computed.", nil, nil)
	descWaiting     = prometheus.NewDesc("agent0_requests_waiting", "Sequences that wait for their turn.", nil, nil)
	descCells       = prometheus.NewDesc("agent0_kv_cells_used_ratio", "Part of the KV cache that running sequences hold.", nil, nil)
	descExits       = prometheus.NewDesc("agent0_engine_exits_total", "Engines that were lost.", []string{"reason"}, nil)
	descSwaps       = prometheus.NewDesc("agent0_engine_swaps_total", "Changes to an engine with another configuration, by how they ended.", []string{"result"}, nil)
	descReplayed    = prometheus.NewDesc("agent0_requests_replayed_total", "Requests that went on in another engine before anything was sent.", nil, nil)
	descContinued   = prometheus.NewDesc("agent0_requests_continued_total", "Requests that went on in another engine after something was sent.", nil, nil)
	descQuarantined = prometheus.NewDesc("agent0_requests_quarantined_total", "Requests that were given up because engines died of them.", nil, nil)
)

func (c *engineCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descInFlight, descReady, descDegraded, descInfo, descRunning, descWaiting, descCells,
		descExits, descSwaps, descReplayed, descContinued, descQuarantined} {
		to <- d
	}
}

func (c *engineCollector) Collect(to chan<- prometheus.Metric) {
	st := c.engine.Status()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	inside, _ := c.doors.state()
	ready, cells := 0.0, 0.0
	if st.Ready != nil {
		ready = 1
		cells = float64(st.State.Cells) / float64(max(1, st.Ready.Model.Cells))
	}
	gauge(descInFlight, float64(inside))
	gauge(descReady, ready)
	gauge(descDegraded, float64(len(degraded(&st))))
	if st.Hello != nil {
		backend, device := "", ""
		if st.Ready != nil {
			backend, device = st.Ready.Backend, st.Ready.Device
		}
		gauge(descInfo, 1, label(st.Hello.Version), label(st.Hello.Build), label(backend), label(device))
	}
	gauge(descRunning, float64(len(st.State.Running)))
	gauge(descWaiting, float64(st.State.Waiting))
	gauge(descCells, cells)
	for reason, n := range bounded(st.Exits) {
		counter(descExits, n, reason)
	}
	for _, result := range []string{"done", "failed", "superseded"} {
		counter(descSwaps, st.Swaps[result], result)
	}
	counter(descReplayed, st.Replayed)
	counter(descContinued, st.Continued)
	counter(descQuarantined, st.Quarantined)
}

// label is a text that a registry takes.
func label(s string) string { return string([]rune(s)[:min(64, len([]rune(s)))]) }

// maxReasons is how many values the label reason has at most.
const maxReasons = 16

// bounded are the most frequent of counts by reason; the others are counted together.
func bounded(counts map[string]uint64) map[string]uint64 {
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	out := map[string]uint64{}
	for i, r := range reasons {
		name := label(r)
		if i >= maxReasons-1 && len(reasons) > maxReasons {
			name = "other"
		}
		out[name] += counts[r]
	}
	return out
}

func (s *Server) scrape(v *visit) error {
	_ = v.control.SetWriteDeadline(time.Now().Add(s.cfg().WriteStall)) // what has no deadlines is no connection
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4}).ServeHTTP(http.ResponseWriter(v.w), v.r)
	return nil
}
