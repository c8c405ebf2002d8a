package server

import (
	"net/http"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// health is what /health says.
type health struct {
	// Status is ok, degraded, loading, unavailable or ending. The server answers 200 in the first two.
	Status string `json:"status"`
	Live   bool   `json:"live"`
	// Ready says that an engine has generated a token with the model and takes requests.
	Ready   bool          `json:"ready"`
	Reason  string        `json:"reason,omitempty"`
	Engine  *engineHealth `json:"engine"`
	Backend string        `json:"backend,omitempty"`
	Device  string        `json:"device,omitempty"`
	Model   *modelHealth  `json:"model"`
	Loading *wire.Loading `json:"loading"`
	// Swap tells of the change to another engine that is under way, or that failed.
	Swap     *wire.Swap `json:"swap"`
	Degraded []string   `json:"degraded"`
}

// engineHealth is what is known of the engine.
type engineHealth struct {
	PID      int       `json:"pid,omitempty"`
	Version  string    `json:"version,omitempty"`
	Build    string    `json:"build,omitempty"`
	Features []string  `json:"features,omitempty"`
	Since    time.Time `json:"since"`
	// Exits counts engines that were lost, each of which another followed, by reason.
	Exits       map[string]uint64 `json:"restarts"`
	Replayed    uint64            `json:"replayed"`
	Continued   uint64            `json:"continued"`
	Quarantined uint64            `json:"quarantined"`
	Running     int               `json:"running"`
	Waiting     int               `json:"waiting"`
}

// modelHealth is what is known of the model. Its path stays here: /health is read by everybody.
type modelHealth struct {
	ID          string `json:"id"`
	Description string `json:"description,omitempty"`
	Size        uint64 `json:"size,omitempty"`
	Parameters  uint64 `json:"parameters,omitempty"`
	Vocabulary  int    `json:"vocabulary,omitempty"`
	Context     int    `json:"context,omitempty"`
	Cells       int    `json:"cells,omitempty"`
	Parallel    int    `json:"parallel,omitempty"`
	Template    bool   `json:"template"`
}

func (s *Server) health(v *visit) error {
	st := s.engine.Status()
	_, closed := s.doors.state()
	h := healthOf(&st, s.cfg().Model, closed)
	if h.Ready {
		return v.send(http.StatusOK, encode(h))
	}
	v.w.Header().Set("Retry-After", "1")
	return v.send(http.StatusServiceUnavailable, encode(h))
}

func healthOf(st *wire.Status, model string, ending bool) health {
	h := health{Live: true, Degraded: degraded(st), Swap: st.Swap, Model: &modelHealth{ID: model}, Engine: &engineHealth{
		Since: st.Since, Exits: bounded(st.Exits), Replayed: st.Replayed, Continued: st.Continued, Quarantined: st.Quarantined,
		Running: len(st.State.Running), Waiting: st.State.Waiting,
	}}
	if e := st.Hello; e != nil {
		h.Engine.PID, h.Engine.Version, h.Engine.Build, h.Engine.Features = e.PID, e.Version, e.Build, e.Features
	}
	if r := st.Ready; r != nil {
		h.Backend, h.Device, h.Ready = r.Backend, r.Device, !ending
		m := &r.Model
		h.Model = &modelHealth{model, m.Description, m.Size, m.Parameters, m.Vocabulary, m.Context, m.Cells, m.Parallel, m.Template}
	}
	switch {
	case ending:
		h.Status, h.Reason = "ending", "the server is ending"
	case st.Ready != nil && len(h.Degraded) == 0:
		h.Status = "ok"
	case st.Ready != nil:
		h.Status = "degraded"
	case st.Loading != nil:
		h.Status, h.Reason, h.Loading = "loading", st.Why, st.Loading
	default:
		h.Status, h.Reason = "unavailable", st.Why
	}
	if !h.Ready && h.Reason == "" {
		h.Reason = "no engine is ready"
	}
	return h
}

// degraded says, in words, what the engine could have and has not.
func degraded(st *wire.Status) []string {
	words := []string{}
	if st.Ready != nil {
		words = append(words, st.Ready.Degraded...)
	} else if st.Hello != nil {
		words = append(words, st.Hello.Degraded...)
	}
	words = append(words, st.Degraded...)
	slices.Sort(words)
	return slices.Compact(words)
}
